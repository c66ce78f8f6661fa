/**
 * What people complain about in other programs (the numbers are those of public issues), each as a case: here it is otherwise. What needs a browser and a
 * mail app, or is a case already, stands in the table at the end, by file and name.
 */
import { readFileSync } from 'node:fs'
import { parse } from 'plist'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type DeviceId, makeId, type SessionId } from '../base/ids.ts'
import { Secret } from '../base/secret.ts'
import { OFFICE, PASSWORD, type Page, PortalFixture, type TestBrowser } from './portal-fixture.ts'
import { SoftwareAuthenticator } from './sign-in/sign-in-fixture.ts'

const MAILBOX = `/m/${encodeURIComponent(OFFICE)}`
const DEVICES = `${MAILBOX}/devices`
let fixture: PortalFixture
let anna: TestBrowser

beforeEach(async () => {
  fixture = await PortalFixture.open()
  await fixture.addAdministrator()
  anna = await fixture.signedIn('anna')
})
afterEach(() => fixture.remove())

interface Made {
  readonly device: string
  readonly id: string
  readonly password: string
  readonly page: Page
}

async function addDevice(name: string, fields: Record<string, string> = {}): Promise<Made> {
  const made = await anna.submit(`${DEVICES}/new`, DEVICES, { name, user: 'none', scope: 'both', ends: 'never', ...fields })
  const page = await anna.get(made.to)
  const device = made.to.replace(/\/shown$/, '')
  return { device, id: device.split('/').at(-1) ?? '', password: passwordOn(page), page }
}

const passwordOn = ({ text }: Page): string => (/<output class="pw[^>]*>(.*?)<\/output>/s.exec(text)?.[1] ?? '').replace(/<[^>]*>/g, '')
const works = ({ id, password }: Pick<Made, 'id' | 'password'>) => fixture.store.devices.isPassword(id, Secret.fromText(password))
const invite = async (user: string | null = null) =>
  (await fixture.store.invitations.add({ kind: 'device', mailbox: OFFICE, user, by: 'anna' })).token?.reveal().toString() ?? ''

test('“last activity: in a few seconds” on a password that was never used [nextcloud/server 11118, owncloud 25549]', async () => {
  const { device } = await addDevice('Never used')
  // A server whose clock is ahead, a browser whose clock is behind: what was never is not told as a time.
  fixture.files.now += 3_000
  for (const page of [DEVICES, device]) {
    const { text } = await anna.get(page)
    expect(text).toContain('Never connected')
    expect(text).not.toMatch(/\bin (a few|\d+) seconds?\b/)
  }
})

test('editing an account elsewhere wipes its app passwords [thunderbird-accounts 322]', async () => {
  await fixture.addPerson('mina', { name: 'Mina Park', rights: { use: true, make: true } })
  const made = await addDevice('Phone', { user: 'person', person: 'mina' })
  await anna.submit(`${MAILBOX}/settings`, `${MAILBOX}/settings/addresses`, { note: 'Reception', aliases: 'desk@example.test' })
  await anna.submit(`${MAILBOX}/settings`, `${MAILBOX}/settings/sending`, { allowed: 'on', perDay: '100', perMessage: '' })
  await anna.submit('/people/mina', '/people/mina/rights', { mailbox: OFFICE, [`use:${OFFICE}`]: 'on', [`make:${OFFICE}`]: 'on', [`see:${OFFICE}`]: 'on' })
  expect((await fixture.store.mailboxes.get(OFFICE)).note).toBe('Reception')
  expect(await works(made)).toBe(true)
})

test('two places for app passwords, of which one does not work [stalwart 880]', async () => {
  const here = await addDevice('Made in the portal')
  const { device, password } = await fixture.store.devices.add(OFFICE, { name: 'Made by command' })
  const { text } = await anna.get(DEVICES)
  for (const name of ['Made in the portal', 'Made by command']) expect(text).toContain(name)
  expect(await works(here)).toBe(true)
  expect(await works({ id: device.id, password: password.reveal().toString() })).toBe(true)
  const changed = await anna.submit(`${DEVICES}/${device.id}/password`, `${DEVICES}/${device.id}/password`, { way: 'generated' })
  expect(await works({ id: device.id, password: passwordOn(await anna.get(changed.to)) })).toBe(true)
  expect(await works({ id: device.id, password: password.reveal().toString() })).toBe(false)
})

describe('where the policy is “generated only”', () => {
  beforeEach(() => {
    fixture.generatedOnly = true
  })

  test('an Apple profile fails silently when a password policy is set [mailcow 7127]', async () => {
    const { device, page, password } = await addDevice('iPhone')
    const answer = await anna.post(`${device}/profile`, page.hidden(`${device}/profile`))
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'application/x-apple-aspen-config'])
    expect(parse(answer.text)).toMatchObject({ PayloadContent: [{ IncomingPassword: password, OutgoingPassword: password }] })
  })

  test('one’s own passwords cannot be forbidden [mailcow 7149]', async () => {
    const made = await addDevice('iPhone')
    expect(made.page.text).not.toContain('Choose my own')
    expect((await anna.get(`${made.device}/password?way=own`)).status).toBe(303)
    const { hidden } = await anna.get(`${made.device}/password`)
    await anna.post(`${made.device}/password`, { ...hidden(`${made.device}/password`), way: 'own', password: 'blue heron over the lake' })
    expect(await works(made)).toBe(true)
  })
})

