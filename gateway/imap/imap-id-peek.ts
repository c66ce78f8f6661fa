/**
 * Looks for an ID command in the first bytes that a client sends after login, while they pass by unchanged.
 *
 * Bounded in bytes and commands; it stops at the first command with a literal that is not an ID, because what follows is not known to be a command.
 */
import { HeldBytes } from '../../base/sockets/held-bytes.ts'
import { LIMITS } from '../limits.ts'
import type { RawCommand } from './imap-command-reader.ts'
import { parseClientId } from './imap-id.ts'

/** Apps send ID at once; Outlook sends some five commands before it. */
const MAX_COMMANDS = 12
const ID_COMMAND = /^[^ ]{1,256} ID [(N]/i
/** What the pattern above looks at. */
const MAX_ID_HEAD = 261
const LITERAL_AT_END = /\{(\d{1,4})[+-]?\}$/

const LF = 0x0a
const CR = 0x0d

export class ImapIdPeek {
  /** Called at most once, with the app's name and version. */
  readonly #onApp: (app: string) => void
  /** Nothing once every command is complete: an idle session has no memory here. */
  readonly #held = new HeldBytes()
  /** Where the line or literal begins that is not complete, and up to where no line end was found. */
  #at = 0
  #searched = 0
  /** Of the command that is not complete. */
  #lines: Buffer[] = []
  #literals: Buffer[] = []
  #literalBytes: number | undefined
  #commands = 0
  #done = false

  constructor(onApp: (app: string) => void) {
    this.#onApp = onApp
  }

  get isDone(): boolean {
    return this.#done
  }

  push(chunk: Buffer): void {
    this.#held.append(chunk.subarray(0, LIMITS.idPeekBytes - this.#held.length))
    while (!this.#done && (this.#literalBytes === undefined ? this.#readLine() : this.#readLiteral(this.#literalBytes)));
    if (this.#held.length >= LIMITS.idPeekBytes) this.#stop()
  }

  /** False when more bytes are needed or the search is over. */
  #readLine(): boolean {
    const { bytes } = this.#held
    const end = bytes.indexOf(LF, this.#searched)
    this.#searched = end < 0 ? bytes.length : end + 1
    if (end < 0) return false
    const line = bytes.subarray(this.#at, bytes[end - 1] === CR ? end - 1 : end)
    this.#at = this.#searched
    const literal = LITERAL_AT_END.exec(line.subarray(-8).toString('latin1'))
    const isId = ID_COMMAND.test((this.#lines[0] ?? line).toString('latin1', 0, MAX_ID_HEAD))
    if (literal !== null && !isId) return this.#stop()
    this.#lines.push(line.subarray(0, line.length - (literal?.[0].length ?? 0)))
    if (literal !== null) this.#literalBytes = Number(literal[1])
    else if (isId) return this.#report({ lines: this.#lines, literals: this.#literals })
    else return this.#nextCommand()
    return true
  }

  #readLiteral(size: number): boolean {
    const { bytes } = this.#held
    if (bytes.length < this.#at + size) return false
    this.#literals.push(bytes.subarray(this.#at, this.#at + size))
    this.#literalBytes = undefined
    this.#at = this.#searched = this.#at + size
    return true
  }

  #nextCommand(): boolean {
    this.#lines = []
    this.#commands += 1
    if (this.#commands >= MAX_COMMANDS) return this.#stop()
    if (this.#at === this.#held.length) {
      this.#held.clear()
      this.#at = this.#searched = 0
    }
    return true
  }

  #report(command: RawCommand): false {
    try {
      const app = parseClientId(command)
      if (app !== undefined) this.#onApp(app)
    } catch {
      // A malformed ID is the upstream's to answer; here there is just nothing to show.
    }
    return this.#stop()
  }

  #stop(): false {
    this.#done = true
    this.#held.clear()
    this.#lines = []
    this.#literals = []
    return false
  }
}
