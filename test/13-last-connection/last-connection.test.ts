/** The device list tells time, address, protocol and app of the last connection within a second; the session list what is open. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { ImapAccount } from '../fixtures/clients/imap-account.ts'
import { logIn, openImaps, quote } from '../fixtures/clients/raw-imap.ts'
import { inTime, waitFor } from '../fixtures/deadline.ts'
import type { DeviceRow, NewDevice } from '../fixtures/program/mailwicket.ts'
import { Stage } from '../fixtures/program/stage.ts'

const user = 'reader@example.com'
let stage: Stage

beforeAll(async () => {
  stage = await Stage.open({ users: [user] })
  await stage.gateway.serve()
})

afterAll(async () => await stage?.close())

/** A second for the gateway, and what the command itself takes on a busy machine. */
const listedMs = 3_000

async function findRow(account: { device: NewDevice }, look: (row: DeviceRow) => boolean): Promise<DeviceRow> {
  return await waitFor('the last connection', listedMs, async () => (await stage.gateway.listDevices()).find(row => row.id === account.device.id && look(row)))
}

async function logInSaying(account: ImapAccount, id: string) {
  const imap = await openImaps(account)
  await imap.ok(`ID (${id})`)
  await imap.ok(`LOGIN ${quote(account.user)} ${quote(account.password)}`)
  return imap
}

test('a device that never connected has none', async () => {
  const account = await stage.addAccount(user, 'New')
  expect((await findRow(account, () => true)).lastConnection).toBeNull()
})

test('time, address, protocol and app, told by ID before login', async () => {
  const account = await stage.addAccount(user, 'Thunderbird')
  const before = Date.now()
  const imap = await logInSaying(account, '"name" "Thunderbird" "version" "153.0"')
  const after = Date.now()
  const row = await findRow(account, found => found.lastConnection !== null)
  expect(row.lastConnection).toMatchObject({ ip: '127.0.0.1', protocol: 'imap', app: 'Thunderbird 153.0' })
  const at = Date.parse(row.lastConnection?.at ?? '')
  expect(at).toBeGreaterThanOrEqual(before)
  expect(at).toBeLessThanOrEqual(after)
  expect(row.sessions).toBe(1)
  imap.destroy()
  expect((await findRow(account, found => found.sessions === 0)).lastConnection?.app).toBe('Thunderbird 153.0')
})

test.each([
  ['quoted', 'a ID ("name" "iPhone Mail" "version" "24A5")\r\n', 'iPhone Mail 24A5'],
  ['with literals', 'a ID ({4+}\r\nname {7+}\r\nOutlook {7+}\r\nversion {3+}\r\n1.2)\r\n', 'Outlook 1.2'],
  ['as the second command', 'z NOOP\r\na ID ("name" "K-9" "version" "7")\r\n', 'K-9 7'],
])('an app that says ID after login, %s', async (name, command, app) => {
  const account = await stage.addAccount(user, `Late ${name}`)
  const imap = await logIn(account)
  imap.write(command)
  expect(await imap.readReply('a')).toMatch(/^a OK/m)
  const row = await findRow(account, found => found.lastConnection?.app === app)
  expect(row.lastConnection).toMatchObject({ ip: '127.0.0.1', protocol: 'imap', app })
  imap.destroy()
})

test('an app that says nothing has no name', async () => {
  const account = await stage.addAccount(user, 'Silent')
  const imap = await logIn(account)
  expect((await findRow(account, found => found.lastConnection !== null)).lastConnection?.app).toBeNull()
  imap.destroy()
})

test('what an app calls itself is cleaned before it is shown', async () => {
  const account = await stage.addAccount(user, 'Rude')
  const imap = await openImaps(account)
  imap.write('a ID ("name" {12+}\r\n\x1b[31mEvil\tX\x7f "version" "1")\r\n')
  expect(await imap.readReply('a')).toMatch(/^a OK/m)
  await imap.ok(`LOGIN ${user} ${account.password}`)
  const row = await findRow(account, found => found.lastConnection !== null)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: it is what must not be there
  expect(row.lastConnection?.app ?? '').not.toMatch(/[\x00-\x1f\x7f]/)
  imap.destroy()
})

test('an app cannot tell the upstream another address for itself', async () => {
  const account = await stage.addAccount(user, 'Forger')
  const imap = await logInSaying(account, '"name" "x" "x-originating-ip" "203.0.113.9"')
  await imap.ok('SELECT INBOX')
  imap.destroy()
  expect(stage.dovecot.readLog()).not.toContain('203.0.113.9')
})

test('the newest connection counts', async () => {
  const account = await stage.addAccount(user, 'Twice')
  const first = await logInSaying(account, '"name" "First"')
  await findRow(account, found => found.lastConnection?.app === 'First')
  const second = await logInSaying(account, '"name" "Second"')
  const row = await findRow(account, found => found.lastConnection?.app === 'Second')
  expect(row.sessions).toBe(2)
  first.destroy()
  second.destroy()
})

test('the session list', async () => {
  const account = await stage.addAccount(user, 'Listed')
  const imap = await logInSaying(account, '"name" "Lister" "version" "1"')
  await imap.ok('SELECT INBOX')
  const row = await waitFor('the session', listedMs, async () => (await stage.gateway.listSessions()).find(session => session.device === account.device.id))
  expect(row).toMatchObject({ mailbox: user, protocol: 'imap', ip: '127.0.0.1', app: 'Lister 1' })
  expect(Date.now() - Date.parse(row.since)).toBeLessThan(inTime(10_000))
  imap.destroy()
  await waitFor('no session', listedMs, async () => (await stage.gateway.listSessions()).every(session => session.device !== account.device.id))
})

test('the activity names logins and refusals', async () => {
  const account = await stage.addAccount(user, 'Active')
  const wrong = await openImaps(account)
  await wrong.command(`LOGIN ${user} "not the password at all"`)
  wrong.destroy()
  ;(await logIn(account)).destroy()
  const rows = await waitFor('both', listedMs, async () => {
    const found = await stage.gateway.json<{ result: string; ip: string; device: string | null }[]>(['activity', '--mailbox', user])
    return found.some(row => row.result === 'ok' && JSON.stringify(row).includes(account.device.id)) && found.some(row => row.result !== 'ok') && found
  })
  expect(rows.every(row => row.ip === '127.0.0.1')).toBe(true)
})
