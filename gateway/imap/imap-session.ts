/**
 * One IMAP connection from accept to close. One loop reads, counts and dispatches; what a command does stands in imap-verbs.ts.
 * After login the connection belongs to the splice, and nothing of this is left but the live session's entry.
 */
import { MailwicketError } from '../../base/errors.ts'
import type { Log } from '../../base/log.ts'
import { Wire } from '../../base/wire.ts'
import type { ImapConnector } from '../../upstream/imap/imap-connector.ts'
import { LIMITS } from '../limits.ts'
import type { Connection } from '../listen/connection.ts'
import type { LoginServices } from '../login/login.ts'
import { LiveSession } from '../sessions/live-sessions.ts'
import { ImapArguments } from './imap-arguments.ts'
import { type RawCommand, readCommand } from './imap-command-reader.ts'
import { REPLIES } from './imap-replies.ts'
import { findVerb, type ImapState } from './imap-verbs.ts'

export interface ImapServices extends LoginServices {
  readonly connect: ImapConnector
}

export class ImapSession {
  readonly services: ImapServices
  readonly connection: Connection
  readonly live: LiveSession
  readonly log: Log
  wire: Wire
  state: ImapState
  refusedLogins = 0
  readonly #acceptedAt = Date.now()
  #malformed = 0
  #received = 0
  #commands = 0

  constructor(services: ImapServices, connection: Connection, log: Log) {
    this.services = services
    this.connection = connection
    this.live = new LiveSession({ protocol: 'imap', scope: 'imap', ip: connection.ip, since: this.#acceptedAt, end: why => this.#endEarly(why) })
    this.log = log.with({ cid: this.live.id, proto: 'imap', remote: connection.ip })
    this.wire = new Wire(connection.socket, LIMITS.commandBytes)
    this.state = connection.tls === null ? 'plain' : 'secure'
    services.live.enter(this.live)
    connection.giveWay = () => {
      if (this.live.device !== undefined) return false
      this.sendAway(REPLIES.tooCrowded, 'too-crowded')
      return true
    }
  }

  /** Serves the client until it is logged in, has left or has been sent away. Never throws. */
  async run(msToLogin: number = LIMITS.loginMs): Promise<void> {
    const timer = setTimeout(() => this.sendAway(REPLIES.tooSlow, 'login-timeout'), msToLogin)
    try {
      if (this.state !== 'left') this.wire.write(REPLIES.greeting(this.state))
      while (this.state !== 'left') await this.#serveOne()
    } catch (error) {
      this.#fail(error)
    } finally {
      clearTimeout(timer)
    }
  }

  get hasLeft(): boolean {
    return this.state === 'left'
  }

  /** Takes the connection away from this loop: it is spliced, or closed. */
  leave(): ReturnType<Wire['release']> {
    this.state = 'left'
    return this.wire.release()
  }

  /** Says a last word and closes. */
  sendAway(text: string, why: string): void {
    if (this.state === 'left') return
    this.state = 'left'
    // Aborting wakes a login that waits for an upstream: it has nobody left to answer.
    this.wire.abort(new MailwicketError('WIRE_CLOSED', { message: why }))
    this.connection.disconnect(text)
    this.over(why)
  }

  /** Writes the one `session.end` line. */
  over(why: string): void {
    const { services, live } = this
    services.live.leave(live)
    services.recorder.ended(live)
    services.metrics.sessionEnded(live, why)
    this.log.info('session.end', { why, mailbox: live.mailbox, device: live.device?.id, seconds: (Date.now() - this.#acceptedAt) / 1000, ...live.countBytes() })
  }

  /** STARTTLS: everything that the client said before is forgotten (RFC 9051 §6.2.1). */
  async secure(): Promise<void> {
    this.wire.release()
    await this.connection.secure()
    if (this.hasLeft) return // sent away during the handshake
    this.wire = new Wire(this.connection.socket, LIMITS.commandBytes)
    this.live.app = null
    this.#malformed = 0
    this.#received = 0
    this.state = 'secure'
  }

  async #serveOne(): Promise<void> {
    // SECURITY: a client that does not read its replies is not read either, or it could make us keep megabytes of them.
    await this.wire.drained()
    const command = await readCommand(this.wire, () => this.wire.write(REPLIES.goOn))
    this.#received += sizeOf(command)
    this.#commands += 1
    if (this.#received > LIMITS.preLoginBytes || this.#commands > LIMITS.preLoginCommands)
      throw new MailwicketError('WIRE_LIMIT', { message: 'too much before login' })
    const words = new ImapArguments(command)
    const tag = words.tag()
    try {
      if (tag === undefined) throw new MailwicketError('WIRE_SYNTAX', { message: 'a tag was expected' })
      words.space()
      const run = findVerb(words.verb(), this.state)
      await run({ session: this, tag, words, command })
    } catch (error) {
      if (!(error instanceof MailwicketError) || error.code !== 'WIRE_SYNTAX' || this.state === 'left') throw error
      this.#countMalformed(tag, error.message)
    }
  }

  #countMalformed(tag: string | undefined, why: string): void {
    this.#malformed += 1
    this.wire.write(REPLIES.malformed(tag, why))
    if (this.#malformed >= LIMITS.malformedCommands) this.sendAway(REPLIES.tooMuchMalformed, 'malformed')
  }

  #endEarly(why: string): void {
    this.sendAway(why === 'shutdown' ? REPLIES.shutdown : REPLIES.ended, why)
  }

  #fail(error: unknown): void {
    if (this.state === 'left') return
    if (error instanceof MailwicketError && error.kind === 'client') {
      if (error.code === 'WIRE_LIMIT') return this.sendAway(REPLIES.tooLarge, 'too-large')
      this.leave()
      this.connection.destroy()
      return this.over(error.code === 'WIRE_TIMEOUT' ? 'tls-timeout' : 'client-closed')
    }
    this.log.error('bug', { err: (error as Error).message, stack: (error as Error).stack })
    this.sendAway(REPLIES.bug, 'bug')
  }
}

function sizeOf({ lines, literals }: RawCommand): number {
  let size = 0
  for (const line of lines) size += line.length + 2
  for (const literal of literals) size += literal.length
  return size
}
