/**
 * One submission connection from accept to close: smtp-server talks first, AUTH is ours, and after AUTH the relay takes over.
 */
import type { Duplex } from 'node:stream'
import { MailwicketError } from '../../base/errors.ts'
import type { Log } from '../../base/log.ts'
import { Wire } from '../../base/wire.ts'
import type { SmtpConnector } from '../../upstream/smtp/smtp-connector.ts'
import type { SmtpUpstream } from '../../upstream/smtp/smtp-upstream.ts'
import { sanitise, UpstreamFailure } from '../../upstream/upstream-failure.ts'
import { LIMITS } from '../limits.ts'
import type { Connection } from '../listen/connection.ts'
import { type LoginOutcome, type LoginServices, logIn } from '../login/login.ts'
import type { Credentials } from '../login/sasl.ts'
import type { MessageRefusal } from '../monitoring/metrics.ts'
import { type EndReason, LiveSession } from '../sessions/live-sessions.ts'
import type { SendingLedger } from './sending-ledger.ts'
import { makeSendingPolicy, type SendingPolicy } from './sending-policy.ts'
import { readAuth } from './smtp-auth.ts'
import { type ServedConnection, serveBySmtpServer } from './smtp-detach.ts'
import { SmtpRelay } from './smtp-relay.ts'
import { failureReply, REPLIES, refusalReply } from './smtp-replies.ts'
import type { SmtpServerAdapter } from './smtp-server-adapter.ts'

export interface SmtpServices extends LoginServices {
  readonly connect: SmtpConnector
  readonly smtpServer: SmtpServerAdapter
  readonly ledger: SendingLedger
}

type LoggedIn = Extract<LoginOutcome<SmtpUpstream>, { readonly upstream: SmtpUpstream }>

/** No app is silent for so long with a message in mind; longer than the ten minutes that RFC 5321 §4.5.3.2.6 gives an upstream for its 250. */
const IDLE_MS = 15 * 60_000
/** Verbs that smtp-server answers before login; all others it refuses and counts. */
const NEEDS_LOGIN: ReadonlySet<string> = new Set(['MAIL', 'RCPT', 'DATA'])

export class SmtpSession {
  readonly #services: SmtpServices
  readonly #connection: Connection
  readonly #live: LiveSession
  readonly #log: Log
  readonly #acceptedAt = Date.now()
  readonly #done = Promise.withResolvers<void>()
  #served: ServedConnection | undefined
  #helo = ''
  #received = 0
  #commands = 0
  #malformed = 0
  #refusedLogins = 0
  /** Set while an AUTH exchange waits for the client's next line. */
  #takeLine: ((line: Buffer) => void) | undefined
  #isAuthenticating = false
  #isLoggingIn = false
  #hasLeft = false
  /** How a login that is under way hears that it is for nobody any more. */
  readonly #loginWire: Pick<Wire, 'onGone'> = { onGone: undefined }
  #timer: NodeJS.Timeout | undefined

  constructor(services: SmtpServices, connection: Connection, log: Log) {
    this.#services = services
    this.#connection = connection
    this.#live = new LiveSession({ protocol: 'submission', scope: 'smtp', ip: connection.ip, since: this.#acceptedAt, end: why => this.#endEarly(why) })
    this.#log = log.with({ cid: this.#live.id, proto: 'submission', remote: connection.ip })
  }

