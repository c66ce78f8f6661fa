import { afterEach, beforeEach, expect, test } from 'vitest'
import { OFFICE, PortalFixture, type TestBrowser } from '../../portal-fixture.ts'
import { formatCell } from './activity-csv.ts'

let fixture: PortalFixture
let anna: TestBrowser
beforeEach(async () => {
  fixture = await PortalFixture.open()
  await fixture.addAdministrator()
  anna = await fixture.signedIn('anna')
})
afterEach(() => fixture.remove())

const page = '/m/office%40example.test/activity'

test('changes are shown page by page, each once', async () => {
  for (let at = 0; at < 70; at += 1) {
    fixture.files.now += 1_000
    await fixture.store.devices.add(OFFICE, { name: `device ${at}` })
  }
  const seen: string[] = []
  let next: string | undefined = page
  while (next !== undefined) {
    const { text, status } = await anna.get(next)
    expect(status).toBe(200)
    seen.push(...[...text.matchAll(/<bdi>(device \d+)<\/bdi>/g)].map(([, name = '']) => name))
    next = /href="([^"]*before=\d+)"/.exec(text)?.[1]?.replaceAll('&amp;', '&')
  }
  expect(new Set(seen).size).toBe(70)
  expect(seen).toHaveLength(70)
})

test('a change from a network is reached over pages of changes from elsewhere, each of which looks at so many', async () => {
  const insert = (from: string, subject: string, count: number) =>
    fixture.files.query(
      `with recursive n(i) as (select 1 union all select i + 1 from n where i < ${count})
       insert into audit (at, actor, source, action, subject, subject_id) select ${fixture.files.now} + i, 'anna', 'portal ${from}', 'user.added', '${subject}', 'u' || i from n`,
    )
  await insert('203.0.113.5', 'nora-from-there', 1)
  fixture.files.now += 10_000
  await insert('192.0.2.1', 'others', 4_000)
  fixture.files.now += 10_000
  let pages = 0
  let shown = ''
  for (let next: string | undefined = '/activity?network=203.0.113.0/24'; next !== undefined && pages < 20; pages += 1) {
    shown = (await anna.get(next)).text
    next = /href="([^"]*before=\d+)"/.exec(shown)?.[1]?.replaceAll('&amp;', '&')
  }
  expect(shown).toContain('nora-from-there')
  expect(pages).toBeGreaterThan(1)
})

test('what people do in the portal is told in sentences, and dates in words', async () => {
  await anna.submit(`/m/${OFFICE}/devices/new`, `/m/${encodeURIComponent(OFFICE)}/devices`, {
    name: 'Front desk tablet',
    user: 'none',
    scope: 'both',
    ends: 'week',
  })
  await fixture.store.invitations.add({ kind: 'device', mailbox: OFFICE, user: 'anna', by: 'anna' })
  await fixture.store.invitations.add({ kind: 'device', mailbox: OFFICE, user: null, by: 'anna' })
  await fixture.store.invitations.add({ kind: 'start', user: 'anna', by: 'anna' })
  const device = (await fixture.store.devices.list({ mailbox: OFFICE }))[0]?.id ?? ''
  await anna.get(`/m/${encodeURIComponent(OFFICE)}/devices/${device}/shown`)
  await fixture.store.recoveryCodes.replace('anna')
  const { token } = await fixture.store.invitations.add({ kind: 'device', mailbox: OFFICE, user: null, by: 'anna' })
  await fixture.browser().post(`/i/${token?.reveal()}`, { name: 'Guest', app: 'other' })
  const { text } = await anna.get('/activity')
  const words = text.replace(/<[^>]*>/g, '')
  for (const sentence of [
    'added the device Front desk tablet',
    'invited anna',
    `made an invitation to ${OFFICE}`,
    'made a start link for anna',
    'Somebody with an invitation added the device Guest',
  ])
    expect(words).toContain(sentence)
  expect(words).toMatch(/ends on \d+ \w+, \d\d:\d\d/)
  expect(text).not.toMatch(/\d{13}</)
  // Neither a word of the audit in place of a sentence, nor a field without a value.
  expect(text).not.toMatch(/: <code>(?!store)\w+\.[a-z-]+<\/code>/)
  expect(text).not.toMatch(/<code>\w+<\/code> <\/span>/)
})

test('filters that are none are told at their field', async () => {
  const { text } = await anna.get('/activity?network=office&from=yesterday&until=2026-13-99')
  expect(text).toContain('“office” is not a network.')
  expect(text.match(/A date looks like/g)).toHaveLength(2)
})

test('the CSV has no cell that a spreadsheet would run', async () => {
  await fixture.store.devices.add(OFFICE, { name: '=cmd|calc' })
  const { text, headers } = await anna.get('/activity.csv')
  expect(headers.get('content-type')).toBe('text/csv; charset=utf-8')
  expect(text.split('\r\n')[0]).toContain('at,first_at,count')
  expect(text).toContain('device.added')
  for (const cell of ['=1', '+1', '-1', '@x', ' =1', '\t=1']) expect(formatCell(cell)).toContain("'")
  expect(formatCell('a "b", c')).toBe('"a ""b"", c"')
})
