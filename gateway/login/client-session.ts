/**
 * The life of a client's connection from accept until it is spliced, relayed or closed; the same for both protocols. It stands in the table of
 * live sessions, gives way, has a deadline, is counted, logs in any number of times, and leaves once, with the one `session.end` line.
 *
 * Who reads the connection, and what is said, is the protocol's. Invariant: after `left` nothing is said, and no state is entered any more.
 */
import type { Duplex } from 'node:stream'
import { MailwicketError } from '../../base/errors.ts'
import type { Log } from '../../base/log.ts'
import type { Wire } from '../../base/sockets/wire.ts'
import type { Scope } from '../../store/schema/login-record.ts'
import type { FailureReply } from '../../upstream/upstream-failure.ts'
import type { Route } from '../../upstream/upstream-routes.ts'
import type { Connection } from '../listen/connection.ts'
import { type EndReason, LiveSession } from '../sessions/live-sessions.ts'
import type { Refusal } from '../sessions/refusal.ts'
import { type LoginOutcome, type LoginServices, logIn } from './login.ts'
import type { Credentials } from './sasl.ts'

/** `unserved`: nobody reads it, because it was just accepted or TLS is being put on. `left`: it is not this session's any more. */
type Unserved = { readonly name: 'unserved' }
type Left = { readonly name: 'left' }

/** What a client hears last, in the words of its protocol. */
export interface LastReplies {
  readonly tooSlow: string
  readonly tooCrowded: string
  readonly tooMany: string
  readonly tooLarge: string
  readonly tooMuchMalformed: string
  readonly tooManyRefusals: string
  readonly ended: string
  readonly shutdown: string
  readonly bug: string
}

export type LoggedIn<Upstream> = Extract<LoginOutcome<Upstream>, { readonly upstream: Upstream }>

export interface LoginOf<Upstream> {
  readonly credentials: Credentials
  /** When the client goes, the login ends. */
  readonly wire: Pick<Wire, 'onGone'>
  readonly connect: (route: Route, signal: AbortSignal) => Promise<Upstream>
  readonly onRefused: (refusal: Refusal) => void
  readonly onFailed: (reply: FailureReply) => void
}

export abstract class ClientSession<Served extends { readonly name: string }, Services extends LoginServices> {
  readonly services: Services
  readonly connection: Connection
  readonly live: LiveSession
  readonly log: Log
  readonly #lastReplies: LastReplies
  readonly #acceptedAt = Date.now()
  readonly #left = Promise.withResolvers<void>()
  #state: Served | Unserved | Left = { name: 'unserved' }
  #isOver = false
  #commands = 0
  #received = 0
  #malformed = 0
  #refusedLogins = 0

