/**
 * Frames IMAP commands: a line, and as often as it announces a literal, that literal and the next line (RFC 9051 §2.2.1, §4.3).
 *
 * It knows nothing of verbs, so literals are consumed for every command, also for one that will be answered BAD.
 * The whole command is bounded; a declared size is compared with what is left before a single octet of it is read.
 */
import { MailwicketError } from '../../base/errors.ts'
import type { Wire } from '../../base/sockets/wire.ts'
import { LIMITS } from '../limits.ts'

/** A framed command: text, literal, text, …, text. */
export interface RawCommand {
  readonly lines: readonly Buffer[]
  /** One less than lines; literal i stands between line i and line i + 1. */
  readonly literals: readonly Buffer[]
}

/** `{n}` waits for our go-ahead, `{n+}` and `{n-}` do not (RFC 7888 §4); a preceding `~` marks a literal8 (RFC 3516). */
const LITERAL_AT_END = /\{(\d{1,20})([+-]?)\}$/

/**
 * The next command. Rejects with WIRE_LIMIT when it is too large: the connection cannot go on, because what follows is not a command.
 * `sayGoOn` sends the continuation request that a synchronizing literal waits for.
 */
export async function readCommand(wire: Wire, sayGoOn: () => void): Promise<RawCommand> {
  const lines: Buffer[] = []
  const literals: Buffer[] = []
  let left: number = LIMITS.commandBytes
  for (;;) {
    const line = await wire.readLine(left)
    left -= line.length
    const literal = LITERAL_AT_END.exec(line.subarray(-24).toString('latin1'))
    if (literal === null) {
      lines.push(line)
      return { lines, literals }
    }
    const size = Number(literal[1])
    if (size > left) throw new MailwicketError('WIRE_LIMIT', { message: `a literal of ${literal[1]} octets` })
    lines.push(line.subarray(0, line.length - literal[0].length))
    if (literal[2] === '') sayGoOn()
    literals.push(await wire.readExactly(size))
    left -= size
  }
}
