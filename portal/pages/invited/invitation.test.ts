import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Secret } from '../../../base/secret.ts'
import { OFFICE, PASSWORD, PortalFixture } from '../../portal-fixture.ts'

let fixture: PortalFixture
beforeEach(async () => {
  fixture = await PortalFixture.open()
  await fixture.addAdministrator()
})
afterEach(() => fixture.remove())

const linkOf = (token: Secret | null, path = 'i') => `/${path}/${token?.reveal().toString() ?? ''}`
const invite = async (user: string | null = null) => (await fixture.store.invitations.add({ kind: 'device', mailbox: OFFICE, user, by: 'anna' })).token

describe('an invitation', () => {
  test('is opened by a scanner as often as it likes, and makes the password once', async () => {
    const link = linkOf(await invite())
    const scanner = fixture.browser()
    for (const method of ['GET', 'HEAD', 'GET'] as const) expect((await scanner.ask(method, link)).status).toBe(200)
    const [row] = (await fixture.store.invitations.page({ filter: { stage: 'open' } })).rows
    expect(row).toMatchObject({ state: 'open', opened: 3 })
    const browser = fixture.browser()
    const accepted = await browser.post(link, { name: 'My phone', app: 'apple' })
    expect(accepted).toMatchObject({ status: 303, to: '/invited' })
    const shown = await browser.get('/invited')
    expect(shown.text).toMatch(/data-secret><span>[a-z0-9]{4}<\/span>/)
    expect(shown.text).not.toContain(link)
    expect((await browser.get('/invited')).status).toBe(410)
    expect((await browser.get('/invited/first')).status).toBe(204)
    // The browser that accepted it is led to what came of it, without the secret; all others hear that it is used.
    expect(await browser.post(link, { name: 'Another', app: 'apple' })).toMatchObject({ status: 303, to: '/invited' })
    expect((await browser.get('/invited')).status).toBe(410)
    expect((await fixture.browser().post(link, { name: 'Another', app: 'apple' })).status).toBe(410)
    expect(await fixture.store.devices.count({ mailbox: OFFICE })).toBe(1)
  })

  test('for a person is theirs alone, after they signed in', async () => {
    await fixture.addPerson('mina', { name: 'Mina Park' })
    await fixture.addPerson('mallory')
    const link = linkOf(await invite('mina'))
    const visitor = await fixture.browser().get(link)
    expect(visitor.to).toBe(`/sign-in?to=${encodeURIComponent(link)}`)
    const mallory = await fixture.signedIn('mallory')
    for (const other of [await mallory.get(link), await mallory.post(link, { name: 'Pixel', app: 'android' })]) {
      expect(other.status).toBe(403)
      expect(other.text).toContain('This link is meant for somebody else')
      expect(other.text).not.toMatch(/office@example|mina|Mina|anna|Anna/)
      expect((await mallory.post('/sign-in', other.hidden('/sign-in'))).hidden('/sign-in')).toMatchObject({ to: link })
    }
    const mina = await fixture.signedIn('mina')
    expect((await mina.get(link)).text).toContain('Mina Park')
    await mina.post(link, { name: 'Pixel', app: 'android' })
    expect(await fixture.store.devices.list({ mailbox: OFFICE })).toMatchObject([{ name: 'Pixel', user: 'mina' }])
  })

  test('unknown, used, revoked and over are one page', async () => {
    const links = ['/i/nothing-of-ours', linkOf(await invite()), linkOf(await invite()), linkOf(await invite())]
    const browser = fixture.browser()
    await browser.post(links[1] ?? '', { name: 'one', app: 'apple' })
    const [open] = (await fixture.store.invitations.page({ filter: { stage: 'open' } })).rows
    await fixture.store.invitations.revoke(open?.id ?? '')
    fixture.files.now += 31 * 86_400_000
    const pages = await Promise.all(links.map(link => browser.get(link)))
    expect(new Set(pages.map(({ text, status }) => `${status} ${text}`)).size).toBe(1)
  })

  test('is read in another language at its own address, whose token no link repeats; the password page offers none', async () => {
    const link = linkOf(await invite())
    const browser = fixture.browser()
    const page = await browser.get(link)
    expect(page.text).toContain('href="?language=de"')
    expect([...page.text.matchAll(/href="([^"]*)"/g)].filter(([, to]) => to?.includes(link.slice(3)))).toEqual([])
    expect(await browser.get(`${link}?language=de`)).toMatchObject({ status: 303, to: link })
    expect((await browser.get(link)).text).toContain('<html lang="de"')
    expect(await browser.get(`${link}?language=xx`)).toMatchObject({ status: 303, to: link })
    expect((await fixture.store.invitations.page({ filter: { stage: 'open' } })).rows).toMatchObject([{ opened: 2 }])
    await browser.post(link, { name: 'Handy', app: 'apple' })
    const shown = await browser.get('/invited')
    expect(shown.text).toMatch(/data-secret><span>[a-z0-9]{4}</)
    expect(shown.text).not.toMatch(/[?/]language/)
  })

  test('names the device that it is for, which whoever accepts it may change', async () => {
    const anna = await fixture.signedIn('anna')
    const fields = { mailbox: OFFICE, who: 'anyone', reach: 'copy', scope: 'read', ends: 'never', networks: '', name: 'Till in the shop' }
    const made = await anna.submit('/invitations/new', '/invitations', fields)
    const [, link = ''] = /value="https:\/\/[^/]*(\/i\/[^"]*)"/.exec((await anna.get(made.to)).text) ?? []
    expect((await anna.get('/invitations')).text).toContain('Till in the shop')
    expect((await fixture.browser().get(link)).text).toContain(
      'name="name" required maxlength="100" autocomplete="off" aria-describedby="name-hint" type="text" value="Till in the shop"',
    )
    await fixture.browser().post(link, { name: 'Till 2', app: 'other' })
    expect(await fixture.store.devices.list({ mailbox: OFFICE })).toMatchObject([{ name: 'Till 2', scopes: ['imap'] }])
  })

  test('a token is in no line of the log', async () => {
    const token = await invite()
    await fixture.browser().get(linkOf(token))
    expect(JSON.stringify(fixture.logged)).toContain('/i/…')
    expect(JSON.stringify(fixture.logged)).not.toContain(token?.reveal().toString())
  })
})

describe('a start link', () => {
  test('gives the account a password, once, and signs in', async () => {
    await fixture.store.users.add({ login: 'new@example.test', name: 'Newcomer' })
    const { token } = await fixture.store.invitations.add({ kind: 'start', user: 'new@example.test' })
    const link = linkOf(token, 'welcome')
    const browser = fixture.browser()
    expect((await browser.get(linkOf(token))).to).toBe(link)
    expect((await browser.get(link)).text).toContain('Welcome, Newcomer')
    expect((await browser.post(link, { password: 'short', repeated: 'other' })).status).toBe(422)
    expect((await browser.post(link, { password: 'password1234', repeated: 'password1234' })).text).toContain('People try this one first')
    expect(await browser.post(link, { password: PASSWORD, repeated: PASSWORD })).toMatchObject({ status: 303, to: '/' })
    expect((await browser.get('/account')).status).toBe(200)
    expect((await browser.get(link)).status).toBe(410)
  })
})