describe('a mail scanner', () => {
  test('that opens the invitation uses it up [outline 9227, supabase/auth 1214]', async () => {
    const link = `/i/${await invite()}`
    const scanner = fixture.browser()
    for (const method of ['GET', 'HEAD', 'GET', 'HEAD']) expect((await scanner.ask(method, link)).status).toBe(200)
    expect(await fixture.store.devices.count({ mailbox: OFFICE })).toBe(0)
    expect((await fixture.browser().post(link, { name: 'Phone', app: 'apple' })).to).toBe('/invited')
  })

  test('that presses the button has the password, and nobody sees it [next-auth 1840]', async () => {
    const scanner = fixture.browser()
    // Without a name nothing is made.
    const link = `/i/${await invite()}`
    expect((await scanner.ask('POST', link, { headers: { 'sec-fetch-site': 'none' } })).status).toBe(403)
    expect((await scanner.post(link, {})).status).toBe(422)
    // One that fills in forms too: what it made is seen not to be used, and a new link ends it.
    await scanner.post(link, { name: 'Pressed', app: 'other' })
    const stolen = passwordOn(await scanner.get('/invited'))
    const list = await anna.get('/invitations?show=accepted')
    expect(list.text).toContain('accepted, never connected')
    const renew = /action="(\/invitations\/[^"]+\/new-link)"/.exec(list.text)?.[1] ?? ''
    const [device] = await fixture.store.devices.list({ mailbox: OFFICE })
    expect(await works({ id: device?.id ?? '', password: stolen })).toBe(true)
    const renewed = await anna.post(renew, list.hidden(renew))
    expect((await fixture.store.devices.get(device?.id ?? '')).state).toBe('revoked')
    expect((await anna.get(renewed.to)).text).toMatch(/value="https:\/\/devices\.example\.test\/i\/[\w-]+"/)
  })

  test('that opens a named person’s link learns nothing: they sign in first', async () => {
    await fixture.addPerson('mina', { name: 'Mina Park', rights: { use: true } })
    const link = `/i/${await invite('mina')}`
    expect((await fixture.browser().post(link, { name: 'Pressed', app: 'other' })).to).toMatch(/^\/sign-in/)
    expect(await fixture.store.devices.count({ mailbox: OFFICE })).toBe(0)
  })
})

