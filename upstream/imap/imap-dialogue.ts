/**
 * One connection to an IMAP server before the splice: one command at a time and its answer. The server is not trusted: it may be slow,
 * broken, or somebody else.
 *
 * Every command has a tag that cannot be guessed, nothing may be said before we asked, and all that it may say is bounded.
 */
import { randomUUID } from 'node:crypto'
import type { Duplex } from 'node:stream'
import { Wire } from '../../base/sockets/wire.ts'
import { withLastWords } from '../last-words.ts'
import { UpstreamFailure } from '../upstream-failure.ts'
import { UPSTREAM_LIMITS } from '../upstream-limits.ts'
import { capabilitiesIn } from './imap-capability.ts'

export interface ImapReply {
  readonly status: 'OK' | 'NO' | 'BAD' | 'BYE'
  /** Response code in upper case, or ''. */
  readonly code: string
  /** Status, code and words, for the log only. */
  readonly text: string
  /** From the response code, else from an untagged CAPABILITY. */
  readonly capabilities: string | undefined
}

const CRLF = Buffer.from('\r\n')

/** Our line, without its end, to what follows a `+`. */
export type AnswerChallenge = (challenge: string) => string | Buffer

export class ImapDialogue {
  readonly #wire: Wire
  readonly #signal: AbortSignal
  readonly #onAbort: () => void
  /** Tags of commands whose answers are all the same to us. */
  readonly #unheeded = new Set<string>()

  constructor(socket: Duplex, signal: AbortSignal) {
    this.#wire = new Wire(socket, UPSTREAM_LIMITS.replyBytes)
    this.#signal = signal
    this.#onAbort = () => this.#wire.abort(signal.reason as Error)
    signal.addEventListener('abort', this.#onAbort)
    if (signal.aborted) this.#onAbort()
  }

  /** The capabilities of the greeting, or undefined when it does not tell. */
  async readGreeting(): Promise<string | undefined> {
    const line = await this.#readLine()
    if (/^\* PREAUTH/i.test(line)) throw new UpstreamFailure('preauth', 'the upstream greets as already logged in (PREAUTH)')
    if (/^\* BYE/i.test(line)) throw new UpstreamFailure('says-unavailable', line)
    if (!/^\* OK/i.test(line)) throw new UpstreamFailure('not-the-protocol', `greeting: ${line}`)
    return capabilitiesIn(/^\* OK \[CAPABILITY ([^\]]*)\]/i.exec(line)?.[1])
  }

  /**
   * Sends what needs no answer, just ahead of the next command, as Dovecot's own proxy does: it costs no round trip, and an upstream that
   * refuses it, or never answers it, is no less good for a login.
   */
  tell(command: string): void {
    const tag = makeTag()
    this.#unheeded.add(tag)
    this.#wire.write(`${tag} ${command}\r\n`)
  }

  /** Sends a command and reads its answer. A BYE is thrown as `says-unavailable`. */
  async command(command: string): Promise<ImapReply> {
    const reply = await this.exchange(command)
    if (reply.status === 'BYE') throw new UpstreamFailure('says-unavailable', reply.text)
    return reply
  }

