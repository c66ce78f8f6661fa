/**
 * Checks the From header of a message while it passes, where a sending rule asks for it: exactly one From line with exactly one address that is allowed.
 *
 * SECURITY: what mail apps read differently is refused, not interpreted: bare CR or LF or NUL in the header, several From lines, several
 * addresses, anything like an address in a name or a comment. At most 256 KiB of header are held back until the decision.
 */
import type { HeaderCheck } from './smtp-payload.ts'

const MAX_HEADER_BYTES = 256 * 1024
const END_OF_HEADER = '\r\n\r\n'

export const FROM_REPLIES = {
  tooLong: '554 5.6.0 The header of the message is too long to be checked\r\n',
  notPlain: '554 5.6.0 The header of the message has NULs or bare line ends; it cannot be checked\r\n',
  notOne: '550 5.7.1 The message must have exactly one From line with one address\r\n',
  notAllowed: (address: string) => `550 5.7.1 This device may not send as ${address.replace(/[^\x21-\x7e]/g, '?')}\r\n`,
} as const

/** `isAllowed` judges an address as it stands in the header. */
export function checkFromHeader(isAllowed: (address: string) => boolean): HeaderCheck {
  let held = Buffer.alloc(0)
  return {
    push(bytes) {
      // Searched from a little before the new bytes: the blank line may be cut anywhere.
      const from = Math.max(held.length - 3, 0)
      held = Buffer.concat([held, bytes])
      const end = endOfHeader(held, from)
      if (end === undefined) return held.length > MAX_HEADER_BYTES ? { refused: FROM_REPLIES.tooLong } : 'hold'
      const header = held.subarray(0, end).toString('latin1')
      if (/\0|\r(?!\n)|(?<!\r)\n/.test(header)) return { refused: FROM_REPLIES.notPlain }
      const address = findFrom(header)
      if (address === undefined) return { refused: FROM_REPLIES.notOne }
      return isAllowed(address) ? 'pass' : { refused: FROM_REPLIES.notAllowed(address) }
    },
  }
}

/** Where the header ends: at the one true blank line, at once when the message begins with it, or where the message does. */
function endOfHeader(held: Buffer, from: number): number | undefined {
  if (held.subarray(0, 2).toString('latin1') === '\r\n') return 0
  const blank = held.indexOf(END_OF_HEADER, from, 'latin1')
  if (blank >= 0) return blank
  const isAtEnd = held.subarray(-5).toString('latin1') === '\r\n.\r\n' || held.toString('latin1', 0, 3) === '.\r\n'
  return isAtEnd ? held.length - 3 : undefined
}

/** The address of the one From line; undefined when there is not exactly one of either. */
export function findFrom(header: string): string | undefined {
  // Folded lines belong to the line before (RFC 5322 §2.2.3).
  const lines = header.replace(/\r\n[ \t]+/g, ' ').split('\r\n')
  const from = lines.filter(line => /^\s*from\s*:/i.test(line))
  const [line] = from
  return line === undefined || from.length > 1 ? undefined : parseOneAddress(line.slice(line.indexOf(':') + 1))
}

/** From left to right, as RFC 5322 §3.4 has it: a name of words and quoted strings, then the address in angle brackets; or the address alone. */
function parseOneAddress(value: string): string | undefined {
  const words: string[] = []
  const token = /\s+|"((?:[^"\\]|\\.)*)"|\(([^()\\]*)\)|[^\s"()]+/y
  while (token.lastIndex < value.length) {
    const found = token.exec(value)
    if (found === null) return undefined
    const hidden = found[1] ?? found[2]
    // A name or comment that looks like an address is shown as the sender by somebody.
    if (hidden !== undefined && /[<>@]/.test(hidden)) return undefined
    if (hidden === undefined && found[0].trim() !== '') words.push(found[0])
    if (found[1] !== undefined) words.push('name')
  }
  const plain = /^(?:[^<>@,;:"()\\]*<([^<>\s,;:"()\\@]+@[^<>\s,;:"()\\@]+)>|([^<>\s,;:"()\\@]+@[^<>\s,;:"()\\@]+))$/.exec(words.join(' '))
  const address = plain?.[1] ?? plain?.[2]
  return address === undefined ? undefined : Buffer.from(address, 'latin1').toString('utf8')
}
