/**
 * One submission connection from accept to login. smtp-server splits the lines; each is looked at here first, and what a command does stands in
 * smtp-verbs.ts. After login the connection belongs to the relay, and nothing of this or of smtp-server is left.
 */
import type { Duplex } from 'node:stream'
import { MailwicketError } from '../../base/errors.ts'
import type { Log } from '../../base/log.ts'
import type { Wire } from '../../base/sockets/wire.ts'
import type { Connection } from '../listen/connection.ts'
import { ClientSession } from '../login/client-session.ts'
import type { Credentials } from '../login/sasl.ts'
import { readAuth } from './smtp-auth.ts'
import { formatCommand, parseCommand } from './smtp-command.ts'
import { serveBySmtpServer } from './smtp-detach.ts'
import type { SmtpCommands, SmtpDialogue, SmtpServed, SmtpServices } from './smtp-dialogue.ts'
import { relaySubmission } from './smtp-hand-over.ts'
import { failureReply, REPLIES, refusalReply } from './smtp-replies.ts'
import { findVerb } from './smtp-verbs.ts'

export class SmtpSession extends ClientSession<SmtpServed, SmtpServices> implements SmtpDialogue {
  /** Asks smtp-server for the line behind the one that it gave last. */
  #nextLine: () => void = () => {}

  constructor(services: SmtpServices, connection: Connection, log: Log) {
    super({ services, connection, log }, { name: 'submission', scope: 'smtp', lastReplies: REPLIES })
  }

  protected async serve(): Promise<void> {
    this.#read('greet')
  }

  protected detach(state: SmtpServed, error: MailwicketError): void {
    this.#takeBack(state)
    if (state.name === 'logging-in') state.wire.onGone?.(error)
  }

  #read(greeting: 'greet' | 'silent'): void {
    const { socket, tls } = this.connection
    const name = tls === null ? 'plain' : 'secure'
    socket.on('close', this.#onClose)
    socket.on('end', this.#onEnd)
    const served = serveBySmtpServer(this.services.smtpServer.server, socket, {
      filter: (line, done) => this.#filter(line, done),
      greeting,
      onTooLong: () => this.sendAway(`${REPLIES.tooLong}${REPLIES.closing}`, 'too-long'),
      onBug: error => this.fail(error),
    })
    this.enter({ name, served, helo: '' })
  }

  /** The socket, without a listener of smtp-server or of ours. */
  #takeBack({ served }: SmtpServed): Duplex {
    const socket = served.detach()
    socket.off('close', this.#onClose)
    socket.off('end', this.#onEnd)
    return socket
  }

  /** Half-open is for after the login: who ends before it has left. A login that is under way hears of it by itself. */
  readonly #onEnd = (): void => {
    const { state } = this
    if (state.name === 'logging-in') state.wire.onGone?.(new MailwicketError('WIRE_CLOSED'))
    else this.drop('client-closed')
  }

  readonly #onClose = (): void => this.drop('client-closed')

  /** Looks at each line before smtp-server does. */
  #filter(line: Buffer, done: () => void): Buffer | 'taken' {
    this.#nextLine = done
    if (!this.countCommand(line.length + 2)) return 'taken'
    const { state } = this
    if (state.name === 'plain' || state.name === 'secure') {
      const command = parseCommand(line)
      const outcome = command === undefined ? this.refuseMalformed(REPLIES.noCommand) : findVerb(command.verb, state.name)(this, command)
      if (outcome === 'taken') done()
      return command !== undefined && outcome === 'pass' ? Buffer.from(formatCommand(command), 'latin1') : 'taken'
    }
    if (state.name === 'answering') {
      this.enter({ ...state, name: 'authenticating' })
      state.take(line)
    } else {
      // RFC 4954 §4: AUTH is the last command of a pipelined group; what follows it was not written for who answers it.
      this.sendAway(REPLIES.authPipelined, 'pipelined-behind-auth')
    }
    return 'taken'
  }

  say(reply: string): void {
    if (!this.hasLeft) this.connection.socket.write(reply)
  }

  refuseMalformed(reply: string): 'taken' {
    this.say(reply)
    this.countMalformed()
    return 'taken'
  }

  greet(helo: string, kind: 'ehlo' | 'helo'): void {
    const { state } = this
    if (state.name !== 'plain' && state.name !== 'secure') return
    this.enter({ ...state, helo })
    const { smtpServer } = this.services
    this.say(kind === 'ehlo' ? smtpServer.ehloReply(state.name) : smtpServer.heloReply())
  }

  startTls(): void {
    this.#startTls().catch(error => this.fail(error))
  }

  /** RFC 3207 §4.2: what came behind STARTTLS is thrown away, and everything learnt before is forgotten. */
  async #startTls(): Promise<void> {
    const { state } = this
    if (state.name !== 'plain') return
    this.#takeBack(state).write(REPLIES.startTls)
    await this.putTlsOn()
    if (!this.hasLeft) this.#read('silent')
  }

  authenticate(argument: string): void {
    this.#authenticate(argument).catch(error => this.fail(error))
  }

  async #authenticate(argument: string): Promise<void> {
    const { state } = this
    if (state.name !== 'secure') return
    if (state.helo === '') {
      this.say(REPLIES.authNeedsEhlo)
      return this.#nextLine()
    }
    const ask = (challenge: string) =>
      new Promise<Buffer>(take => {
        this.enter({ ...state, name: 'answering', take })
        this.say(challenge)
        // An answer may have come before its question: microcontrollers write AUTH LOGIN, name and password at once.
        this.#nextLine()
      })
    this.enter({ ...state, name: 'authenticating' })
    const credentials = await readAuth(argument, ask)
    if (typeof credentials !== 'string') return this.#logIn(state, credentials)
    this.enter(state)
    // A cancelled dialogue is no nonsense, but nobody cancels ten.
    this.refuseMalformed(credentials)
    this.#nextLine()
  }

  async #logIn(state: SmtpCommands, credentials: Credentials): Promise<void> {
    // From here on any line was not asked for, and ends the connection.
    this.#nextLine()
    if (this.hasLeft || state.served.hasPipelined) return this.sendAway(REPLIES.authPipelined, 'pipelined-behind-auth')
    // While the login runs, only the end of the connection is of interest: smtp-server still has the socket.
    const wire: Pick<Wire, 'onGone'> = { onGone: undefined }
    this.enter({ ...state, name: 'logging-in', wire })
    const { ip, port, destination } = this.connection
    const client = { ip, port, destination, session: this.live.id, helo: state.helo }
    const answer = (reply: string) => {
      this.enter(state)
      this.say(reply)
    }
    const login = await this.tryLogin({
      credentials,
      wire,
      connect: (route, signal) => this.services.connect(route, client, signal),
      onRefused: refusal => answer(refusalReply(refusal)),
      onFailed: failure => answer(failureReply(failure)),
    })
    if (login === undefined) return
    if (this.hasLeft || state.served.hasPipelined) {
      login.upstream.socket.destroy()
      return this.sendAway(REPLIES.authPipelined, 'pipelined-behind-auth')
    }
    this.leave()
    relaySubmission(this, this.#takeBack(state), login)
  }
}
