/**
 * The client's ID (RFC 2971): only to show which app a device uses. Nothing is decided by it and nothing of it is forwarded.
 *
 * emailjs-imap-handler parses the list; its recursion is bounded by counting brackets first.
 */
import handler from 'emailjs-imap-handler'
import { MailwicketError } from '../../base/errors.ts'
import type { RawCommand } from './imap-command-reader.ts'

/** RFC 2971 §3.3: at most 30 pairs, 30 octets a field, 1024 octets a value. */
const MAX_PAIRS = 30
const MAX_FIELD_BYTES = 30
const MAX_VALUE_BYTES = 1024
/** All of it: no app comes near, and the parser's time grows faster than the text. */
const MAX_COMMAND_BYTES = 8 * 1024
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
  const [list, ...more] = parseAttributes(command)
  if (more.length > 0 || list === undefined) throw syntax('ID takes one argument')
  if (list === null) return fields // NIL
  if (!Array.isArray(list) || list.length % 2 !== 0 || list.length > 2 * MAX_PAIRS) throw syntax('ID takes NIL or a list of at most 30 pairs')
  for (let i = 0; i < list.length; i += 2) {
    const field = list[i]?.value
    const value = list[i + 1]
    if (!(field instanceof Uint8Array) || field.length > MAX_FIELD_BYTES) throw syntax('an ID field is a string of at most 30 octets')
    if (value === null) continue // NIL
    if (!(value?.value instanceof Uint8Array) || value.value.length > MAX_VALUE_BYTES) throw syntax('an ID value is a string of at most 1024 octets')
    fields.set(Buffer.from(field).toString('latin1').toLowerCase(), Buffer.from(value.value).toString('utf8'))
  }
  return fields
}

function parseAttributes(command: RawCommand) {
  let size = 0
  for (const part of [...command.lines, ...command.literals]) size += part.length
  if (size > MAX_COMMAND_BYTES) throw syntax('the ID list is too long')
  let brackets = 0
  for (const line of command.lines) for (const octet of line) if (octet === 0x28) brackets += 1
  if (brackets > MAX_BRACKETS) throw syntax('too many brackets')
  const pieces: Buffer[] = []
  command.lines.forEach((line, i) => {
    const literal = command.literals[i]
    pieces.push(line)
    if (literal !== undefined) pieces.push(Buffer.from(`{${literal.length}}\r\n`), literal)
  })
  try {
    return handler.parser(Buffer.concat(pieces), { valueAsString: false }).attributes ?? []
  } catch (error) {
    throw new MailwicketError('WIRE_SYNTAX', { message: 'the ID list cannot be read', cause: error })
  }
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
