/** What holds for every page: sessions, other sites, forms that come too late, names that want to be more than names, a store that is down. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { MailwicketError } from '../base/errors.ts'
import { OFFICE, PASSWORD, PortalFixture, type TestBrowser } from './portal-fixture.ts'

const form = '/m/office%40example.test/devices/new'
const action = '/m/office%40example.test/devices'
let fixture: PortalFixture
let anna: TestBrowser
beforeEach(async () => {
  fixture = await PortalFixture.open()
  await fixture.addAdministrator()
  anna = await fixture.signedIn('anna')
})
afterEach(() => fixture.remove())

const fields = { name: 'Tablet', user: 'none', scope: 'both', ends: 'never' }

describe('a session', () => {
  test('ends with a block at the next request', async () => {
    await fixture.addAdministrator('other')
    await fixture.store.users.block('anna')
    expect((await anna.get('/services')).to).toBe('/sign-in?to=%2Fservices')
    expect((await fixture.browser().post('/sign-in', { login: 'anna', password: PASSWORD })).text).toContain('Name and password do not fit together.')
  })

  test('that is over in the middle of a form keeps what was typed', async () => {
    const { hidden } = await anna.get(form)
    fixture.files.now += 13 * 3_600_000
    const over = await anna.post(action, { ...hidden(action), ...fields, name: 'Front desk' })
    expect(over.status).toBe(401)
    expect(over.text).toContain('What you typed on the last page is kept')
    const signIn = await anna.post('/sign-in', over.hidden('/sign-in'))
    const back = await anna.post('/sign-in', { ...signIn.hidden('/sign-in'), login: 'anna', password: PASSWORD })
    expect(back.to).toBe(form)
    expect((await anna.get(back.to)).text).toContain('value="Front desk"')
    expect(await fixture.store.devices.count({ mailbox: OFFICE })).toBe(0)
  })

  test('has a cookie that nobody else can set or read, and another one after a confirmation', async () => {
    const before = anna.cookies.find(({ name }) => name === '__Host-mw')?.value
    fixture.passConfirmation()
    const asked = await anna.submit(form, action, fields)
    const done = await anna.post('/confirm', { ...asked.hidden('/confirm'), password: PASSWORD })
    expect(done.headers.getSetCookie().find(line => line.startsWith('__Host-mw='))).toMatch(/; Path=\/; .*HttpOnly; SameSite=Lax; Secure$/)
    expect(anna.cookies.find(({ name }) => name === '__Host-mw')?.value).not.toBe(before)
  })

  test('never leads to another site', async () => {
    for (const to of ['//evil.test', 'https://evil.test', '/\\evil.test', '/\tevil']) {
      const browser = fixture.browser()
      expect((await browser.post('/sign-in', { login: 'anna', password: PASSWORD, to })).to).toBe('/')
    }
  })
})

test.each([
  ['a form', 'application/x-www-form-urlencoded', 'name=Mallory'],
  ['JSON', 'application/json', '{"name":"Mallory"}'],
  ['text', 'text/plain', 'name=Mallory'],
])('another site cannot post %s', async (_, type, body) => {
  for (const site of ['cross-site', 'same-site', 'none'])
    expect((await anna.ask('POST', action, { body, headers: { 'content-type': type, 'sec-fetch-site': site } })).status).toBe(403)
  expect((await anna.ask('POST', action, { body, headers: { 'content-type': type, origin: 'https://evil.test' } })).status).toBe(403)
})

test('a form of another kind, without its token or of another place does nothing', async () => {
  const { hidden } = await anna.get(form)
  const { once = '' } = hidden(action)
  const elsewhere = '/m/office%40other.test/devices'
  expect((await anna.post(action, fields)).status).toBe(400)
  expect((await anna.post(elsewhere, { ...fields, once })).status).toBe(400)
  expect(
    (await anna.ask('POST', action, { body: '--x', headers: { 'content-type': 'multipart/form-data; boundary=x', 'sec-fetch-site': 'same-origin' } })).status,
  ).toBe(400)
  expect(await fixture.store.devices.count()).toBe(0)
})

test('names are shown as they are, and never as anything else', async () => {
  const name = '<script>alert(1)</script>"\'&'
  const { device } = await fixture.store.devices.add(OFFICE, { name: 'x' })
  for (const bad of ['a\u202eb', 'a\u2028b', 'a\u0000b', 'x'.repeat(101)]) {
    const answer = await anna.submit(form, action, { ...fields, name: bad })
    expect(answer.status).toBe(422)
  }
  await fixture.store.users.add({ login: 'odd', name: name.replace('/', '') })
  await fixture.store.devices.rename(device.id, name.replace('/', ''))
  await fixture.store.devices.set(device.id, { user: 'odd' })
  await fixture.store.mailboxes.set(OFFICE, { note: name })
  for (const path of [action, `${action}/${device.id}`, '/services/example.test', '/find?q=script', '/m/office%40example.test'])
    expect((await anna.get(path)).text).not.toMatch(/<script>alert|"'&[^a#]/)
})

describe('two tabs', () => {
  test('change one device: the second is told who changed what it saw', async () => {
    const { device } = await fixture.store.devices.add(OFFICE, { name: 'Tablet' })
    const page = `${action}/${device.id}`
    const [one, two] = [await anna.get(page), await anna.get(page)]
    const rules = { name: 'Tablet', user: '', scope: 'read', ends: '', networks: '' }
    fixture.files.now += 1_000
    expect((await anna.post(page, { ...one.hidden(page), ...rules })).status).toBe(303)
    const second = await anna.post(page, { ...two.hidden(page), ...rules, scope: 'send', name: 'Other' })
    expect(second.status).toBe(422)
    expect(second.text).toContain('Anna Keller')
    expect(second.text).toContain('What you see is the new state')
    expect(await fixture.store.devices.get(device.id)).toMatchObject({ name: 'Tablet', scopes: ['imap'] })
  })
})

test('a store that is down says so, in the reader’s language, and does nothing', async () => {
  fixture.around = async () => {
    throw new MailwicketError('STORE_UNAVAILABLE', { message: 'disk I/O error of /var/lib' })
  }
  const answer = await anna.submit(form, action, fields)
  expect(answer.status).toBe(503)
  expect(answer.text).toContain('Try again in a moment')
  expect(answer.text).not.toContain('disk')
  expect(fixture.logged.find(({ event }) => event === 'store.failed')?.fields).toMatchObject({ code: 'STORE_UNAVAILABLE', user: 'anna' })
})

test('too many wrong passwords are told with the time until the next', async () => {
  const browser = fixture.browser()
  browser.ip = '198.51.100.7'
  let answer = await browser.post('/sign-in', { login: 'anna', password: 'wrong 0' })
  for (let tries = 1; answer.status === 422 && tries < 200; tries += 1) answer = await browser.post('/sign-in', { login: 'anna', password: `wrong ${tries}` })
  expect(answer.status).toBe(429)
  expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0)
  expect(answer.text).toContain('Connected mail apps are not affected.')
})

test('the language is the person’s, then the browser’s', async () => {
  const visitor = fixture.browser()
  visitor.headers = { 'accept-language': 'de-CH, en;q=0.5' }
  expect((await visitor.get('/sign-in')).text).toContain('<html lang="de"')
  await visitor.get('/language?set=fr&to=%2Fsign-in')
  expect((await visitor.get('/sign-in')).text).toContain('<html lang="fr"')
  await fixture.store.preferences.set('anna', { language: 'fr' })
  expect((await anna.get('/services')).text).toContain('<html lang="fr"')
})

test('answers and attempts to sign in are counted for the metrics, and each once', async () => {
  fixture.services.counts.take()
  await anna.get('/services')
  await anna.get('/nothing')
  await fixture.browser().post('/sign-in', { login: 'anna', password: 'wrong' })
  const { requests, seconds, signIns } = fixture.services.counts.take()
  expect(requests).toEqual({ '2xx': 1, '3xx': 0, '4xx': 2, '5xx': 0 })
  expect(seconds).toHaveLength(3)
  expect(signIns).toEqual({ 'signed-in': 0, second: 0, wrong: 1, limited: 0 })
  expect(fixture.services.counts.take().seconds).toEqual([])
})
