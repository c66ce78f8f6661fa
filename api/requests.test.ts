/** Requests that are hostile, wrong, or sent twice. */
import { Validator } from '@seriousme/openapi-schema-validator'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { ApiFixture, OFFICE } from './api-fixture.ts'
import { SCOPES } from './schemas.ts'

let fixture: ApiFixture
let token: string

beforeEach(async () => {
  fixture = await ApiFixture.open()
  token = await fixture.token(SCOPES)
})
afterEach(() => fixture.remove())

const devices = `/mailboxes/${OFFICE}/devices`

test('the served document is valid OpenAPI 3.1, and needs no token', async () => {
  const { status, body } = await fixture.ask('GET', '/openapi.json')
  expect(status).toBe(200)
  expect(await new Validator().validate(body)).toMatchObject({ valid: true })
  // By which generated clients call them: a generator makes one up of the path where there is none, another one each.
  const operations = Object.values<object>(body.paths).flatMap(path => Object.values<{ operationId?: string }>(path as Record<string, object>))
  const names = operations.map(({ operationId }) => operationId)
  expect(names).not.toContain(undefined)
  expect(new Set(names).size).toBe(names.length)
})

test.each([
  ['broken JSON', '{"name"', 400, undefined],
  ['an unknown field', '{"name":"a","nmae":"b"}', 422, 'nmae'],
  ['a key of the prototype', '{"name":"a","__proto__":{"x":1}}', 422, '__proto__'],
  ['no body', '', 415, undefined],
  ['a list', '[]', 422, 'body'],
  ['another type', '{"name":{"a":1}}', 422, 'name'],
  ['a name of 70,000 characters', JSON.stringify({ name: 'x'.repeat(70_000) }), 413, undefined],
  ['an hour of a day that is none', '{"name":"a","expiresAt":"2026-02-30T25:00:00Z"}', 422, 'expiresAt'],
  ['control characters in the name', '{"name":"a\\u0000b"}', 422, undefined],
])('%s is a problem', async (_, body, status, field) => {
  const answer = await fixture.ask('POST', devices, { token, body, headers: body === '' ? { 'content-type': 'text/plain' } : {} })
  expect(answer).toMatchObject({ status, body: { code: 'BAD_INPUT' } })
  if (field !== undefined) expect(answer.body.errors.map((one: { field: string }) => one.field)).toContain(field)
  expect(fixture.logged).toEqual([])
})

test('huge numbers, unknown parameters and made-up cursors are problems', async () => {
  const huge = await fixture.ask('PATCH', `/mailboxes/${OFFICE}`, { token, body: '{"sending":{"recipientsPerDay":1e400}}' })
  expect(huge).toMatchObject({ status: 422, body: { errors: [{ field: 'sending.recipientsPerDay' }] } })
  for (const query of ['limit=0', 'limit=201', 'limit=1&limit=2', 'unknown=1', 'after=x', 'state=other'])
    expect((await fixture.ask('GET', `/mailboxes?${query}`, { token })).status, query).toBe(422)
})

test('a path or method that there is not; a wrong content type; a cookie that counts for nothing', async () => {
  expect(await fixture.ask('GET', '/nothing', { token })).toMatchObject({ status: 404, body: { code: 'NOT_FOUND' } })
  const wrong = await fixture.ask('PUT', '/mailboxes', { token, body: {} })
  expect([wrong.status, wrong.headers.get('allow')]).toEqual([405, 'GET, POST'])
  expect((await fixture.ask('POST', devices, { token, body: 'name=a', headers: { 'content-type': 'application/x-www-form-urlencoded' } })).status).toBe(415)
  expect((await fixture.ask('GET', '/me', { headers: { cookie: `__Host-mw=${token}` } })).status).toBe(401)
})