  /**
   * Sends a command and answers each `+`. The answer is the tagged reply; or, at once, an untagged `NO` or `BYE` that `isLastWord` takes for
   * one: who says that will say no more.
   */
  async exchange(command: string, answer: AnswerChallenge = () => '', isLastWord: (reply: ImapReply) => boolean = () => false): Promise<ImapReply> {
    const tag = makeTag()
    await this.#skipUntagged()
    this.#wire.write(`${tag} ${command}\r\n`)
    let capabilities: string | undefined
    let bye: ImapReply | undefined
    for (let heard = 0; heard <= UPSTREAM_LIMITS.replyBytes; ) {
      // RFC 9051 §7.1.5: after BYE it closes; a tagged reply that came with it says more.
      if (bye !== undefined && !this.#wire.hasUnread) return bye
      const line = await this.#readResponse().catch((error: unknown) => {
        if (bye === undefined) throw error
      })
      if (line === undefined) return bye as ImapReply
      heard += line.length + 2
      if (line.startsWith('* ')) {
        const status = parseStatus(line.slice(2))
        // RFC 9051 §7.1.3: an untagged BAD: it could not even read the command, which will mostly not be answered in another way.
        if (status?.status === 'BAD') {
          this.#unheeded.add(tag)
          return status
        }
        if (status?.status === 'BYE') bye = status
        else if (status?.status === 'NO' && isLastWord(status)) return status
        capabilities = capabilitiesIn(/^\* CAPABILITY (.*)$/i.exec(line)?.[1]) ?? status?.capabilities ?? capabilities
      } else if (line.startsWith('+')) {
        this.#wire.write(Buffer.concat([Buffer.from(answer(line.slice(1).trim())), CRLF]))
      } else if (this.#isUnheeded(line)) {
        // OK, NO or BAD: it is all the same to us.
      } else {
        return parseTagged(line, tag, capabilities)
      }
    }
    throw new UpstreamFailure('not-the-protocol', 'endless untagged responses')
  }

  /** RFC 9051 §7: untagged responses may come at any time. SECURITY: an answer that came before the question was not given to us. */
  async #skipUntagged(): Promise<void> {
    for (let heard = 0; this.#wire.hasUnread; ) {
      const line = await this.#readLine()
      heard += line.length + 2
      if (/^\* (BYE|PREAUTH)/i.test(line)) throw new UpstreamFailure('says-unavailable', line)
      if (/^\* BAD/i.test(line)) throw new UpstreamFailure('not-the-protocol', line)
      if (this.#isUnheeded(line)) continue
      if (!line.startsWith('* ') || heard > UPSTREAM_LIMITS.replyBytes) throw new UpstreamFailure('spoke-out-of-turn', 'the upstream spoke before it was asked')
    }
  }

  #isUnheeded(line: string): boolean {
    return this.#unheeded.has(line.slice(0, Math.max(0, line.indexOf(' '))))
  }

  release(): { socket: Duplex; unread: Buffer } {
    this.#signal.removeEventListener('abort', this.#onAbort)
    return this.#wire.release()
  }

  destroy(): void {
    const { socket } = this.release()
    socket.on('error', () => {}) // a late error of a destroyed socket must not end the process
    socket.destroy()
  }

  /** A line with the literals in it, in bounds: an ID answer may have some (RFC 2971 §3.2). */
  async #readResponse(): Promise<string> {
    let text = await this.#readBounded()
    for (let size = literalSize(text); size !== undefined && text.startsWith('* ID '); size = literalSize(text)) {
      if (text.length + size > UPSTREAM_LIMITS.replyBytes) throw new UpstreamFailure('not-the-protocol', 'an endless answer to ID')
      const literal = await this.#wire.readExactly(size)
      text = `${text}${literal.toString('latin1')}${await this.#readBounded()}`
    }
    // No other response before a mailbox is selected has a literal; one that pretends to is not followed.
    if (literalSize(text) !== undefined) throw new UpstreamFailure('not-the-protocol', 'a literal before login')
    return text
  }

  async #readLine(): Promise<string> {
    const line = await this.#readBounded()
    if (literalSize(line) !== undefined) throw new UpstreamFailure('not-the-protocol', 'a literal before login')
    return line
  }

  async #readBounded(): Promise<string> {
    try {
      return (await this.#wire.readLine(UPSTREAM_LIMITS.lineBytes)).toString('latin1')
    } catch (error) {
      throw await withLastWords(this.#wire, error)
    }
  }
}

function literalSize(line: string): number | undefined {
  const digits = /\{(\d{1,9})\}$/.exec(line)?.[1]
  return digits === undefined ? undefined : Number(digits)
}

/** 64 random bits and two dashes; Node keeps random bytes for it in stock. */
function makeTag(): string {
  return randomUUID().slice(0, 18)
}

function parseTagged(line: string, tag: string, untagged: string | undefined): ImapReply {
  const space = line.indexOf(' ')
  const reply = space < 1 ? undefined : parseStatus(line.slice(space + 1))
  if (reply === undefined || reply.status === 'BYE' || line.slice(0, space) !== tag)
    throw new UpstreamFailure(reply === undefined ? 'not-the-protocol' : 'spoke-out-of-turn', line)
  return { ...reply, capabilities: reply.capabilities ?? untagged }
}

/** What follows a tag or `* `. */
function parseStatus(text: string): ImapReply | undefined {
  const match = /^(OK|NO|BAD|BYE)(?: \[([A-Z0-9=-]+)(?: ([^\]]*))?\])?(?: |$)/i.exec(text)
  if (match === null) return undefined
  const code = match[2]?.toUpperCase() ?? ''
  return {
    status: match[1]?.toUpperCase() as ImapReply['status'],
    code,
    text,
    capabilities: code === 'CAPABILITY' ? capabilitiesIn(match[3]) : undefined,
  }
}
