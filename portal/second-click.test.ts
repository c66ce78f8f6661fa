/** Two clicks on one button, without a script: the browser drops the answer to the first form, and sends the same form once more. */
import { generate } from 'otplib'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Secret } from '../base/secret.ts'
import { OFFICE, PASSWORD, type Page, PortalFixture, type TestBrowser } from './portal-fixture.ts'
import { SecondClicks } from './web/second-click.ts'

const devices = `/m/${encodeURIComponent(OFFICE)}/devices`
const TERMS = { scope: 'both', ends: 'never', networks: '' }
let fixture: PortalFixture
let anna: TestBrowser
beforeEach(async () => {
  fixture = await PortalFixture.open()
  await fixture.addAdministrator()
  anna = await fixture.signedIn('anna')
})
afterEach(() => fixture.remove())

/** Gives the answer that the browser keeps: cookies of the first never came. */
async function clickTwice(browser: TestBrowser, path: string, fields: Record<string, string>): Promise<Page> {
  const before = [...browser.cookies]
  const first = await browser.post(path, fields)
  expect(first.status).toBe(303)
  browser.cookies.splice(0, browser.cookies.length, ...before)
  const second = await browser.post(path, fields)
  expect(second).toMatchObject({ status: 303, to: first.to })
  return second
}

/** The answer to the first came, but the page that it led to did not: the same browser, with its new cookies. */
async function clickAgain(browser: TestBrowser, path: string, fields: Record<string, string>): Promise<Page> {
  const first = await browser.post(path, fields)
  expect(first.status).toBe(303)
  const cookies = [...browser.cookies]
  await browser.get(first.to)
  browser.cookies.splice(0, browser.cookies.length, ...cookies)
  return browser.post(path, fields)
}

const CLICKS = { 'before the first answer came': clickTwice, 'while the next page is on its way': clickAgain }

describe.each(Object.entries(CLICKS))('a second click %s', (_, click) => {
  test.each([
    ['a device', `${devices}/new`, devices, { name: 'Tablet', user: 'none', ...TERMS }, /data-secret><span>[a-z0-9]{4}</],
    ['an invitation', '/invitations/new', '/invitations', { mailbox: OFFICE, who: 'anyone', reach: 'copy', ...TERMS }, /\/i\/[\w-]{43}/],
    ['a person', '/people/+new', '/people', { login: 'new', name: '', role: 'none', domain: '' }, /\/welcome\/[\w-]{43}/],
    ['a new start', '/people/mina/new-start', '/people/mina/new-start', { reach: 'copy' }, /\/welcome\/[\w-]{43}/],
    [
      'a new person of a mailbox',
      '/m/office%40example.test/users/new',
      '/m/office%40example.test/users',
      { person: 'eve', name: '', use: 'on' },
      /\/welcome\/[\w-]{43}/,
    ],
    ['recovery codes', '/account/totp', '/account/totp/recovery-codes', {}, /[a-z0-9]{5}-[a-z0-9]{5}/],
    ['an API token', '/account/tokens/new', '/account/tokens', { name: 'cron', read: 'on', domains: '', networks: '', ends: '' }, /mwt_[\w-]{43}/],
  ])('loses no secret of %s, and makes one', async (what, form, action, fields, secret) => {
    await fixture.addPerson('mina')
    await fixture.store.credentials.setTotp('anna', Secret.fromText('JBSWY3DPEHPK3PXP'), 0)
    const { hidden } = await anna.get(form)
    const answer = await click(anna, action, { ...hidden(action), ...fields })
    expect((await anna.get(answer.to)).text).toMatch(secret)
    if (what === 'a device') expect(await fixture.store.devices.count({ mailbox: OFFICE })).toBe(1)
    expect((await anna.get(answer.to)).text).not.toMatch(secret)
  })

  test('on the confirmation loses neither the session nor the password', async () => {
    const { hidden } = await anna.get(`${devices}/new`)
    const fields = { ...hidden(devices), name: 'Tablet', user: 'none', ...TERMS }
    fixture.passConfirmation()
    const asked = await anna.post(devices, fields)
    const answer = await click(anna, '/confirm', { ...asked.hidden('/confirm'), password: PASSWORD })
    expect((await anna.get(answer.to)).text).toMatch(/data-secret><span>[a-z0-9]{4}</)
    expect((await anna.get('/services')).status).toBe(200)
    expect(await fixture.store.devices.count({ mailbox: OFFICE })).toBe(1)
  })

  test('on an invitation shows the password that the first one made', async () => {
    const { token } = await fixture.store.invitations.add({ kind: 'device', mailbox: OFFICE, by: 'anna' })
    const link = `/i/${token?.reveal().toString()}`
    const browser = fixture.browser()
    await browser.get(link)
    const answer = await click(browser, link, { name: 'My phone', app: 'apple' })
    expect(answer.to).toBe('/invited')
    expect((await browser.get('/invited')).text).toMatch(/data-secret><span>[a-z0-9]{4}</)
    expect(await fixture.store.devices.count({ mailbox: OFFICE })).toBe(1)
  })

  test('on a code of the second step is signed in', async () => {
    const { text } = await anna.get('/account/totp')
    const key = /<code data-secret>([^<]+)</.exec(text)?.[1]?.replaceAll(' ', '') ?? ''
    const code = () => generate({ secret: key, epoch: Math.floor(fixture.files.now / 1000) })
    await anna.post('/account/totp', { code: await code(), kept: 'on' })
    fixture.files.now += 60_000
    const browser = fixture.browser()
    await browser.post('/sign-in', { login: 'anna', password: PASSWORD })
    expect((await click(browser, '/sign-in/second', { with: 'app', code: await code() })).to).toBe('/')
    expect((await browser.get('/services')).status).toBe(200)
  })
})