test('an Idempotency-Key: done once, answered again without the secret, refused for something else', async () => {
  const headers = { 'idempotency-key': 'a-key' }
  const passwords = await fixture.token(['passwords'])
  const post = (name: string) => fixture.ask('POST', devices, { token: passwords, body: { name }, headers })
  const [first, atOnce] = await Promise.all([post('Tablet'), post('Tablet')])
  expect([first.body.device.id, first.status]).toEqual([atOnce.body.device.id, atOnce.status])
  expect([first.body.password, atOnce.body.password].filter(one => one !== null)).toHaveLength(1)
  expect((await post('Tablet')).body.password).toBeNull()
  expect(await post('Another')).toMatchObject({ status: 422, body: { code: 'BAD_INPUT' } })
  fixture.files.now += 23 * 3_600_000
  expect((await post('Tablet')).body.password).toBeNull()
})

test('CSV on demand, to its end, without formulas', async () => {
  const { status, text, headers } = await fixture.ask('GET', '/activity', { token, headers: { accept: 'text/csv' } })
  expect([status, headers.get('content-type')]).toEqual([200, 'text/csv; charset=utf-8'])
  expect(text.split('\n')[0]).toBe('at,firstAt,count,mailbox,device,deviceName,result,protocol,ip,app')
  expect(text).toContain(",'=cmd\n")
  expect(text.trim().split('\n')).toHaveLength(3)
})

test('a store that fails is no wrong request, and its words stay inside', async () => {
  fixture.around = async () => {
    throw new Error('/var/lib/secret place')
  }
  const answer = await fixture.ask('POST', devices, { token, body: { name: 'a' } })
  expect(answer).toMatchObject({ status: 500, body: { code: 'INTERNAL_ERROR' } })
  expect(answer.text).not.toContain('place')
  expect(fixture.logged).toMatchObject([{ event: 'bug' }])
})

test('activity and changes are narrowed to a network, page by page, and refusals to refusals', async () => {
  const attempt = (ip: string, result: string) => ({ address: OFFICE, device: null, result, at: ++fixture.files.now, protocol: 'imap' as const, ip, app: null })
  const activity = Array.from({ length: 1_200 }, (_, n) => attempt(`198.51.${n % 100}.${n % 250}`, 'wrong-secret'))
  activity.splice(3, 0, attempt('2001:db8:7::1', 'ok'), attempt('203.0.113.5', 'network'))
  activity.splice(700, 0, attempt('203.0.113.200', 'ok'))
  for (let at = 0; at < activity.length; at += 200)
    await fixture.node.record({ connections: [], sessions: [], endedSessions: [], activity: activity.slice(at, at + 200) })
  const all = async (query: string) => {
    const ips: string[] = []
    let next: string | null = ''
    while (next !== null) {
      const { body, status } = await fixture.ask('GET', `/activity?${query}&limit=1${next === '' ? '' : `&after=${next}`}`, { token })
      expect(status).toBe(200)
      ips.push(...body.items.map(({ ip }: { ip: string }) => ip))
      next = body.next
    }
    return ips.sort()
  }
  expect(await all('network=203.0.113.0/24')).toEqual(['203.0.113.200', '203.0.113.5'])
  expect(await all('network=203.0.113.0/24&result=refused')).toEqual(['203.0.113.5'])
  expect(await all('network=2001:db8::/32')).toEqual(['2001:db8:7::1'])
  expect((await fixture.ask('GET', '/activity?network=office', { token })).body.errors).toEqual([
    { field: 'network', detail: 'neither an address nor a network' },
  ])

  await fixture.ask('POST', devices, { token, body: { name: 'From here' }, ip: '203.0.113.77' })
  const changes = async (network: string) => {
    const { body } = await fixture.ask('GET', `/audit?network=${network}`, { token })
    return body.items.map(({ action }: { action: string }) => action)
  }
  expect(await changes('203.0.113.64/26')).toContain('device.added')
  expect(await changes('203.0.113.0/26')).toEqual([])
})
