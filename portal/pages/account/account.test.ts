import { generate } from 'otplib'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Secret } from '../../../base/secret.ts'
import { PASSWORD, PortalFixture, type TestBrowser } from '../../portal-fixture.ts'
import { SoftwareAuthenticator } from '../../sign-in/sign-in-fixture.ts'

let fixture: PortalFixture
let anna: TestBrowser
beforeEach(async () => {
  fixture = await PortalFixture.open()
  await fixture.addAdministrator()
  anna = await fixture.signedIn('anna')
})
afterEach(() => fixture.remove())

const site = { origin: 'https://devices.example.test', host: 'devices.example.test' }
const codeFor = (key: string) => generate({ secret: key.replaceAll(' ', ''), epoch: Math.floor(fixture.files.now / 1000) })

async function turnOn(browser: TestBrowser): Promise<{ key: string; codes: string[] }> {
  const { text } = await browser.get('/account/totp')
  const key = /<code data-secret>([^<]+)</.exec(text)?.[1] ?? ''
  const codes = [...text.matchAll(/<span>([a-z0-9]{5}-[a-z0-9]{5})<\/span>/g)].map(([, code = '']) => code)
  const answer = await browser.post('/account/totp', { code: await codeFor(key), kept: 'on' })
  expect(answer).toMatchObject({ status: 303, to: '/account' })
  return { key, codes }
}

describe('the authenticator app', () => {
  test('is on after a right code, asks at the next sign-in, and takes each code once', async () => {
    const { key, codes } = await turnOn(anna)
    expect(codes).toHaveLength(10)
    expect((await anna.get('/account')).text).toContain('10 of 10 recovery codes left')
    fixture.files.now += 60_000
    const browser = fixture.browser()
    expect((await browser.post('/sign-in', { login: 'anna', password: PASSWORD })).to).toBe('/sign-in/second')
    expect((await browser.get('/services')).to).toMatch(/^\/sign-in\?/)
    const code = await codeFor(key)
    expect((await browser.post('/sign-in/second', { with: 'app', code: '12345' })).status).toBe(422)
    expect((await browser.post('/sign-in/second', { with: 'app', code })).status).toBe(303)
    const other = fixture.browser()
    await other.post('/sign-in', { login: 'anna', password: PASSWORD })
    expect((await other.post('/sign-in/second', { with: 'app', code })).text).toContain('That code did not fit')
    expect((await other.post('/sign-in/second', { with: 'recovery', code: codes[3] ?? '' })).status).toBe(303)
  })

  test('a wrong code turns nothing on, and shows the same square and codes again', async () => {
    const first = await anna.get('/account/totp')
    const again = await anna.post('/account/totp', { code: '000000', kept: 'on' })
    const squareOf = (text: string) => /<svg class="qr".*?<\/svg>/s.exec(text)?.[0]
    expect(again.status).toBe(422)
    expect(squareOf(again.text)).toBe(squareOf(first.text))
    expect((await fixture.store.credentials.find('anna'))?.hasTotp).toBe(false)
  })

  test('another phone is set up, and who turns back half-way keeps the codes of before', async () => {
    const { codes } = await turnOn(anna)
    expect((await anna.get('/account/totp?again=1')).text).not.toContain(codes[0])
    expect(await fixture.store.recoveryCodes.take('anna', Secret.fromText(codes[0] ?? ''))).toBe(true)
    expect((await anna.get('/account')).text).toContain('9 of 10 recovery codes left')
  })

  test('where it is demanded, nothing else is reached before it', async () => {
    fixture.policy = 'managers'
    expect((await anna.get('/services')).to).toBe('/account')
    expect((await anna.get('/account')).text).toContain('Set up a second step now')
    await turnOn(anna)
    expect((await anna.get('/services')).status).toBe(200)
    fixture.passConfirmation()
    const asked = await anna.post('/account/totp/off')
    const answer = await anna.post('/confirm', { ...asked.hidden('/confirm'), password: PASSWORD })
    expect(answer.text).toContain('You need a second step')
  })
})

