/**
 * Looks for an ID command in the first bytes that a client sends after login, while they pass by unchanged.
 *
 * Bounded in bytes and commands; it stops at the first command with a literal that is not an ID, because what follows is not known to be a command.
 */
import { LIMITS } from '../limits.ts'
import type { RawCommand } from './imap-command-reader.ts'
import { parseClientId } from './imap-id.ts'

/** Apps send ID at once; Outlook sends some five commands before it. */
const MAX_COMMANDS = 12
const ID_COMMAND = /^[^ ]{1,256} ID [(N]/i
const LITERAL_AT_END = /\{(\d{1,4})[+-]?\}$/

const NOTHING = Buffer.alloc(0)

export class ImapIdPeek {
  /** Called at most once, with the app's name and version. */
  readonly #onApp: (app: string) => void
  #bytes: Buffer = NOTHING
  #commands = 0
  #done = false

  constructor(onApp: (app: string) => void) {
    this.#onApp = onApp
  }

  get isDone(): boolean {
    return this.#done
  }

  push(chunk: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, chunk.subarray(0, LIMITS.idPeekBytes - this.#bytes.length)])
    while (!this.#done && this.#look()) this.#commands += 1
    // Memory of its own, or none: a view of Node's pool would keep 64 KiB of it for as long as the session lives.
    this.#bytes = this.#bytes.length === 0 ? NOTHING : ownCopy(this.#bytes)
    if (this.#commands >= MAX_COMMANDS || this.#bytes.length >= LIMITS.idPeekBytes) this.#stop()
  }

  /** Looks at the first complete command and removes it; false when more bytes are needed or the search is over. */
  #look(): boolean {
    const lines: Buffer[] = []
    const literals: Buffer[] = []
    let at = 0
    for (;;) {
      const end = this.#bytes.indexOf(0x0a, at)
      if (end < 0) return false
      const line = this.#bytes.subarray(at, this.#bytes[end - 1] === 0x0d ? end - 1 : end)
      const literal = LITERAL_AT_END.exec(line.subarray(-8).toString('latin1'))
      at = end + 1
      if (lines.length === 0 && literal !== null && !ID_COMMAND.test(line.toString('latin1'))) return this.#stop()
      if (literal === null) {
        lines.push(line)
        break
      }
      lines.push(line.subarray(0, line.length - literal[0].length))
      const size = Number(literal[1])
      if (this.#bytes.length < at + size) return false
      literals.push(this.#bytes.subarray(at, at + size))
      at += size
    }
    this.#bytes = this.#bytes.subarray(at)
    return ID_COMMAND.test(lines[0]?.toString('latin1') ?? '') ? this.#report({ lines, literals }) : true
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
    this.#bytes = NOTHING
    return false
  }
}

function ownCopy(bytes: Buffer): Buffer {
  const copy = Buffer.allocUnsafeSlow(bytes.length)
  bytes.copy(copy)
  return copy
}
