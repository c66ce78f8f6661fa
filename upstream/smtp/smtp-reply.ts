/**
 * SMTP on the wire: reading an upstream's reply (RFC 5321 §4.2), in bounds, byte for byte; xtext.
 */

import type { Wire } from '../../base/sockets/wire.ts'
import { withLastWords } from '../last-words.ts'
import { UpstreamFailure } from '../upstream-failure.ts'
import { UPSTREAM_LIMITS } from '../upstream-limits.ts'

export interface SmtpReply {
  readonly code: number
  /** The text of each line without its code; Latin-1, so that every octet stays. */
  readonly lines: readonly string[]
  /** As it came, with its line ends; of several codes only the last. */
  readonly bytes: Buffer
}

const REPLY_LINE = /^([2-5][0-9]{2})(?:([ -])([^\r\n\0]*))?$/
const CRLF = Buffer.from('\r\n')

/** The next reply. Throws UpstreamFailure `not-the-protocol`; WIRE_CLOSED and WIRE_LIMIT of the wire. */
export async function readReply(wire: Wire): Promise<SmtpReply> {
  const codes: number[] = []
  const lines: string[] = []
  const bytes: Buffer[] = []
  let heard = 0
  for (;;) {
    const line = await wire.readLine(UPSTREAM_LIMITS.lineBytes)
    const match = REPLY_LINE.exec(line.toString('latin1'))
    heard += line.length + CRLF.length
    if (match === null || heard > UPSTREAM_LIMITS.replyBytes) throw new UpstreamFailure('not-the-protocol', line.toString('latin1'))
    codes.push(Number(match[1]))
    lines.push(match[3] ?? '')
    bytes.push(line, CRLF)
    if (match[2] !== '-') {
      const code = codes.at(-1) as number
      return { code, lines, bytes: codes.every(one => one === code) ? Buffer.concat(bytes) : formatReply(code, lines) }
    }
  }
}

/** Of servers that give the lines of one reply several codes (`554-…`, `550 …`): the last one is meant, and clients read any of them. */
function formatReply(code: number, lines: readonly string[]): Buffer {
  return Buffer.from(lines.map((text, at) => `${code}${at < lines.length - 1 ? '-' : ' '}${text}\r\n`).join(''), 'latin1')
}

/** Sends a command and reads its reply. */
export async function ask(wire: Wire, line: string): Promise<SmtpReply> {
  if (wire.hasUnread) throw await outOfTurn(wire)
  wire.write(`${line}\r\n`)
  return readAnswer(wire)
}

/** SECURITY: an answer that came before the question was not given to us. RFC 5321 §3.8: a 421 is none: it leaves. */
async function outOfTurn(wire: Wire): Promise<UpstreamFailure> {
  const reply = await readAnswer(wire)
  return reply.code === 421
    ? new UpstreamFailure('says-unavailable', replyText(reply))
    : new UpstreamFailure('spoke-out-of-turn', 'the upstream spoke before it was asked')
}

/** The next reply, of a server that may leave in the middle of it: what it said then is in the failure. */
export async function readAnswer(wire: Wire): Promise<SmtpReply> {
  try {
    return await readReply(wire)
  } catch (error) {
    throw await withLastWords(wire, error)
  }
}

/** For the log. */
export function replyText({ code, lines }: SmtpReply): string {
  return `${code} ${lines.join(' / ')}`
}

/** RFC 3461 §4: xtext, in which everything that could end or split a parameter is written as +XX. */
export function encodeXtext(text: string): string {
  return [...Buffer.from(text, 'utf8')]
    .map(octet =>
      octet >= 0x21 && octet <= 0x7e && octet !== 0x2b && octet !== 0x3d ? String.fromCharCode(octet) : `+${octet.toString(16).toUpperCase().padStart(2, '0')}`,
    )
    .join('')
}