  constructor(
    { services, connection, log }: { readonly services: Services; readonly connection: Connection; readonly log: Log },
    protocol: { readonly name: 'imap' | 'submission'; readonly scope: Scope; readonly lastReplies: LastReplies },
  ) {
    this.services = services
    this.connection = connection
    this.#lastReplies = protocol.lastReplies
    const { ip } = connection
    this.live = new LiveSession({ protocol: protocol.name, scope: protocol.scope, ip, since: this.#acceptedAt, end: why => this.endEarly(why) })
    this.log = log.with({ cid: this.live.id, proto: protocol.name, remote: ip })
  }

  /** Begins to serve. What it throws ends the session. */
  protected abstract serve(): Promise<void>

  /** Takes the connection from whoever reads it in this state, and tells who waits for the client that nobody does any more. */
  protected abstract detach(served: Served, error: MailwicketError): void

  /** Serves the client until it is logged in, has left or has been sent away. Never rejects. */
  async run(msToLogin: number = this.services.limits.loginMs): Promise<void> {
    const timer = setTimeout(() => this.sendAway(this.#lastReplies.tooSlow, 'login-timeout'), msToLogin)
    this.connection.giveWay = () => {
      if (this.live.device !== undefined) return false
      this.sendAway(this.#lastReplies.tooCrowded, 'too-crowded')
      return true
    }
    this.services.live.enter(this.live)
    if (this.connection.tls === null) this.connection.socket.once('data', this.#lookForTls)
    try {
      if (!this.hasLeft) await this.serve()
      await this.#left.promise
    } catch (error) {
      this.fail(error)
    } finally {
      clearTimeout(timer)
    }
  }

  /** RFC 8446 §5.1: a record of the handshake begins with this byte, and no command does. */
  readonly #lookForTls = ([first]: Buffer): void => {
    if (first !== 0x16) return
    this.connection.onSpeaksTls()
    this.drop('speaks-tls')
  }

  get state(): Served | Unserved | Left {
    return this.#state
  }

  get hasLeft(): boolean {
    return this.#state.name === 'left'
  }

  protected enter(next: Served | Unserved): void {
    if (!this.hasLeft) this.#state = next
  }

  /** The hand-over: from here on somebody else has the connection, and writes `session.end` by `over`. */
  leave(): void {
    this.#state = { name: 'left' }
    this.#left.resolve()
  }

  /** Says a last word and closes. */
  sendAway(text: string, why: string): void {
    this.#end(why, () => this.connection.disconnect(text))
  }

  /** Closes without a word: nobody would hear it. */
  protected drop(why: string): void {
    this.#end(why, () => this.connection.destroy())
  }

  endEarly(why: EndReason): void {
    this.sendAway(why === 'shutdown' ? this.#lastReplies.shutdown : this.#lastReplies.ended, why)
  }

  /** Ends the session by what was thrown: the client's doing, or a defect of ours. */
  protected fail(error: unknown): void {
    if (!(error instanceof MailwicketError) || error.kind !== 'client') {
      this.log.error('bug', { err: (error as Error).message, stack: (error as Error).stack })
      if (!this.hasLeft) return this.sendAway(this.#lastReplies.bug, 'bug')
      // A defect of the hand-over: nobody else would end what it has left half done.
      this.connection.destroy()
      this.over('bug')
    } else if (this.hasLeft) return
    else if (error.code === 'WIRE_LIMIT') this.sendAway(this.#lastReplies.tooLarge, 'too-large')
    // Of all that is malformed only what comes where TLS begins gets here.
    else if (error.code === 'WIRE_SYNTAX') this.drop('speaks-plain')
    else this.drop(error.code === 'WIRE_TIMEOUT' ? 'tls-timeout' : 'client-closed')
  }

  #end(why: string, close: () => void): void {
    const state = this.#state
    if (state.name === 'left') return
    this.#state = { name: 'left' }
    // Before the session is over: a login that succeeds afterwards would be recorded for a session that nobody ends.
    if (state.name !== 'unserved') this.detach(state as Served, new MailwicketError('WIRE_CLOSED', { message: why }))
    close()
    this.over(why)
    this.#left.resolve()
  }

  /** Writes the one `session.end` line; only the first time. */
  over(why: string): void {
    if (this.#isOver) return
    this.#isOver = true
    const { live, recorder, metrics } = this.services
    const { mailbox, device } = this.live
    live.leave(this.live)
    recorder.ended(this.live)
    metrics.sessionEnded(this.live, why)
    // A balancer that looks whether we are there connects and leaves; what has another line of its own needs none at this level either.
    const isNothing = (this.#commands === 0 && why === 'client-closed') || why === 'speaks-tls'
    this.log[isNothing ? 'debug' : 'info']('session.end', {
      why,
      mailbox,
      device: device?.id,
      seconds: (Date.now() - this.#acceptedAt) / 1000,
      ...this.live.countBytes(),
    })
  }

  /** Counts a command before login; false: it was one too many, and the client has been sent away. */
  protected countCommand(bytes: number): boolean {
    this.#commands += 1
    if (this.#commands > this.services.limits.preLoginCommands) this.sendAway(this.#lastReplies.tooMany, 'too-many-commands')
    return this.countBytes(bytes)
  }

  /** Counts what was read before login; false: it was too much, and the client has been sent away. */
  protected countBytes(bytes: number): boolean {
    this.#received += bytes
    if (this.#received > this.services.limits.preLoginBytes) this.sendAway(this.#lastReplies.tooLarge, 'too-large')
    return !this.hasLeft
  }

  /** After the reply to what cannot be read. */
  protected countMalformed(): void {
    this.#malformed += 1
    if (this.#malformed >= this.services.limits.malformedCommands) this.sendAway(this.#lastReplies.tooMuchMalformed, 'malformed')
  }

  /** Puts TLS on; nobody reads the connection meanwhile, and what the client said before is forgotten. Throws what `Connection.secure` throws. */
  protected async putTlsOn(): Promise<void> {
    this.enter({ name: 'unserved' })
    await this.connection.secure()
    this.live.app = null
    this.#received = 0
    this.#malformed = 0
  }

  /** One login. Undefined: it came to nothing, and the client has been told or is gone. */
  protected async tryLogin<Upstream extends { readonly socket: Duplex }>(login: LoginOf<Upstream>): Promise<LoggedIn<Upstream> | undefined> {
    const { services, live, log, connection } = this
    const { credentials, wire, connect } = login
    const outcome = await logIn(services, { session: live, credentials, wire, tls: connection.tls, log }, connect)
    if ('upstream' in outcome) return outcome
    services.live.release(live)
    if ('gone' in outcome) {
      if (outcome.gone === 'client-left') this.drop('client-closed')
      else this.endEarly(outcome.gone)
      return undefined
    }
    live.endBy(why => this.endEarly(why))
    if (this.hasLeft) return undefined
    if ('refused' in outcome) login.onRefused(outcome.refused)
    else login.onFailed(outcome.failed)
    this.#refusedLogins += 1
    if (this.#refusedLogins >= services.limits.refusedLogins) this.sendAway(this.#lastReplies.tooManyRefusals, 'too-many-refusals')
    return undefined
  }
}
