/**
 * One IMAP connection from accept to close. One loop reads, counts and dispatches; what a command does stands in imap-verbs.ts.
 * After login the connection belongs to the splice, and nothing of this is left but the live session's entry.
 */
import { MailwicketError } from '../../base/errors.ts'
import type { Log } from '../../base/log.ts'
import { Wire } from '../../base/sockets/wire.ts'
import { LIMITS } from '../limits.ts'
import type { Connection } from '../listen/connection.ts'
import { ClientSession } from '../login/client-session.ts'
import { type Credentials, decodeBase64 } from '../login/sasl.ts'
import { ImapArguments } from './imap-arguments.ts'
import { type RawCommand, readCommand } from './imap-command-reader.ts'
import type { ImapDialogue, ImapServed, ImapServices } from './imap-dialogue.ts'
import { spliceImap } from './imap-hand-over.ts'
import { failureReply, REPLIES, refusalReply } from './imap-replies.ts'
import { findVerb } from './imap-verbs.ts'

export class ImapSession extends ClientSession<ImapServed, ImapServices> implements ImapDialogue {
  constructor(services: ImapServices, connection: Connection, log: Log) {
    super({ services, connection, log }, { name: 'imap', scope: 'imap', lastReplies: REPLIES })
  }

  protected async serve(): Promise<void> {
    this.#read()
    this.say(REPLIES.greeting(this.capabilities))
    for (;;) {
      const { state } = this
      if (state.name === 'left' || state.name === 'unserved') return
      await this.#serveOne(state)
    }
  }

  protected detach({ wire }: ImapServed, error: MailwicketError): void {
    // Aborting wakes a login that waits for an upstream: it has nobody left to answer.
    wire.abort(error)
  }

  #read(): void {
    const { socket, tls } = this.connection
    this.enter({ name: tls === null ? 'plain' : 'secure', wire: new Wire(socket, LIMITS.commandBytes) })
  }

  get #wire(): Wire {
    const { state } = this
    if (state.name === 'left' || state.name === 'unserved') throw new MailwicketError('WIRE_CLOSED')
    return state.wire
  }

  async #serveOne({ name, wire }: ImapServed): Promise<void> {
    // SECURITY: a client that does not read its replies is not read either, or it could make us keep megabytes of them.
    await wire.drained()
    const command = await readCommand(wire, () => wire.write(REPLIES.goOn))
    if (!this.countCommand(sizeOf(command))) return
    const words = new ImapArguments(command)
    const tag = words.tag()
    try {
      if (tag === undefined) throw new MailwicketError('WIRE_SYNTAX', { message: 'a tag was expected' })
      words.space()
      const run = findVerb(words.verb(), name)
      await run({ dialogue: this, state: name, tag, words, command })
    } catch (error) {
      if (!(error instanceof MailwicketError) || error.code !== 'WIRE_SYNTAX') throw error
      this.say(REPLIES.malformed(tag, error.message))
      this.countMalformed()
    }
  }

  get capabilities(): string {
    return this.services.capabilities.before(this.connection.tls === null ? 'plain' : 'secure')
  }

  say(reply: string): void {
    const { state } = this
    if (state.name === 'plain' || state.name === 'secure') state.wire.write(reply)
  }

  async ask(challenge: string): Promise<Buffer | undefined> {
    const wire = this.#wire
    wire.write(challenge)
    const line = await wire.readLine(LIMITS.commandBytes)
    this.countBytes(line.length + 2)
    // RFC 9051 §6.2.2: a lone * cancels.
    return line.length === 1 && line[0] === 0x2a ? undefined : decodeBase64(line)
  }

  /** RFC 9051 §6.2.1: everything that the client said before is forgotten. */
  async startTls(): Promise<void> {
    this.#wire.release()
    await this.putTlsOn()
    if (!this.hasLeft) this.#read()
  }

  async logIn(tag: string, credentials: Credentials): Promise<void> {
    const wire = this.#wire
    const { ip, port, destination } = this.connection
    const client = { ip, port, destination, session: this.live.id }
    const login = await this.tryLogin({
      credentials,
      wire,
      connect: (route, signal) => this.services.connect(route, client, signal),
      onRefused: refusal => this.say(refusalReply(tag, refusal)),
      onFailed: failure => this.say(failureReply(tag, failure)),
    })
    if (login === undefined) return
    this.leave()
    try {
      spliceImap(this, wire, tag, login)
    } catch (error) {
      login.upstream.socket.destroy()
      throw error
    }
  }
}

function sizeOf({ lines, literals }: RawCommand): number {
  let size = 0
  for (const line of lines) size += line.length + 2
  for (const literal of literals) size += literal.length
  return size
}
