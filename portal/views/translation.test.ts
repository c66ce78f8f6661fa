/** No page holds a sentence of its own: with every message and every format in brackets, nothing readable stays outside them. */
import { expect, test } from 'vitest'
import { html } from '../html.ts'
import type { Messages } from '../messages/en.ts'
import type { Formats } from '../messages/formats.ts'
import { messagesOf } from '../messages/languages.ts'
import { galleryContext } from './gallery/gallery-context-fixture.ts'
import { galleryPages } from './gallery/gallery-fixture.ts'
import { replaceText } from './gallery/model-text-fixture.ts'

/** The same messages, each in ⟦brackets⟧; what another message put into one stays inside. */
function bracket(value: unknown): unknown {
  if (typeof value === 'function') return (...given: unknown[]) => bracket(value(...given))
  if (Array.isArray(value)) return value.map(bracket)
  if (typeof value === 'string') return `⟦${value}⟧`
  if (typeof value !== 'object' || value === null) return value
  // Escaped HTML is a String object with a mark on it.
  if (value instanceof String) return html`⟦${value as ReturnType<typeof html>}⟧`
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, bracket(inner)]))
}

/** What is the same in every language: names of products, protocols and formats, examples of what to type. */
const EVERYWHERE =
  /Mailwicket|OpenAPI|CSV|SSL\/TLS|STARTTLS|English|Français|Deutsch|office@example\.test|example\.test|2001:db8::\/32|curl -H|Authorization: Bearer \$TOKEN|\/api\/v1\/me|Europe\/\w+|UTC|imap1?|smtp|MC/g

/** Text between elements, and what is read aloud or shown of attributes. */
function readable(page: string): string {
  const body = page.replace(/<(svg|script)\b[\s\S]*?<\/\1>/g, match => `<i ${(match.match(/aria-label="[^"]*"/) ?? [''])[0]}>`)
  const said = Array.from(body.matchAll(/\s(?:aria-label|placeholder|title|alt|content)="([^"]*)"/g), match => match[1])
  return [...said.filter(text => !/^(width=device-width|no-referrer|noindex|light dark)/.test(text ?? '')), body.replace(/<[^>]*>/g, '\n')].join('\n')
}

function outsideBrackets(text: string): string {
  let depth = 0
  return Array.from(text, char => {
    if (char === '⟦') depth += 1
    const shown = depth === 0 ? char : ''
    if (char === '⟧') depth -= 1
    return shown
  }).join('')
}

test.each(galleryPages.map(page => [page.name, page] as const))('every sentence of %s is a message', (_name, page) => {
  const plain = galleryContext({ reader: page.reader })
  // Days are compared and hours counted by these two.
  const formats = { ...(bracket(plain.formats) as Formats), now: plain.formats.now, isoDay: plain.formats.isoDay, time: plain.formats.time }
  const reader = page.reader && { ...page.reader, name: '1', login: '2' }
  const context = { ...plain, formats, host: '3', ...(reader !== undefined && { reader }) }
  const text = String(
    page.draw(
      replaceText(page.model, given => (given === '' ? '' : '4')),
      bracket(messagesOf('en')) as Messages,
      context,
    ),
  )
  const left = outsideBrackets(readable(text))
    .replace(EVERYWHERE, '')
    .match(/[^\n]*\p{L}{2,}[^\n]*/gu)
  expect(left ?? []).toEqual([])
})

test('nothing of the English text was left standing in French or German', () => {
  const same = (english: unknown, other: unknown, path: string): string[] => {
    if (typeof english === 'string' || english instanceof String) return String(english) === String(other) && /\p{L}{4}/u.test(String(english)) ? [path] : []
    if (typeof english !== 'object' || english === null) return []
    return Object.entries(english).flatMap(([key, value]) => same(value, (other as Record<string, unknown>)[key], `${path}.${key}`))
  }
  // Words that the languages share.
  const shared =
    /^\.(frame\.(pages)|factLabels\.\w+|places\.\w+|placesShort\.\w+|words\.\w+|mailbox\.(title|note|server|tabs\.\w+|titles?)|setup\.(apps\.(apple|android|thunderbird|outlook)\.(name|about)|server)|people\.(mailbox|administrator|name|domains)|devices\.(person|name)|managers\.(person|domain)|invitations\.(title|link)|passkeys\.\w+|account\.passkeys|services\.managers|mailboxes\.\w+)$/
  for (const language of ['fr', 'de'] as const) expect(same(messagesOf('en'), messagesOf(language), '').filter(path => !shared.test(path))).toEqual([])
})