test('a key cannot be told from another, and is removed by trial [sentry 25391]', async () => {
  const beginnings: string[] = []
  for (const name of ['Backup script', 'Nightly report']) {
    const made = await anna.submit('/account/tokens/new', '/account/tokens', { name, read: 'on', ends: '' })
    beginnings.push(/value="(mwt_[\w-]{4})/.exec((await anna.get(made.to)).text)?.[1] ?? 'none')
  }
  const { text } = await anna.get('/account/tokens')
  for (const one of ['Backup script', 'Nightly report', ...beginnings]) expect(text).toContain(one)
  // And a device has a name of its own: a second one of that name is refused.
  await addDevice('Front desk')
  const taken = await anna.submit(`${DEVICES}/new`, DEVICES, { name: 'front DESK', user: 'none', scope: 'both', ends: 'never' })
  expect(taken.text).toContain('There is already a device called “front DESK” in this mailbox.')
})

test('passkeys cannot be renamed [twofactor_webauthn 258]', async () => {
  const { challenge } = await anna.postJson('/account/passkeys/options', {})
  const site = { origin: 'https://devices.example.test', host: 'devices.example.test' }
  await anna.postJson('/account/passkeys', { name: 'Key', response: new SoftwareAuthenticator().register(String(challenge), site) })
  const path = /href="(\/account\/passkeys\/[^"#]+)"/.exec((await anna.get('/account/passkeys')).text)?.[1] ?? ''
  await anna.submit(path, path, { name: 'Blue key in the drawer' })
  expect((await anna.get('/account/passkeys')).text).toContain('Blue key in the drawer')
})

test('a device cannot be renamed without a new password [nextcloud/server 6717, 12203]', async () => {
  const made = await addDevice('Phone')
  await anna.submit(made.device, made.device, { name: 'Phone of the front desk', user: '', scope: 'both', ends: '', networks: '' })
  expect((await fixture.store.devices.get(made.id)).name).toBe('Phone of the front desk')
  expect(await works(made)).toBe(true)
})

test('all app passwords end when the account’s password changes, and there are 25 at most [Apple]', async () => {
  const made: Made[] = []
  for (let at = 0; at < 27; at += 1) made.push(await addDevice(`Device ${at}`))
  await anna.submit('/account/password', '/account/password', { password: 'quite another long one', repeated: 'quite another long one' })
  for (const one of [made[0], made[25], made[26]]) expect(one !== undefined && (await works(one))).toBe(true)
})

test('live mail sessions are not seen, and none can be ended [nextcloud/server 4295, 5144]', async () => {
  const { id, device } = await addDevice('Phone')
  const node = await fixture.files.openNode()
  const session = { device: id as DeviceId, protocol: 'imap', ip: '192.0.2.7', app: 'Apple Mail', since: fixture.files.now, bytesIn: 1, bytesOut: 2 } as const
  const sessions = [makeId<SessionId>(), makeId<SessionId>()].map(one => ({ ...session, id: one }))
  await node.record({ connections: [], activity: [], sessions, endedSessions: [] })
  const page = await anna.get(device)
  for (const words of ['Reading (IMAP)', '192.0.2.7', 'Apple Mail', 'End it']) expect(page.text).toContain(words)
  const end = `${device}/sessions/${sessions[0]?.id}/end`
  await anna.post(end, page.hidden(end))
  expect((await fixture.store.audit.list()).filter(({ action }) => action === 'session.kicked')).toHaveLength(1)
  await node.close()
})

test('a domain administrator who forgot the password is stuck [mailcow 6179]', async () => {
  await fixture.addPerson('karim', { name: 'Karim Haddad' })
  await fixture.store.roles.grant('karim', { role: 'manager', domain: 'example.test' })
  const made = await anna.submit('/people/karim/new-start', '/people/karim/new-start', { reach: 'copy' })
  const link = /value="https:\/\/devices\.example\.test(\/welcome\/[\w-]+)"/.exec((await anna.get(made.to)).text)?.[1] ?? ''
  const karim = fixture.browser()
  expect((await karim.post(link, { password: 'a new one of the manager', repeated: 'a new one of the manager' })).status).toBe(303)
  expect((await karim.get('/services/example.test')).status).toBe(200)
  expect((await fixture.browser().post('/sign-in', { login: 'karim', password: PASSWORD })).status).toBe(422)
})

test('the password is displayed while the screen is shared [nextcloud/server 59420]', async () => {
  const { id, device, password } = await addDevice('Pixel')
  const { token } = await fixture.store.invitations.add({ kind: 'phone', device: id, by: 'anna' })
  const phone = fixture.browser()
  // The square: the phone makes its own, and what stood on the screen is worth nothing.
  const accepted = await phone.post(`/i/${token?.reveal().toString()}`, { app: 'android' })
  const own = passwordOn(await phone.get(accepted.to))
  expect(own).not.toBe(password)
  expect(await works({ id, password: own })).toBe(true)
  expect(await works({ id, password })).toBe(false)
  expect((await anna.get(`${device}/shown`)).text).not.toContain(own)
})

/** The rest, and where it is a case. */
const ELSEWHERE: readonly (readonly [complaint: string, file: string, name: string])[] = [
  ['Apple Mail on the desktop has no SMTP from the profile [wildduck 389]', 'test/71-portal/portal.test.ts', 'sets up Apple Mail by the profile'],
  ['the copy button is dead without https [linkwarden 702, PasswordPusher 734]', 'test/71-portal/portal.test.ts', 'no clipboard for pages'],
  ['no last connection [mailcow 5082, stalwart 1539]', 'test/71-portal/portal.test.ts', 'the page says at once that it is connected'],
  ['which password a connection used is not told [mailcow 6745]', 'test/71-portal/portal.test.ts', 'the activity tells all of it'],
  ['rights to read and to send are one [Mailu 2852]', 'test/71-portal/portal.test.ts', 'without the right to send'],
  ['an end comes as a surprise [mailcow 5082]', 'portal/mail/notice-sender.test.ts', 'of an end that is near'],
  ['no square for the phone [nextcloud/server 429]', 'portal/setup/device-setup.test.ts', 'Thunderbird’s holds the account'],
  ['managers have gaps in what they may [mailcow 3932, 4983]', 'portal/routes.test.ts', 'as %s'],
  ['lists hang with many mailboxes [mailcow 5137, 4145, 4562, Mailu 3996]', 'store/lists.test.ts', 'pages follow each other'],
]

test.each(ELSEWHERE)('%s: a case of %s', (_, file, name) => {
  const titles = [
    ...readFileSync(new URL(`../${file}`, import.meta.url), 'utf8').matchAll(/\b(?:test|it|describe)(?:\.\w+(?:\([^)]*\))*)*\(\s*(['"`])(.*?)\1/g),
  ].map(([, , title = '']) => title)
  expect(titles.filter(title => title.includes(name))).not.toEqual([])
})