test('a passkey is registered, signs in as both steps, confirms, and says which one it is', async () => {
  const key = new SoftwareAuthenticator()
  const registered = await anna.postJson('/account/passkeys', {
    name: 'Blue key',
    response: key.register(String((await anna.postJson('/account/passkeys/options', {}))['challenge']), site),
  })
  expect(registered).toEqual({ to: '/account/passkeys' })
  const browser = fixture.browser()
  const { challenge } = await browser.postJson('/sign-in/passkey/options', {})
  expect(await browser.postJson('/sign-in/passkey', { response: key.prove(String(challenge), { ...site, verified: false }) })).toHaveProperty('problem')
  const again = await browser.postJson('/sign-in/passkey/options', {})
  expect(await browser.postJson('/sign-in/passkey', { to: '/people', response: key.prove(String(again['challenge']), site) })).toEqual({ to: '/people' })
  expect((await browser.get('/account')).text).toContain('Blue key')
  fixture.passConfirmation()
  const asked = await browser.get('/account/password')
  const { waiting = '' } = asked.hidden('/confirm')
  const toConfirm = await browser.postJson('/confirm/passkey/options', { waiting })
  expect(await browser.postJson('/confirm/passkey', { waiting, response: key.prove(String(toConfirm['challenge']), site) })).toEqual({
    to: '/account/password',
  })
  expect((await browser.get('/account/password')).text).toContain('New password')
  const which = await browser.postJson('/account/passkeys/test', {})
  const lit = await browser.postJson('/account/passkeys/test', { response: key.prove(String(which['challenge']), site) })
  expect((await browser.get(String(lit['to']))).text).toContain('class="lit"')
})

test('who changes a factor behind a confirmation stays signed in, and comes back to the page of the form', async () => {
  await turnOn(anna)
  fixture.passConfirmation()
  const asked = await anna.post('/account/totp/off')
  const wrong = await anna.post('/confirm', { ...asked.hidden('/confirm'), password: 'not this one' })
  expect(wrong.text).toContain('href="/account/totp"')
  const off = await anna.post('/confirm', { ...asked.hidden('/confirm'), password: PASSWORD })
  expect(off).toMatchObject({ status: 303, to: '/account' })
  expect(off.headers.getSetCookie().filter(line => line.startsWith('__Host-mw='))).toHaveLength(1)
  expect((await anna.get('/account')).status).toBe(200)
})

test('a new password signs out everywhere else', async () => {
  const elsewhere = await fixture.signedIn('anna')
  const changed = await anna.submit('/account/password', '/account/password', { password: 'quite another long one', repeated: 'quite another long one' })
  expect(changed.to).toBe('/account')
  expect((await anna.get('/account')).text).toContain('You were signed out in 1 other place.')
  expect((await elsewhere.get('/account')).to).toMatch(/^\/sign-in/)
})

test('a mistyped password asks the same question again, at the same place', async () => {
  fixture.passConfirmation()
  const devices = '/m/office%40example.test/devices'
  const asked = await anna.submit(`${devices}/new`, devices, { name: 'Tablet', user: 'none', scope: 'both', ends: 'never' })
  const again = await anna.post('/confirm', { ...asked.hidden('/confirm'), password: 'not it' })
  for (const { text } of [asked, again]) {
    expect(text).toContain('Before a password is made, you say once more who you are.')
    expect(text).toContain('href="/services" aria-current="page"')
  }
})

test('an API token is shown once', async () => {
  const made = await anna.submit('/account/tokens/new', '/account/tokens', { name: 'Script', read: 'on', ends: '' })
  expect(made.status).toBe(303)
  expect((await anna.get(made.to)).text).toMatch(/value="mwt_[\w-]{43}"/)
  expect((await anna.get(made.to)).to).toBe('/account/tokens')
  expect((await anna.get('/account/tokens')).text).toContain('Script')
})
