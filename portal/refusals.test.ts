/** Requests that are refused, and states that have changed meanwhile: each is told on a page in the reader's language, to a program as a problem. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { OFFICE, PASSWORD, PortalFixture, type TestBrowser, URL_OF_PORTAL } from './portal-fixture.ts'
import { ROUTES } from './routes.ts'

let fixture: PortalFixture
let anna: TestBrowser
beforeEach(async () => {
  fixture = await PortalFixture.open()
  await fixture.addAdministrator()
  anna = await fixture.signedIn('anna')
})
afterEach(() => fixture.remove())

const FORM = { 'content-type': 'application/x-www-form-urlencoded', 'sec-fetch-site': 'same-origin' }
const tooLarge = `name=${'x'.repeat(300_000)}`

describe('what is refused before anything of it is read', () => {
  test.each([
    ['too large', 'POST', '/people', { body: tooLarge, headers: FORM }, 413, 'Das war zu viel'],
    ['of another name', 'GET', '/services', { headers: { host: 'evil.test' } }, 421, 'Dieser Name gehört nicht hierher'],
    ['of another site', 'POST', '/people', { body: 'a=b', headers: { ...FORM, 'sec-fetch-site': 'cross-site' } }, 403, 'Das kam von einer anderen Seite'],
  ] as const)('%s is a page in the reader’s language, which leads back', async (_, method, path, request, status, title) => {
    const answer = await anna.ask(method, path, { ...request, headers: { ...request.headers, 'accept-language': 'de' } })
    expect(answer.status).toBe(status)
    expect(answer.text).toContain(title)
    expect(answer.text).toContain(`href="${URL_OF_PORTAL}/"`)
    expect(answer.text).not.toContain('evil.test')
    expect(answer.headers.get('connection')).toBe(status === 413 ? 'close' : null)
  })

  test.each([
    ['POST', { body: tooLarge, headers: { 'content-type': 'application/json' } }, 413],
    ['GET', { headers: { host: 'evil.test' } }, 421],
  ] as const)('%s to the API is a problem', async (method, request, status) => {
    const answer = await anna.ask(method, '/api/v1/people', request)
    expect(answer.headers.get('content-type')).toBe('application/problem+json')
    expect(JSON.parse(answer.text)).toMatchObject({ status, code: 'BAD_INPUT' })
    expect(answer.status).toBe(status)
    expect(answer.headers.get('connection')).toBe(status === 413 ? 'close' : null)
  })
})

test.each(['/services', '/people', '/find', '/activity', '/services/example.test', '/m/office%40example.test/devices', '/m/office%40example.test/users/new'])(
  'control characters in a search of %s find nothing, and break nothing',
  async path => {
    expect((await anna.get(`${path}?q=%00%0aab%1b&network=%00`)).status).toBe(200)
  },
)

test.each(['/services', '/people', '/services/example.test'])('a cursor of %s that is none is called an address, not a form', async path => {
  const answer = await anna.get(`${path}?after=nothing-of-ours`)
  expect(answer.status).toBe(400)
  expect(answer.text).toContain('That address does not fit')
})

test.each(['pause', 'resume'])('the button %s of a device that was disconnected meanwhile leads to the device', async act => {
  const { device } = await fixture.store.devices.add(OFFICE, { name: 'Phone' })
  await fixture.store.devices.revoke([device.id])
  const path = `/m/${encodeURIComponent(OFFICE)}/devices/${device.id}`
  const answer = await anna.post(`${path}/${act}`)
  expect(answer).toMatchObject({ status: 303, to: path })
  expect((await anna.get(answer.to)).text).toContain('It was disconnected meanwhile. Nothing was changed.')
})

test('what is so already is said once more', async () => {
  const { device } = await fixture.store.devices.add(OFFICE, { name: 'Phone' })
  const path = `/m/${encodeURIComponent(OFFICE)}/devices/${device.id}`
  for (const [act, text] of [
    ['pause', 'is paused'],
    ['pause', 'is paused'],
    ['resume', 'gets in again'],
    ['resume', 'gets in again'],
  ] as const)
    expect((await anna.get((await anna.post(`${path}/${act}`)).to)).text).toContain(text)
})

/** As a full disk: reading goes on. */
const nothingIsWritten = (...tables: readonly string[]) =>
  Promise.all(
    tables.flatMap(table =>
      ['insert', 'update'].map(act =>
        fixture.files.query(`create trigger full_${table}_${act} before ${act} on ${table} begin select raise(abort, 'database or disk is full'); end`),
      ),
    ),
  )

test('while nothing can be written a sign-in says that it is not possible now, and whoever is signed in reads on', async () => {
  await nothingIsWritten('portal_sessions', 'failure_counts')
  const answer = await fixture.browser().post('/sign-in', { login: 'anna', password: PASSWORD })
  expect(answer.status).toBe(503)
  expect(answer.headers.get('retry-after')).toMatch(/^\d+$/)
  expect(answer.text).toContain('Try again in a moment')
  fixture.files.now += 120_000
  expect((await anna.get('/services')).status).toBe(200)
})

test('on one’s own page nothing is offered that would sign one out, and a form that is sent all the same changes nothing', async () => {
  await fixture.addAdministrator('boss', 'The Boss')
  const { text } = await anna.get('/people/anna')
  for (const path of ['/people/anna/administrator', '/people/anna/domains', '/people/anna/new-start']) expect(text).not.toContain(`"${path}"`)
  expect((await anna.get('/people/boss')).text).toContain('/people/boss/administrator')
  for (const login of ['anna', 'ANNA']) {
    const answer = await anna.post(`/people/${login}/administrator`, {})
    expect(answer.status).toBe(422)
    expect(answer.text).toContain('another administrator changes')
    expect((await anna.post(`/people/${login}/domains`, { domains: 'example.test' })).status).toBe(422)
  }
  expect((await anna.get('/people')).status).toBe(200)
  expect(await fixture.store.roles.of('anna')).toMatchObject({ isAdmin: true, domains: [] })
})

test('a server that no login reaches is told of at its domain, until one does', async () => {
  const node = await fixture.files.openNode()
  const attempt = (result: string) =>
    node.record({
      connections: [],
      sessions: [],
      endedSessions: [],
      activity: [{ address: OFFICE, device: null, result, at: fixture.files.now, protocol: 'imap', ip: '192.0.2.9', app: null }],
    })
  const state = async () => [(await anna.get('/services')).text, (await anna.get('/services/example.test')).text].map(text => text.includes('not reachable'))
  expect(await state()).toEqual([false, false])
  await attempt('upstream-unreachable')
  expect(await state()).toEqual([true, true])
  fixture.files.now += 1_000
  await attempt('ok')
  expect(await state()).toEqual([false, false])
  await node.close()
})

describe('every route that changes something', () => {
  const posts = ROUTES.filter(({ method }) => method === 'POST').map(({ path }) => path.replace(/:(\w+)/g, 'x'))
  const types = ['application/x-www-form-urlencoded', 'application/json', 'text/plain', 'multipart/form-data; boundary=x', 'application/csp-report', '']
  test.each(posts)('%s is closed to other sites, in every content type', async path => {
    for (const type of types)
      for (const from of [{ 'sec-fetch-site': 'cross-site' }, { 'sec-fetch-site': 'same-site' }, { origin: 'https://evil.test' }, { origin: 'null' }, {}]) {
        const answer = await anna.ask('POST', path, { body: '{}', headers: { ...(type !== '' && { 'content-type': type }), ...from } })
        expect([type, from, answer.status]).toEqual([type, from, 403])
      }
  })
})
