/**
 * `kill -9` of the portal while it makes a password, an invitation, or a device for whoever accepts one: before the commit, between the commit and the
 * answer, and behind the answer. Then the portal is started again and the browser sends the same once more: nothing is half made, nothing is made
 * twice, nothing is shown twice, and the mail session notices nothing.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type RunningChild, startChild } from '../fixtures/child-process.ts'
import { HttpBrowser, type Page } from '../fixtures/clients/http-browser.ts'
import { logIn, type RawImap } from '../fixtures/clients/raw-imap.ts'
import { waitFor } from '../fixtures/deadline.ts'
import { registerSecret } from '../fixtures/marker-secrets.ts'
import { Mailwicket, upstreamOf } from '../fixtures/program/mailwicket.ts'
import { addPerson, addPortal, passwordOn } from '../fixtures/program/served-portal.ts'
import { Dovecot } from '../fixtures/servers/dovecot.ts'

const user = 'office@example.com'
const password = 'the boss signs in with this'
const devices = `/m/${encodeURIComponent(user)}/devices`
const main = fileURLToPath(new URL('../../portal/portal-main.ts', import.meta.url))
const hook = fileURLToPath(new URL('kill-hook.ts', import.meta.url))

let dovecot: Dovecot
let gateway: Mailwicket
let session: RawImap
let portal: RunningChild
let url: string
let orders: string
let boss: HttpBrowser

beforeAll(async () => {
  dovecot = await Dovecot.open({ users: { [user]: 'upstream+secret/75' } })
  gateway = await Mailwicket.open({ upstreams: [upstreamOf(dovecot)] })
  await gateway.addMailboxOf(dovecot, user)
  const phone = await gateway.addDevice(user, 'Phone')
  const withoutPortal = readFileSync(gateway.configPath, 'utf8')
  url = await addPortal(gateway, { more: 'second_factor = "optional"' })
  const startLink = await addPerson(gateway, ['boss', '--admin'])
  // The same store, and the portal by itself: the supervisor would start it ever more slowly.
  writeFileSync(join(gateway.dir, 'portal.toml'), readFileSync(gateway.configPath))
  writeFileSync(gateway.configPath, withoutPortal)
  await gateway.serve()
  orders = join(gateway.dir, 'kill-at')
  await startPortal()
  registerSecret(password)
  boss = new HttpBrowser(url)
  const welcome = `/welcome/${startLink.split('/').at(-1)}`
  expect((await boss.post(welcome, { password, repeated: password })).to).toBe('/')
  session = await logIn(gateway.account(user, phone.password))
  await session.ok('SELECT INBOX')
})

afterAll(async () => {
  session?.destroy()
  await portal?.stop('SIGTERM')
  await gateway?.close()
  await dovecot?.stop()
})

async function startPortal(): Promise<void> {
  portal = startChild('env', [`KILL_AT=${orders}`, process.execPath, '--import', hook, main, join(gateway.dir, 'portal.toml'), 'json'])
  await waitFor('the portal', 30_000, async () => (await fetch(`${url}/healthz`).catch(() => undefined))?.ok)
}

/** Sends it while an order to die is out; the answer never comes. */
async function die(order: 'before devices' | 'after devices' | 'before invitations' | 'after invitations', send: () => Promise<Page>): Promise<void> {
  writeFileSync(orders, order)
  await expect(send()).rejects.toThrow()
  expect((await portal.finished).signal).toBe('SIGKILL')
  await session.ok('NOOP')
  await startPortal()
}

async function killNow(): Promise<void> {
  await portal.stop('SIGKILL')
  await session.ok('NOOP')
  await startPortal()
}

/** What the store holds, whoever made it. */
function count(of: "devices where state <> 'revoked'" | "invitations where kind = 'device'"): number {
  const database = new DatabaseSync(join(gateway.dir, 'mailwicket.db'), { readOnly: true, timeout: 60_000 })
  const row = database.prepare(`select count(*) as n from ${of}`).get()
  database.close()
  return Number(row?.['n'])
}
const countDevices = () => count("devices where state <> 'revoked'")
const countInvitations = () => count("invitations where kind = 'device'")

async function expectLogsIn(secret: string): Promise<void> {
  expect(secret).toMatch(/^[a-z0-9]{4}(-[a-z0-9]{4}){4}$/)
  registerSecret(secret)
  const one = await logIn(gateway.account(user, secret))
  one.destroy()
}

/** The page of a secret shows it, and only once. */
async function expectShownOnce(browser: HttpBrowser, path: string): Promise<string> {
  const secret = passwordOn(await browser.get(path))
  await expectLogsIn(secret)
  const again = await browser.get(path)
  expect(passwordOn(again)).toBe('')
  expect(again.text).not.toContain(secret)
  return secret
}

let before: number
let invitedBefore: number
beforeEach(() => {
  before = countDevices()
  invitedBefore = countInvitations()
})
const added = () => countDevices() - before
const invited = () => countInvitations() - invitedBefore

