/**
 * The client's ID (RFC 2971): only to show which app a device uses. Nothing is decided by it and nothing of it is forwarded.
 *
 * emailjs-imap-handler parses the list; its recursion is bounded by counting brackets first.
 */
import handler, { type Attribute } from 'emailjs-imap-handler'
import { MailwicketError } from '../../base/errors.ts'
import { withoutBlanksBehind } from './imap-arguments.ts'
import type { RawCommand } from './imap-command-reader.ts'

/** RFC 2971 §3.3: 30 octets a field, 1024 octets a value. */
const MAX_FIELD_BYTES = 30
const MAX_VALUE_BYTES = 1024
/** RFC 2971 §3.3 allows 30 pairs, and servers take more. The parser's time grows faster than their number; 64 KiB of so many take it some 10 ms. */
const MAX_WORDS = 256
/** A list has one bracket of its own; values such as "Mozilla (Linux)" may have some more. */
const MAX_BRACKETS = 64
/** What a table of devices has room for. */
const MAX_APP_CHARACTERS = 64

/** The app's name and version, such as `Thunderbird 153`; undefined when the client does not say. Throws WIRE_SYNTAX. */
export function parseClientId(command: RawCommand): string | undefined {
  const fields = parseFields(command)
  const name = clean(fields.get('name') ?? '')
  if (name === '') return undefined
  return `${name} ${clean(fields.get('version') ?? '')}`.trim().slice(0, MAX_APP_CHARACTERS)
}

function parseFields(command: RawCommand): ReadonlyMap<string, string> {
  const fields = new Map<string, string>()
  const [list] = parseAttributes(command)
  if (list === undefined || isNil(list)) return fields
  if (!Array.isArray(list)) throw syntax('ID takes NIL or a list')
  for (let i = 0; i < list.length; i += 2) {
    const field = list[i]?.value
    const value = list[i + 1]
    if (!(field instanceof Uint8Array) || field.length > MAX_FIELD_BYTES) throw syntax('an ID field is a string of at most 30 octets')
    if (value === undefined || isNil(value)) continue
    if (!(value.value instanceof Uint8Array) || value.value.length > MAX_VALUE_BYTES) throw syntax('an ID value is a string of at most 1024 octets')
    fields.set(Buffer.from(field).toString('latin1').toLowerCase(), Buffer.from(value.value).toString('utf8'))
  }
  return fields
}

/** RFC 9051 §9: NIL in any case; the parser knows only capitals. */
function isNil(attribute: Attribute | readonly unknown[] | null): attribute is null {
  return attribute === null || ('type' in attribute && attribute.type === 'ATOM' && /^nil$/i.test(String(attribute.value)))
}

function parseAttributes({ lines, literals }: RawCommand) {
  let brackets = 0
  for (const line of lines) for (const octet of line) if (octet === 0x28) brackets += 1
  if (brackets > MAX_BRACKETS) throw syntax('too many brackets')
  if (countWords(lines) > MAX_WORDS) throw syntax('the ID list is too long')
  const pieces: Buffer[] = []
  lines.forEach((line, i) => {
    const literal = literals[i]
    pieces.push(line)
    if (literal !== undefined) pieces.push(Buffer.from(`{${literal.length}}\r\n`), literal)
  })
  try {
    return handler.parser(withoutBlanksBehind(Buffer.concat(pieces)), { valueAsString: false }).attributes ?? []
  } catch (error) {
    throw new MailwicketError('WIRE_SYNTAX', { message: 'the ID list cannot be read', cause: error })
  }
}

/** Blanks outside of quoted strings. */
function countWords(lines: readonly Buffer[]): number {
  let words = 0
  let isQuoted = false
  for (const line of lines)
    for (let at = 0; at < line.length; at += 1) {
      if (line[at] === 0x22) isQuoted = !isQuoted
      else if (line[at] === 0x5c && isQuoted) at += 1
      else if (line[at] === 0x20 && !isQuoted) words += 1
    }
  return words
}

/** Printable characters only: the text goes to terminals and web pages. */
function clean(text: string): string {
  return text
    .replace(/[^\p{L}\p{N}\p{P}\p{S} ]/gu, '')
    .replace(/\uFFFD/g, '')
    .trim()
}

function syntax(message: string): MailwicketError {
  return new MailwicketError('WIRE_SYNTAX', { message })
}