test('a start link that is clicked twice signs in', async () => {
  await fixture.store.users.add({ login: 'new' })
  const { token } = await fixture.store.invitations.add({ kind: 'start', user: 'new' })
  const browser = fixture.browser()
  const link = `/welcome/${token?.reveal().toString()}`
  await browser.get(link)
  await clickTwice(browser, link, { password: 'a password of one’s own', repeated: 'a password of one’s own' })
  expect((await browser.get('/account')).status).toBe(200)
})

test('the same link and the same words from another browser are nothing to it', async () => {
  const { token } = await fixture.store.invitations.add({ kind: 'device', mailbox: OFFICE, by: 'anna' })
  const link = `/i/${token?.reveal().toString()}`
  const [one, other] = [fixture.browser(), fixture.browser()]
  for (const browser of [one, other]) await browser.get(link)
  expect((await one.post(link, { name: 'My phone', app: 'apple' })).status).toBe(303)
  for (const browser of [other, fixture.browser()]) expect((await browser.post(link, { name: 'My phone', app: 'apple' })).status).toBe(410)
})

test('what is done once more later, or with something else in between, is done once more', async () => {
  const { device } = await fixture.store.devices.add(OFFICE, { name: 'Phone' })
  const act = (what: string) => anna.post(`${devices}/${device.id}/${what}`)
  const state = async () => (await fixture.store.devices.get(device.id)).state
  for (const [what, then] of [
    ['pause', 'disabled'],
    ['resume', 'active'],
    ['pause', 'disabled'],
  ] as const) {
    expect((await act(what)).status).toBe(303)
    expect(await state()).toBe(then)
  }
  await fixture.store.devices.enable(device.id)
  fixture.files.now += 5_000
  await act('pause')
  expect(await state()).toBe('disabled')
})

describe('what is remembered', () => {
  const redirect = async () => new Response(null, { status: 303, headers: { location: '/x' } })
  const click = (browser: string) => ({ browser, address: '/form', cookies: '', body: '' })

  test('is of so many browsers, and not what led nowhere', async () => {
    const clicks = new SecondClicks(() => 0)
    let made = 0
    const make = () => {
      made += 1
      return redirect()
    }
    for (let n = 0; n < 10_001; n += 1) await clicks.answer(click(`browser ${n}`), make)
    await clicks.answer(click('browser 10000'), make)
    expect(made).toBe(10_001)
    await clicks.answer(click('browser 0'), make)
    expect(made).toBe(10_002)
    for (const status of [200, 422]) expect((await clicks.answer(click('other'), async () => new Response('x', { status }))).status).toBe(status)
  })

  test('a failure is the failure of the first alone', async () => {
    const clicks = new SecondClicks(() => 0)
    let fail = (_: Error): void => undefined
    const first = clicks.answer(click('one'), () => new Promise((_, reject) => (fail = reject)))
    const second = clicks.answer(click('one'), redirect)
    fail(new Error('down'))
    await expect(first).rejects.toThrow('down')
    expect((await second).status).toBe(303)
  })
})