describe('a new device', () => {
  const form = async (name: string) => {
    const fields = { ...(await boss.get(`${devices}/new`)).hidden(devices), name, user: 'none', scope: 'both', ends: 'never' }
    return () => boss.post(devices, fields)
  }

  test('killed before the commit: nothing is there, and the same form makes it', async () => {
    const send = await form('One')
    await die('before devices', send)
    expect(added()).toBe(0)
    await expectShownOnce(boss, (await send()).to)
    expect(added()).toBe(1)
  })

  test('killed behind the commit: it is there once, and the same form says that its password was shown', async () => {
    const send = await form('Two')
    await die('after devices', send)
    expect(added()).toBe(1)
    const { to } = await send()
    expect(to).toMatch(/\/shown$/)
    expect((await boss.get(to)).text).toContain('That password was shown once')
    expect(added()).toBe(1)
  })

  test('killed behind the answer: the password is shown all the same, once; also when that page died before it came', async () => {
    const { to } = await (await form('Three'))()
    await killNow()
    // The page makes the link for the phone.
    await die('before invitations', () => boss.get(to))
    await die('after invitations', () => boss.get(to))
    await expectShownOnce(boss, to)
    expect(added()).toBe(1)
  })
})

describe('a new password', () => {
  let device: string
  let old: string
  beforeAll(async () => {
    const fields = { ...(await boss.get(`${devices}/new`)).hidden(devices), name: 'Laptop', user: 'none', scope: 'both', ends: 'never' }
    const { to } = await boss.post(devices, fields)
    device = to.replace(/\/shown$/, '')
    old = await expectShownOnce(boss, to)
  })
  const form = async () => {
    const fields = { ...(await boss.get(`${device}/password`)).hidden(`${device}/password`), way: 'generated' }
    return () => boss.post(`${device}/password`, fields)
  }
  const expectRefused = (secret: string) => expect(logIn(gateway.account(user, secret))).rejects.toThrow('AUTHENTICATIONFAILED')

  test('killed before the commit: the old one counts, and the same form makes a new one', async () => {
    const send = await form()
    await die('before devices', send)
    await expectLogsIn(old)
    const fresh = await expectShownOnce(boss, (await send()).to)
    await expectRefused(old)
    old = fresh
  })

  test('killed behind the commit: the old one is out, nobody has seen the new one, and the next form makes another', async () => {
    const send = await form()
    await die('after devices', send)
    await expectRefused(old)
    expect((await boss.get((await send()).to)).text).toContain('That password was shown once')
    await expectShownOnce(boss, (await (await form())()).to)
  })
})

describe('an invitation', () => {
  const form = async () => {
    const fields = { ...(await boss.get('/invitations/new')).hidden('/invitations'), mailbox: user, who: 'anyone', scope: 'both', ends: 'never', reach: 'copy' }
    return () => boss.post('/invitations', fields)
  }
  const linkOn = ({ text }: Page) => {
    const link = /\/i\/[\w-]{43}/.exec(text)?.[0] ?? expect.fail('no link')
    registerSecret(link.slice(3))
    return link
  }

  test('made: killed before the commit, behind it, and behind the answer', async () => {
    const send = await form()
    await die('before invitations', send)
    expect(invited()).toBe(0)
    const { to } = await send()
    await killNow()
    linkOn(await boss.get(to))
    expect((await boss.get(to)).to).toBe('/invitations')
    expect(invited()).toBe(1)

    const again = await form()
    await die('after invitations', again)
    expect(invited()).toBe(2)
    const lost = await again()
    expect(await boss.get(lost.to)).toMatchObject({ status: 303, to: '/invitations' })
    expect(invited()).toBe(2)
  })

  test('accepted: killed before the commit it is open still; behind it, it is used, and a new link begins anew', async () => {
    const { to } = await (await form())()
    const link = linkOn(await boss.get(to))
    const visitor = new HttpBrowser(url)
    const accept = () => visitor.post(link, { name: 'Tablet', app: 'apple' })
    await die('before devices', accept)
    expect(added()).toBe(0)
    expect((await visitor.get(link)).status).toBe(200)
    await die('after devices', accept)
    expect(added()).toBe(1)
    expect((await accept()).status).toBe(410)
    expect((await visitor.get('/invited')).status).toBe(410)
    expect(added()).toBe(1)

    const renew = to.replace(/\/shown$/, '/new-link')
    const renewed = await boss.post(renew, (await boss.get('/invitations?show=accepted')).hidden(renew))
    const second = linkOn(await boss.get(renewed.to))
    expect(added()).toBe(0)
    const accepted = await visitor.post(second, { name: 'Tablet', app: 'apple' })
    await killNow()
    await expectShownOnce(visitor, accepted.to)
    expect(added()).toBe(1)
  })
})
