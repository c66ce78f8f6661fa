/**
 * A message as IMAP shows it: sections, ENVELOPE and BODYSTRUCTURE (RFC 3501 §7.4.2). For the demo's mail server; enough MIME for what mail apps
 * write, none of it trusted by anybody. Text has one character a byte.
 */

export interface Part {
  readonly header: string
  readonly body: string
  /** `text`, `plain`. */
  readonly type: readonly [string, string]
  readonly parameters: readonly (readonly [string, string])[]
  readonly parts: readonly Part[]
}

/** Deeper is taken for text. */
const MAX_DEPTH = 8

export function parsePart(raw: string, depth = 0): Part {
  const blank = raw.startsWith('\r\n') ? 0 : raw.indexOf('\r\n\r\n')
  const header = blank < 0 ? raw : raw.slice(0, blank === 0 ? 2 : blank + 4)
  const body = raw.slice(header.length)
  const { words, parameters } = parseValue(fieldOf(header, 'content-type') ?? 'text/plain; charset=us-ascii')
  const [type = 'text', subtype = 'plain'] = words.toLowerCase().split('/')
  const boundary = parameters.find(([name]) => name === 'boundary')?.[1]
  const isMultipart = type === 'multipart' && boundary !== undefined && depth < MAX_DEPTH
  const parts = isMultipart ? splitParts(body, boundary).map(part => parsePart(part, depth + 1)) : []
  return { header, body, type: [parts.length > 0 || type !== 'multipart' ? type : 'text', subtype], parameters, parts }
}

function splitParts(body: string, boundary: string): string[] {
  const parts: string[] = []
  let part: string[] | undefined
  for (const line of body.split('\r\n')) {
    const isEnd = line.trimEnd() === `--${boundary}--`
    if (isEnd || line.trimEnd() === `--${boundary}`) {
      if (part !== undefined) parts.push(part.join('\r\n'))
      part = isEnd ? undefined : []
    } else part?.push(line)
  }
  if (part !== undefined) parts.push(part.join('\r\n'))
  return parts
}

/** `text/plain; charset=utf-8` and the like. */
function parseValue(value: string): { words: string; parameters: [string, string][] } {
  const [words = '', ...rest] = value.split(/;(?=(?:[^"]*"[^"]*")*[^"]*$)/)
  const parameters = rest.flatMap(text => {
    const at = text.indexOf('=')
    const written = text.slice(at + 1).trim()
    return at < 0 ? [] : [[text.slice(0, at).trim().toLowerCase(), written.replace(/^"(.*)"$/s, '$1')] as [string, string]]
  })
  return { words: words.trim(), parameters }
}

/** The value of the first field of the name, unfolded. */
export function fieldOf(header: string, name: string): string | undefined {
  for (const line of header.replace(/\r\n[ \t]+/g, ' ').split('\r\n')) {
    const at = line.indexOf(':')
    if (at > 0 && line.slice(0, at).trim().toLowerCase() === name) return line.slice(at + 1).trim()
  }
  return undefined
}

/** The fields of these names, or all others, with the blank line behind them. */
export function headerFields(header: string, names: readonly string[], which: 'these' | 'others'): string {
  const wanted = new Set(names.map(name => name.toLowerCase()))
  const lines = header.split(/\r\n(?![ \t])/).filter(
    line =>
      line !== '' &&
      wanted.has(
        line
          .slice(0, Math.max(line.indexOf(':'), 0))
          .trim()
          .toLowerCase(),
      ) ===
        (which === 'these'),
  )
  return `${lines.map(line => `${line}\r\n`).join('')}\r\n`
}

/** The part of a section such as `1.2`; undefined: there is none. */
export function findPart(message: Part, numbers: readonly number[]): Part | undefined {
  let part: Part | undefined = message
  for (const number of numbers) part = part?.parts.length === 0 ? (number === 1 ? part : undefined) : part?.parts[number - 1]
  return part
}

/** RFC 3501 §9 nstring: a literal where quotes cannot hold it. */
export function nstring(text: string | undefined): string {
  if (text === undefined) return 'NIL'
  return /^[\x20-\x7e]*$/.test(text) ? `"${text.replace(/["\\]/g, '\\$&')}"` : `{${text.length}}\r\n${text}`
}

export function envelopeOf({ header }: Part): string {
  const from = addresses(fieldOf(header, 'from'))
  const others = ['sender', 'reply-to'].map(name => (fieldOf(header, name) === undefined ? from : addresses(fieldOf(header, name))))
  const rest = ['to', 'cc', 'bcc'].map(name => addresses(fieldOf(header, name)))
  const [date, subject, inReplyTo, id] = ['date', 'subject', 'in-reply-to', 'message-id'].map(name => nstring(fieldOf(header, name)))
  return `(${[date, subject, from, ...others, ...rest, inReplyTo, id].join(' ')})`
}

function addresses(value: string | undefined): string {
  const found = (value ?? '').split(/,(?=(?:[^"]*"[^"]*")*[^"]*$)/).flatMap(text => {
    const match = /^\s*(?:"?(.*?)"?\s*<([^<>@\s]+)@([^<>@\s]+)>|([^<>@\s]+)@([^<>@\s]+))\s*$/.exec(text)
    if (match === null) return []
    const [, name, local = match[4], domain = match[5]] = match
    return [`(${nstring(name === '' ? undefined : name)} NIL ${nstring(local)} ${nstring(domain)})`]
  })
  return found.length === 0 ? 'NIL' : `(${found.join('')})`
}

/** BODY without, BODYSTRUCTURE with the extension data. */
export function structureOf(part: Part, kind: 'body' | 'bodystructure'): string {
  const [type, subtype] = part.type
  const parameters = formatParameters(part.parameters)
  const disposition = kind === 'body' ? '' : ` ${formatDisposition(fieldOf(part.header, 'content-disposition'))} NIL`
  if (part.parts.length > 0) {
    const extension = kind === 'body' ? '' : ` ${parameters}${disposition}`
    return `(${part.parts.map(one => structureOf(one, kind)).join('')} ${nstring(subtype)}${extension})`
  }
  const [id, description] = ['content-id', 'content-description'].map(name => nstring(fieldOf(part.header, name)))
  const encoding = nstring(fieldOf(part.header, 'content-transfer-encoding') ?? '7bit')
  const lines = type === 'text' ? ` ${part.body.split('\r\n').length - 1}` : ''
  return `(${nstring(type)} ${nstring(subtype)} ${parameters} ${id} ${description} ${encoding} ${part.body.length}${lines}${kind === 'body' ? '' : ' NIL'}${disposition})`
}

function formatParameters(parameters: Part['parameters']): string {
  return parameters.length === 0 ? 'NIL' : `(${parameters.map(pair => pair.map(nstring).join(' ')).join(' ')})`
}

function formatDisposition(value: string | undefined): string {
  if (value === undefined) return 'NIL'
  const { words, parameters } = parseValue(value)
  return `(${nstring(words.toLowerCase())} ${formatParameters(parameters)})`
}
