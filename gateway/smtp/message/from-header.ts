/**
 * Checks who a message says it is from, while it passes, where a sending rule asks for it: exactly one From line, and in it and in every Sender,
 * Resent-From and Resent-Sender line exactly one address, an allowed one.
 *
 * SECURITY: judged is what the receiver will store, without the dots that the wire adds. What mail apps read differently is refused, not
 * interpreted: bare CR or LF or NUL in the header, several From lines, several addresses, a forbidden address in a name or a comment.
 * At most 256 KiB of header are held back until the decision.
 */
import { HeldBytes } from '../../../base/sockets/held-bytes.ts'
import type { HeaderCheck } from './smtp-payload.ts'

const MAX_HEADER_BYTES = 256 * 1024
const END_OF_HEADER = '\r\n\r\n'
/** Fields that name who wrote, sent or passed on the message (RFC 5322 §3.6.2, §3.6.6). */
const ORIGINATORS: ReadonlySet<string> = new Set(['from', 'sender', 'resent-from', 'resent-sender'])

export const FROM_REPLIES = {
  tooLong: '554 5.6.0 The header of the message is too long to be checked\r\n',
  notPlain: '554 5.6.0 The header of the message has NULs, bare line ends or control characters; it cannot be checked\r\n',
  notOne: '550 5.7.1 The message must have exactly one From line, and one address in each From, Sender and Resent line\r\n',
  notAllowed: (address: string) => `550 5.7.1 This device may not send as ${address.replace(/[^\x21-\x7e]/g, '?')}\r\n`,
} as const

/** `isAllowed` judges an address as it stands in the header. */
export function checkFromHeader(isAllowed: (address: string) => boolean): HeaderCheck {
  const held = new HeldBytes()
  const judge = (header: Buffer) => judgeHeader(unstuff(header.toString('latin1')), isAllowed)
  return {
    get held() {
      return held.bytes
    },
    push(bytes) {
      // Searched from a little before the new bytes: the blank line may be cut anywhere.
      const from = Math.max(held.length - END_OF_HEADER.length + 1, 0)
      held.append(bytes)
      const isBlankFirst = held.bytes.toString('latin1', 0, 2) === '\r\n'
      const end = isBlankFirst ? 0 : held.bytes.indexOf(END_OF_HEADER, from, 'latin1')
      if (end >= 0) return judge(held.bytes.subarray(0, end))
      return held.length > MAX_HEADER_BYTES ? { refused: FROM_REPLIES.tooLong } : 'hold'
    },
    // All of it was header: the dot and its CRLF are not the message's.
    finish: () => judge(held.bytes.subarray(0, -3)),
  }
}

/** RFC 5321 §4.5.2: the receiver takes a dot from the beginning of each line that has more behind it. */
function unstuff(wire: string): string {
  return wire.replace(/(^|\r\n)\./g, '$1')
}

/** `header`: as it will be stored, without the blank line at its end. */
export function judgeHeader(header: string, isAllowed: (address: string) => boolean): 'pass' | { readonly refused: string } {
  // A line that begins with another white space than blank and TAB goes on with the line before for some, and is a line of its own for others.
  if (/\0|\r(?!\n)|(?<!\r)\n|(?:^|\n)[^\t\r\n\x20-\x7e]/.test(header)) return { refused: FROM_REPLIES.notPlain }
  // Folded lines belong to the line before (RFC 5322 §2.2.3).
  const lines = header.replace(/\r\n[ \t]+/g, ' ').split('\r\n')
  const fields = lines.map(line => [nameOf(line), line] as const).filter(([name]) => ORIGINATORS.has(name))
  if (fields.filter(([name]) => name === 'from').length !== 1) return { refused: FROM_REPLIES.notOne }
  for (const [, line] of fields) {
    const originator = parseOriginator(line.slice(line.indexOf(':') + 1))
    if (originator === undefined) return { refused: FROM_REPLIES.notOne }
    for (const address of [originator.address, ...originator.shown]) if (!isAllowed(address)) return { refused: FROM_REPLIES.notAllowed(address) }
  }
  return 'pass'
}

/** As the most lenient reader has it: without anything around or in the name that no name has. */
function nameOf(line: string): string {
  return line
    .slice(0, Math.max(line.indexOf(':'), 0))
    .replace(/[^!-~]/g, '')
    .toLowerCase()
}

interface Originator {
  readonly address: string
  /** All that looks like an address, also in the name or a comment: some app shows it as the sender. */
  readonly shown: readonly string[]
}

/** From left to right, as RFC 5322 §3.4 has it: a name of words and quoted strings, then the address in angle brackets; or the address alone. */
function parseOriginator(value: string): Originator | undefined {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: readers differ in what they take for white space
  if (/[\x00-\x08\x0a-\x1f\x7f]/.test(value)) return undefined
  const words: string[] = []
  const token = /[ \t]+|"((?:[^"\\]|\\.)*)"|\([^()\\]*\)|[^ \t"()]+/y
  while (token.lastIndex < value.length) {
    const found = token.exec(value)
    if (found === null) return undefined
    if (found[1] !== undefined) words.push('name')
    else if (!/^[ \t(]/.test(found[0])) words.push(found[0])
  }
  const plain = /^(?:[^<>@,;:"()\\]*<([^<> \t,;:"()\\@]+@[^<> \t,;:"()\\@]+)>|([^<> \t,;:"()\\@]+@[^<> \t,;:"()\\@]+))$/.exec(words.join(' '))
  const address = plain?.[1] ?? plain?.[2]
  // Some decode before they look for the address.
  if (address === undefined || address.includes('=?')) return undefined
  return { address: utf8(address), shown: addressesIn(decodeWords(value)).map(utf8) }
}

/** Whatever could be read as an address, also with blanks around its @. */
function addressesIn(text: string): string[] {
  return [...text.matchAll(/[^ \t<>(),;:"[\]\\@]*[ \t]*@[ \t]*[^ \t<>(),;:"[\]\\@]*/g)].map(([found]) => found.replace(/[ \t]/g, ''))
}

/** Encoded words as text (RFC 2047 §4), Latin-1 for octets, as everything here. */
function decodeWords(value: string): string {
  const joined = value.replace(/\?=\s+=\?/g, '?==?')
  return joined.replace(/=\?([^?\s]+)\?([bq])\?([^?\s]*)\?=/gi, (_, charset: string, encoding: string, text: string) => {
    const octets = encoding.toLowerCase() === 'b' ? Buffer.from(text, 'base64') : Buffer.from(decodeQ(text), 'latin1')
    return Buffer.from(decodeCharset(octets, charset.split('*', 1)[0] as string)).toString('latin1')
  })
}

function decodeQ(text: string): string {
  return text.replace(/_/g, ' ').replace(/=([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
}

/** One that Node does not know is taken for one that has ASCII in it. */
function decodeCharset(octets: Buffer, charset: string): string {
  try {
    return new TextDecoder(charset).decode(octets)
  } catch {
    return octets.toString('latin1')
  }
}

function utf8(latin1: string): string {
  return Buffer.from(latin1, 'latin1').toString('utf8')
}
