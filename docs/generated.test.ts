import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { ERRORS } from '../base/errors.ts'
import { SECTIONS } from '../config/config-table.ts'
import { METRICS } from '../gateway/monitoring/metrics-table.ts'
import { NOT_READY } from '../gateway/monitoring/readiness.ts'
import { WARNINGS } from '../gateway/monitoring/store-health.ts'
import { ACTIONS } from '../management/permissions.ts'
import { formatConfigurationPage } from './configuration-page.ts'
import { formatPages } from './pages.ts'
import { findComments, findDuties, findMarked } from './standards-page.ts'

const pages = await formatPages(join(import.meta.dirname, '..'))

test.each([...pages.keys()])('docs/%s is what the code would make: else run `npm run docs`', name => {
  expect(readFileSync(join(import.meta.dirname, name), 'utf8')).toBe(pages.get(name))
})

test('every key of the configuration has its row', () => {
  const page = formatConfigurationPage()
  for (const { keys } of SECTIONS) for (const key of Object.keys(keys)) expect(page).toContain(`| \`${key}\` |`)
})

test('every metric, every reason for not being ready and every alert has its row', () => {
  const page = pages.get('monitoring.md')
  for (const name of [...Object.keys(METRICS), ...NOT_READY, ...WARNINGS]) expect(page).toContain(`| \`${name}\` |`)
  const alerts = readFileSync(join(import.meta.dirname, '../packaging/prometheus/alerts.yml'), 'utf8').matchAll(/^ +- alert: (\w+)$/gm)
  const named = Array.from(alerts, match => match[1] ?? '')
  expect(Array.from((page ?? '').matchAll(/^\| `(Mailwicket\w+)` \|/gm), match => match[1] ?? '')).toEqual(named)
})

test('every error has its row', () => {
  for (const code of Object.keys(ERRORS)) expect(pages.get('errors.md')).toContain(`| \`${code}\` |`)
})

test('every permission has its row', () => {
  for (const action of Object.keys(ACTIONS)) expect(pages.get('permissions.md')).toContain(`(\`${action}\`) |`)
})

describe('standards are collected from comments', () => {
  const dutiesOf = (source: string) =>
    findComments(source).flatMap(comment => findDuties('f.ts', comment).map(({ rfc, section, text }) => `${rfc} ${section}: ${text}`))

  test.each([
    ['// RFC 4954 §4: the duty.', ['4954 §4: the duty.']],
    ['  call() // RFC 4954 §4: the duty.', ['4954 §4: the duty.']],
    ['// RFC 9051 §6.2.1, §11.1: the duty', ['9051 §6.2.1: the duty', '9051 §11.1: the duty']],
    ['// RFC 4954 §4, RFC 4959 §3: the duty', ['4954 §4: the duty', '4959 §3: the duty']],
    ['// RFC 8437: the duty', ['8437 : the duty']],
    ['// RFC 4954 §4: the duty that\n// goes on.\ncall()', ['4954 §4: the duty that goes on.']],
    ['// RFC 4954 §4: one.\n// RFC 4954 §6: other.', ['4954 §4: one.', '4954 §6: other.']],
    ['/** RFC 9051 §6.2.3. */', ['9051 §6.2.3: all of it']],
    ['/**\n * First. The `=` is empty (RFC 4954 §4). Last.\n */', ['4954 §4: The `=` is empty (RFC 4954 §4).']],
    ['/**\n * A paragraph.\n *\n * RFC 4954 §4: the duty\n * goes on.\n */', ['4954 §4: the duty goes on.']],
    ["const text = 'RFC 4954 §4: no comment'", []],
    ["const url = 'https://RFC 4954 §4'", []],
  ])('%s', (source, expected) => {
    expect(dutiesOf(source)).toEqual(expected)
  })

  test('deviations and workarounds', () => {
    const comments = findComments('// WORKAROUND(Outlook 16): sends it twice.\n// DEVIATION(RFC 9051 §6.1.3): we close first.')
    expect(comments.flatMap(comment => findMarked('f.ts', comment)).map(({ marker, subject, text }) => [marker, subject, text])).toEqual([
      ['WORKAROUND', 'Outlook 16', 'sends it twice.'],
      ['DEVIATION', 'RFC 9051 §6.1.3', 'we close first.'],
    ])
  })
})
