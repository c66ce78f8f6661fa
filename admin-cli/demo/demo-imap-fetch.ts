/**
 * FETCH and SEARCH of the demo's mail server (RFC 3501 §6.4.4, §6.4.5): from parsed arguments to the data of a message.
 */
import type { Attribute, Node } from 'emailjs-imap-handler'
import type { StoredMessage } from './demo-imap-mailbox.ts'
import { envelopeOf, fieldOf, findPart, headerFields, type Part, structureOf } from './demo-imap-message.ts'

const MACROS: Readonly<Record<string, readonly string[]>> = {
  ALL: ['FLAGS', 'INTERNALDATE', 'RFC822.SIZE', 'ENVELOPE'],
  FAST: ['FLAGS', 'INTERNALDATE', 'RFC822.SIZE'],
  FULL: ['FLAGS', 'INTERNALDATE', 'RFC822.SIZE', 'ENVELOPE', 'BODY'],
}

export function textOf(node: Node | undefined): string {
  if (node === undefined || node === null || Array.isArray(node)) return ''
  const { value } = node as Attribute
  return typeof value === 'string' ? value : Buffer.from(value).toString('latin1')
}

export function listOf(node: Node | undefined): readonly Node[] {
  return Array.isArray(node) ? node : node === undefined || node === null ? [] : [node as Attribute]
}

/** RFC 3501 §9 date-time, in UTC. */
export function formatDate(at: number): string {
  const [, day, month, year, time] = new Date(at).toUTCString().split(' ')
  return `${day}-${month}-${year} ${time} +0000`
}

/** The items of a FETCH; whether one of them sets \Seen. */
export function readItems(node: Node | undefined, isUid: 'uid' | 'number'): { readonly items: readonly Attribute[]; readonly setsSeen: boolean } {
  const named = (value: string): Attribute => ({ type: 'ATOM', value })
  const items = listOf(node).flatMap(item => MACROS[textOf(item).toUpperCase()]?.map(named) ?? [item as Attribute])
  if (isUid === 'uid' && !items.some(item => textOf(item).toUpperCase() === 'UID')) items.unshift(named('UID'))
  const setsSeen = items.some(item => {
    const name = textOf(item).toUpperCase()
    return (name === 'BODY' && item.section !== undefined) || name === 'RFC822' || name === 'RFC822.TEXT'
  })
  return { items, setsSeen }
}

/** The data of one message, as it stands between the brackets of a FETCH response. Throws RangeError for an item that nobody knows. */
export function fetchData(message: StoredMessage, items: readonly Attribute[]): string {
  return items.map(item => fetchItem(message, item)).join(' ')
}

function fetchItem({ uid, raw, part, at, flags }: StoredMessage, item: Attribute): string {
  const name = textOf(item).toUpperCase()
  switch (name) {
    case 'UID':
      return `UID ${uid}`
    case 'FLAGS':
      return `FLAGS (${[...flags].join(' ')})`
    case 'INTERNALDATE':
      return `INTERNALDATE "${formatDate(at)}"`
    case 'RFC822.SIZE':
      return `RFC822.SIZE ${raw.length}`
    case 'ENVELOPE':
      return `ENVELOPE ${envelopeOf(part)}`
    case 'BODYSTRUCTURE':
      return `BODYSTRUCTURE ${structureOf(part, 'bodystructure')}`
    case 'RFC822':
      return `RFC822 ${literal(raw)}`
    case 'RFC822.HEADER':
      return `RFC822.HEADER ${literal(part.header)}`
    case 'RFC822.TEXT':
      return `RFC822.TEXT ${literal(part.body)}`
    case 'BODY':
    case 'BODY.PEEK':
      return item.section === undefined ? `BODY ${structureOf(part, 'body')}` : fetchSection(raw, part, item)
    default:
      throw new RangeError(`no such item: ${name}`)
  }
}

function fetchSection(raw: string, message: Part, { section = [], partial }: Attribute): string {
  const words = textOf(section[0]).toUpperCase()
  const names = listOf(section[1]).map(textOf)
  const numbers = words
    .split('.')
    .filter(word => /^\d+$/.test(word))
    .map(Number)
  const what = words.split('.').slice(numbers.length).join('.')
  const part = findPart(message, numbers)
  const text = part === undefined ? undefined : sectionOf(numbers.length === 0 ? raw : part.body, part, what, names)
  const label = `${words}${names.length === 0 ? '' : ` (${names.join(' ')})`}`
  const [from, count] = partial ?? []
  const cut = from === undefined ? text : text?.slice(from, count === undefined ? undefined : from + count)
  return `BODY[${label}]${from === undefined ? '' : `<${from}>`} ${cut === undefined ? 'NIL' : literal(cut)}`
}