  /** Serves the client until it is logged in, has left or has been sent away. Never rejects. */
  async run(msToLogin: number = LIMITS.loginMs): Promise<void> {
    this.#timer = setTimeout(() => this.#sendAway(REPLIES.tooSlow, 'login-timeout'), msToLogin)
    this.#services.live.enter(this.#live)
    this.#connection.giveWay = () => {
      if (this.#live.device !== undefined) return false
      this.#sendAway(REPLIES.tooCrowded, 'too-crowded')
      return true
    }
    if (!this.#hasLeft) this.#serve('greet')
    await this.#done.promise
    clearTimeout(this.#timer)
  }

  #serve(greeting: 'greet' | 'silent'): void {
    const { socket, tls } = this.#connection
    socket.on('close', this.#onClose)
    socket.on('end', this.#onEnd)
    this.#served = serveBySmtpServer(this.#services.smtpServer.server(tls === null ? 'plain' : 'secure'), socket, {
      filter: (line, done) => this.#filter(line, done),
      greeting,
      onBug: error => this.#fail(error),
    })
  }

  /** Half-open is for after the login: who ends before it has left. A login that is under way hears of it by itself. */
  readonly #onEnd = (): void => {
    if (!this.#isLoggingIn) this.#drop('client-closed')
  }

  readonly #onClose = (): void => {
    if (!this.#hasLeft) this.#leave('client-closed')
  }

  /** Looks at each line before smtp-server does. */
  #filter(line: Buffer, done: () => void): 'pass' | 'taken' {
    if (this.#hasLeft) return 'taken'
    this.#received += line.length + 2
    this.#commands += 1
    if (this.#commands > LIMITS.preLoginCommands) return this.#take(() => this.#sendAway(REPLIES.tooMany, 'too-many-commands'))
    if (this.#received > LIMITS.preLoginBytes) return this.#take(() => this.#sendAway(REPLIES.tooLong, 'too-large'))
    if (this.#takeLine !== undefined) {
      const take = this.#takeLine
      this.#takeLine = undefined
      take(line)
      // The next line is asked for at once: what comes before the reply is seen, and ends the connection.
      done()
      return 'taken'
    }
    // RFC 4954 §4: AUTH is the last command of a pipelined group; what follows it was not written for who answers it.
    if (this.#isAuthenticating) return this.#take(() => this.#sendAway(REPLIES.authPipelined, 'pipelined-behind-auth'))
    const text = line.toString('latin1')
    const verb = /^[A-Za-z]+/.exec(text)?.[0].toUpperCase() ?? ''
    if (verb === 'EHLO' || verb === 'HELO') this.#helo = text.slice(5).trim().slice(0, 255)
    if (verb === 'AUTH') {
      this.#auth(text, done)
      return 'taken'
    }
    if (verb === 'STARTTLS' && /^STARTTLS$/i.test(text) && this.#connection.tls === null) return this.#take(() => void this.#startTls())
    if (NEEDS_LOGIN.has(verb)) {
      this.#say(this.#connection.tls === null ? REPLIES.needsTls : REPLIES.needsAuth)
      done()
      return 'taken'
    }
    return 'pass'
  }

  #take(act: () => void): 'taken' {
    act()
    return 'taken'
  }

  /** RFC 3207 §4.2: what came behind STARTTLS is thrown away, and everything learnt before is forgotten. */
  async #startTls(): Promise<void> {
    const socket = this.#served?.detach()
    if (socket === undefined) return
    this.#served = undefined
    this.#forget(socket)
    socket.write(REPLIES.startTls)
    try {
      await this.#connection.secure()
    } catch (error) {
      this.#connection.destroy()
      if (this.#hasLeft) return
      return this.#leave(error instanceof MailwicketError && error.code === 'WIRE_TIMEOUT' ? 'tls-timeout' : 'client-closed')
    }
    if (this.#hasLeft) return
    this.#helo = ''
    this.#received = 0
    this.#serve('silent')
  }

  #auth(line: string, done: () => void): void {
    if (this.#connection.tls === null) {
      this.#say(REPLIES.authNeedsTls)
      return done()
    }
    if (this.#helo === '') {
      this.#say(REPLIES.authNeedsEhlo)
      return done()
    }
    this.#isAuthenticating = true
    const ask = (challenge: string) =>
      new Promise<Buffer>(resolve => {
        this.#takeLine = resolve
        this.#say(challenge)
      })
    this.#finishAuth(readAuth(line, ask)).catch(error => this.#fail(error))
    done()
  }

  async #finishAuth(reading: Promise<Credentials | string>): Promise<void> {
    const credentials = await reading
    if (typeof credentials === 'string') {
      this.#isAuthenticating = false
      this.#say(credentials)
      // Counted like smtp-server counts what it cannot read; a cancelled dialogue is no nonsense, but nobody cancels ten.
      this.#malformed += 1
      return this.#malformed >= LIMITS.malformedCommands ? this.#sendAway(REPLIES.tooMuchMalformed, 'malformed') : undefined
    }
    if (this.#served?.hasPipelined) return this.#sendAway(REPLIES.authPipelined, 'pipelined-behind-auth')
    await this.#logIn(credentials)
  }

  async #logIn(credentials: Credentials): Promise<void> {
    const { services, live } = { services: this.#services, live: this.#live }
    const { socket, tls, ip, port, destination } = this.#connection
    // While the login runs, only the end of the connection is of interest: smtp-server still has the socket.
    const gone = this.#loginWire
    const onClose = () => gone.onGone?.(new MailwicketError('WIRE_CLOSED'))
    socket.once('close', onClose)
    socket.once('end', onClose)
    this.#isLoggingIn = true
    const facts = { ip, port, destination, session: live.id, helo: this.#helo }
    const outcome = await logIn(services, { session: live, credentials, wire: gone, tls, log: this.#log }, (route, signal) =>
      services.connect(route, facts, signal),
    )
    this.#isLoggingIn = false
    socket.off('close', onClose)
    socket.off('end', onClose)
    if ('upstream' in outcome) return this.#startRelay(outcome)
    live.endBy(why => this.#endEarly(why))
    services.live.release(live)
    if ('gone' in outcome) return outcome.gone === 'client-left' ? this.#drop('client-closed') : this.#endEarly(outcome.gone as EndReason)
    this.#isAuthenticating = false
    this.#say('refused' in outcome ? refusalReply(outcome.refused) : failureReply(outcome.failed))
    this.#refusedLogins += 1
    if (this.#refusedLogins >= LIMITS.refusedLogins) this.#sendAway(REPLIES.tooManyRefusals, 'too-many-refusals')
  }

  /** The hand-over: from here on smtp-server has no part in the connection. */
  #startRelay(login: LoggedIn): void {
    const { upstream } = login
    if (this.#hasLeft || this.#served?.hasPipelined !== false) {
      upstream.socket.destroy()
      return this.#sendAway(REPLIES.authPipelined, 'pipelined-behind-auth')
    }
    const socket = this.#served.detach()
    // smtp-server's connection and parser go with it: the relay may live for hours.
    this.#served = undefined
    this.#forget(socket)
    this.#hasLeft = true
    this.#services.smtpServer.learn(login.mailbox.upstream, upstream.keywords)
    this.#relay(socket, login).catch(error => {
      this.#log.error('bug', { err: (error as Error).message, stack: (error as Error).stack })
      this.#connection.destroy()
      upstream.socket.destroy()
      this.#over('bug')
    })
    this.#done.resolve()
  }

  async #relay(socket: Duplex, login: LoggedIn): Promise<void> {
    const { upstream, device, mailbox } = login
    const { metrics } = this.#services
    const live = this.#live
    const client = new Wire(socket, LIMITS.commandBytes)
    const relay = new SmtpRelay({
      client,
      upstream: upstream.wire,
      policy: this.#policyFor(login),
      ehloReply: this.#services.smtpServer.ehloReply(),
      onAccepted: message => {
        metrics.messageAccepted()
        this.#log.info('mail.accepted', { device: device.id, mailbox: mailbox.address, ...message })
      },
      onDeclined: () => metrics.messageRefused('upstream'),
      onRefused: (what, reply) => {
        metrics.messageRefused(what.split(' ', 1)[0] as MessageRefusal)
        this.#log.warn('mail.refused', { device: device.id, mailbox: mailbox.address, what: sanitise(what), reply: reply.trim() })
      },
      onUpstreamFailure: ({ reason, detail }) => this.#log.error('upstream.failed', { device: device.id, reason, detail }),
    })
    live.countBytes = () => ({ bytesIn: client.bytesReceived, bytesOut: upstream.wire.bytesReceived })
    live.endBy(why => relay.end(why, why === 'shutdown' ? REPLIES.shutdown : REPLIES.ended))
    live.parting = { kind: 'asked', endAtRest: () => relay.endAtRest('shutdown', REPLIES.shutdown) }
    const onIdle = () => relay.end('idle', REPLIES.idle)
    ;(socket as unknown as { setTimeout(ms: number, onTimeout: () => void): void }).setTimeout?.(IDLE_MS, onIdle)
    socket.write(REPLIES.authSucceeded)
    const { message: why, lastReply, cause } = await relay.run()
    if (cause instanceof UpstreamFailure) this.#log.error('upstream.failed', { device: device.id, reason: cause.reason, detail: cause.detail })
    else if (cause !== undefined) this.#log.error('bug', { err: (cause as Error).message, stack: (cause as Error).stack })
    upstream.wire.release().socket.destroy()
    client.release()
    this.#connection.disconnect(lastReply ?? '')
    this.#over(why)
  }

  #policyFor({ device, mailbox }: LoggedIn): SendingPolicy {
    const { store, recorder, ledger } = this.#services
    return makeSendingPolicy({
      mailbox: mailbox.address,
      readTerms: () => store.readSendingTerms(device.id),
      ledger,
      recordSent: (recipients, onWritten) => recorder.sent({ device: device.id, recipients, at: Date.now() }, onWritten),
    })
  }

  #forget(socket: Duplex): void {
    socket.off('close', this.#onClose)
    socket.off('end', this.#onEnd)
  }

  #say(reply: string): void {
    if (!this.#hasLeft) this.#connection.socket.write(reply)
  }

  #endEarly(why: EndReason): void {
    this.#sendAway(why === 'shutdown' ? REPLIES.shutdown : REPLIES.ended, why)
  }

  #sendAway(reply: string, why: string): void {
    if (this.#hasLeft) return
    this.#served?.detach()
    this.#connection.disconnect(reply)
    this.#leave(why)
  }

  #drop(why: string): void {
    if (this.#hasLeft) return
    this.#served?.detach()
    this.#connection.destroy()
    this.#leave(why)
  }

  #fail(error: unknown): void {
    this.#log.error('bug', { err: (error as Error).message, stack: (error as Error).stack })
    this.#sendAway(REPLIES.bug, 'bug')
  }

  #leave(why: string): void {
    this.#hasLeft = true
    // Before the session is over: a login that succeeds afterwards would be recorded for a session that nobody ends.
    this.#loginWire.onGone?.(new MailwicketError('WIRE_CLOSED', { message: why }))
    this.#over(why)
    this.#done.resolve()
  }

  /** Writes the one `session.end` line. */
  #over(why: string): void {
    const { live, recorder, metrics } = this.#services
    const { mailbox, device } = this.#live
    live.leave(this.#live)
    recorder.ended(this.#live)
    metrics.sessionEnded(this.#live, why)
    this.#log.info('session.end', { why, mailbox, device: device?.id, seconds: (Date.now() - this.#acceptedAt) / 1000, ...this.#live.countBytes() })
  }
}
