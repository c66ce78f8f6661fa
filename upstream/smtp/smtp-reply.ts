/**
 * SMTP on the wire: reading an upstream's reply (RFC 5321 §4.2), in bounds, byte for byte; xtext.
 */

import type { Wire } from '../../base/wire.ts'
import { UpstreamFailure } from '../upstream-failure.ts'
import { UPSTREAM_LIMITS } from '../upstream-limits.ts'

export interface SmtpReply {
  readonly code: number
  /** Enhanced status code (RFC 3463), or ''. */
  readonly enhanced: string
  /** The text of each line without its code; Latin-1, so that every octet stays. */
  readonly lines: readonly string[]
  /** As it came, with its line ends. */
  readonly bytes: Buffer
}

const REPLY_LINE = /^([2-5][0-9]{2})(?:([ -])([^\r\n\0]*))?$/
const CRLF = Buffer.from('\r\n')

/** The next reply. Throws UpstreamFailure `not-the-protocol`; WIRE_CLOSED and WIRE_LIMIT of the wire. */
export async function readReply(wire: Wire): Promise<SmtpReply> {
  const lines: string[] = []
  const bytes: Buffer[] = []
  let heard = 0
  let code = 0
  for (;;) {
    const line = await wire.readLine(UPSTREAM_LIMITS.lineBytes)
    const match = REPLY_LINE.exec(line.toString('latin1'))
    const lineCode = Number(match?.[1])
    heard += line.length + CRLF.length
    // RFC 5321 §4.2.1: every line of a reply has the same code.
    if (match === null || (lines.length > 0 && lineCode !== code) || heard > UPSTREAM_LIMITS.replyBytes)
      throw new UpstreamFailure('not-the-protocol', line.toString('latin1'))
    code = lineCode
    lines.push(match[3] ?? '')
    bytes.push(line, CRLF)
    if (match[2] !== '-') return { code, enhanced: /^([245]\.\d{1,3}\.\d{1,3})(?: |$)/.exec(lines[0] ?? '')?.[1] ?? '', lines, bytes: Buffer.concat(bytes) }
  }
}

/** RFC 3461 §4: xtext, in which everything that could end or split a parameter is written as +XX. */
export function encodeXtext(text: string): string {
  return [...Buffer.from(text, 'utf8')]
    .map(octet =>
      octet >= 0x21 && octet <= 0x7e && octet !== 0x2b && octet !== 0x3d ? String.fromCharCode(octet) : `+${octet.toString(16).toUpperCase().padStart(2, '0')}`,
    )
    .join('')
}