function sectionOf(whole: string, part: Part, what: string, names: readonly string[]): string {
  if (what === 'HEADER' || what === 'MIME') return part.header
  if (what === 'TEXT') return part.body
  if (what === 'HEADER.FIELDS') return headerFields(part.header, names, 'these')
  return what === 'HEADER.FIELDS.NOT' ? headerFields(part.header, names, 'others') : whole
}

function literal(text: string): string {
  return `{${text.length}}\r\n${text}`
}

/** `1:3,7,*`, of numbers up to the greatest. */
export function readSet(text: string, greatest: number): (number: number) => boolean {
  const ranges = text.split(',').map(range => {
    const [from = 0, to = from] = range.split(':').map(end => (end === '*' ? greatest : Number(end)))
    return [Math.min(from, to), Math.max(from, to)] as const
  })
  return number => ranges.some(([from, to]) => number >= from && number <= to)
}

type Matches = (message: StoredMessage, number: number) => boolean

const FLAGS: Readonly<Record<string, string>> = {
  ANSWERED: '\\Answered',
  DELETED: '\\Deleted',
  DRAFT: '\\Draft',
  FLAGGED: '\\Flagged',
  SEEN: '\\Seen',
  RECENT: '\\Recent',
}

/** Keys one after the other must all match. Throws RangeError for a key that nobody knows. */
export function readSearch(nodes: readonly Node[], greatest: { readonly number: number; readonly uid: number }): Matches {
  const left = [...nodes]
  const all: Matches[] = []
  while (left.length > 0) all.push(readKey(left, greatest))
  return (message, number) => all.every(matches => matches(message, number))
}

function readKey(left: Node[], greatest: { readonly number: number; readonly uid: number }): Matches {
  const node = left.shift()
  if (Array.isArray(node)) return readSearch(node, greatest)
  const key = textOf(node).toUpperCase()
  const word = () => textOf(left.shift())
  const day = () => Date.parse(`${word()} UTC`)
  const contains = (text: string | undefined, wanted: string) => text?.toLowerCase().includes(wanted.toLowerCase()) === true
  const flag = FLAGS[key.replace(/^UN/, '')]
  if (flag !== undefined) return ({ flags }) => flags.has(flag) !== key.startsWith('UN')
  if (/^[\d*]/.test(key)) {
    const isIn = readSet(key, greatest.number)
    return (_, number) => isIn(number)
  }
  switch (key) {
    case 'ALL':
    case 'OLD':
      return () => true
    case 'NEW':
      return () => false
    case 'CHARSET':
      left.shift()
      return () => true
    case 'NOT': {
      const matches = readKey(left, greatest)
      return (message, number) => !matches(message, number)
    }
    case 'OR': {
      const [one, other] = [readKey(left, greatest), readKey(left, greatest)]
      return (message, number) => one(message, number) || other(message, number)
    }
    case 'UID': {
      const isIn = readSet(word(), greatest.uid)
      return ({ uid }) => isIn(uid)
    }
    case 'KEYWORD':
    case 'UNKEYWORD': {
      const wanted = word()
      return ({ flags }) => flags.has(wanted) === (key === 'KEYWORD')
    }
    case 'LARGER':
    case 'SMALLER': {
      const size = Number(word())
      return ({ raw }) => (key === 'LARGER' ? raw.length > size : raw.length < size)
    }
    case 'BEFORE':
    case 'ON':
    case 'SINCE':
    case 'SENTBEFORE':
    case 'SENTON':
    case 'SENTSINCE': {
      const wanted = day()
      const end = wanted + 86_400_000
      return ({ at, part }) => {
        const time = key.startsWith('SENT') ? Date.parse(fieldOf(part.header, 'date') ?? '') : at
        return key.endsWith('BEFORE') ? time < wanted : key.endsWith('ON') ? time >= wanted && time < end : time >= wanted
      }
    }
    case 'FROM':
    case 'TO':
    case 'CC':
    case 'BCC':
    case 'SUBJECT': {
      const wanted = word()
      return ({ part }) => contains(fieldOf(part.header, key.toLowerCase()), wanted)
    }
    case 'HEADER': {
      const [name, wanted] = [word().toLowerCase(), word()]
      return ({ part }) => contains(fieldOf(part.header, name), wanted)
    }
    case 'BODY':
    case 'TEXT': {
      const wanted = word()
      return ({ raw, part }) => contains(key === 'BODY' ? part.body : raw, wanted)
    }
    default:
      throw new RangeError(`no such search key: ${key}`)
  }
}
