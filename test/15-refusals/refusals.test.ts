/** Who is not let in, and what the app hears (the table of failures): same bytes for everything a guesser must not tell apart. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { ImapAccount } from '../fixtures/clients/imap-account.ts'
import { logIn, openImaps, openImapsFrom, quote } from '../fixtures/clients/raw-imap.ts'
import { waitFor } from '../fixtures/deadline.ts'
import { registerSecret } from '../fixtures/marker-secrets.ts'
import { Stage } from '../fixtures/program/stage.ts'

const user = 'reader@example.com'
const other = 'other@example.com'
let stage: Stage
let good: ImapAccount

beforeAll(async () => {
  stage = await Stage.open({ users: [user, other] })
  await stage.gateway.serve()
  good = await stage.addAccount(user, 'Good one')
})

afterAll(async () => await stage?.close())

/** The whole answer to one login on a new connection. */
async function tryLogin(account: ImapAccount): Promise<string> {
  // A wrong password is somebody's password too, mistyped or meant for another place.
  registerSecret(account.password)
  const imap = await openImaps(account)
  const reply = await imap.command(`LOGIN ${quote(account.user)} ${quote(account.password)}`)
  imap.destroy()
  return reply
}

const cli = async (...args: string[]) => await stage.gateway.json(args)

test('a wrong password, an unknown address, a revoked and a disabled device, a strange network: the same bytes', async () => {
  const revoked = await stage.addAccount(user, 'Revoked')
  await cli('device', 'revoke', revoked.device.id)
  const disabled = await stage.addAccount(user, 'Disabled')
  await cli('device', 'disable', disabled.device.id)
  const elsewhere = await stage.addAccount(user, 'Elsewhere', ['--allow-from', '192.0.2.0/24', '--allow-from', '2001:db8::/32'])
  const closed = await stage.addAccount(other, 'Of a disabled mailbox')
  await cli('mailbox', 'set', other, '--disable')
  const accounts = {
    wrong: { ...good, password: 'k7mq-x2pd-9rtf-h4wz-c8nb' },
    'wrong and chosen': { ...good, password: 'a chosen one, but wrong' },
    'unknown address': { ...good, user: 'nobody@example.com' },
    'unknown domain': { ...good, user: 'nobody@elsewhere.example' },
    'no address at all': { ...good, user: 'root' },
    'password of another mailbox': { ...good, user: other },
    revoked,
    disabled,
    'disabled mailbox': closed,
    'strange network': elsewhere,
  }
  const replies = await Promise.all(Object.entries(accounts).map(async ([name, account]) => [name, await tryLogin(account)]))
  const expected = await tryLogin({ ...good, password: 'another wrong one altogether' })
  expect(expected).toMatch(/^t1 NO \[AUTHENTICATIONFAILED\]/)
  expect(Object.fromEntries(replies)).toEqual(Object.fromEntries(Object.keys(accounts).map(name => [name, expected])))
  await cli('mailbox', 'set', other, '--enable')
  expect(await tryLogin(closed)).toContain('t1 OK')
  await cli('device', 'enable', disabled.device.id)
  expect(await tryLogin(disabled)).toContain('t1 OK')
  // Nobody, right or wrong, reached the upstream with these.
  expect(stage.dovecot.readLog()).not.toContain('nobody@')
})

test('the log says the true reason', async () => {
  const revoked = await stage.addAccount(user, 'Revoked too')
  await cli('device', 'revoke', revoked.device.id)
  await tryLogin(revoked)
  const line = await waitFor('the line', 3000, () => stage.gateway.log.find(entry => entry.event === 'auth.refused' && entry.device === revoked.device.id))
  expect(JSON.stringify(line)).toContain('revoked')
})

test('an expired device hears that it expired, but only with the right password', async () => {
  const account = await stage.addAccount(user, 'For a second', ['--expires', '1s'])
  const reply = await waitFor('the expiry', 5000, async () => {
    const answer = await tryLogin(account)
    return !answer.includes('t1 OK') && answer
  })
  expect(reply).toMatch(/^t1 NO \[EXPIRED\]/)
  expect(await tryLogin({ ...account, password: 'a wrong password here' })).toMatch(/^t1 NO \[AUTHENTICATIONFAILED\]/)
})

test('a device without the scope', async () => {
  const account = await stage.addAccount(user, 'Printer', ['--scope', 'smtp'])
  expect(await tryLogin(account)).toMatch(/^t1 NO \[AUTHORIZATIONFAILED\]/)
  await cli('device', 'set', account.device.id, '--scope', 'imap')
  expect(await tryLogin(account)).toContain('t1 OK')
})

test('an allowed network', async () => {
  const account = await stage.addAccount(user, 'At home', ['--allow-from', '127.0.0.0/8'])
  expect(await tryLogin(account)).toContain('t1 OK')
})

test('after a new password the old one is refused at once, the new one works at once', async () => {
  const account = await stage.addAccount(user, 'Changed')
  expect(await tryLogin(account)).toContain('t1 OK')
  const changed = await stage.gateway.json<{ password: string }>(['device', 'password', account.device.id], { printsSecret: true })
  registerSecret(changed.password)
  expect(await tryLogin(account)).toMatch(/^t1 NO \[AUTHENTICATIONFAILED\]/)
  expect(await tryLogin({ ...account, password: changed.password })).toContain('t1 OK')
})

test('a revoked device is refused at the very next login, also right after a good one', async () => {
  const account = await stage.addAccount(user, 'Short lived')
  expect(await tryLogin(account)).toContain('t1 OK')
  await cli('device', 'revoke', account.device.id)
  expect(await tryLogin(account)).toMatch(/^t1 NO \[AUTHENTICATIONFAILED\]/)
})

test('a removed mailbox lets nobody in', async () => {
  const removed = 'removed@example.com'
  await stage.gateway.addMailbox(removed, 'some upstream secret', ['--no-verify'])
  const account = await stage.addAccount(removed, 'App')
  await cli('mailbox', 'remove', removed, '--yes')
  expect(await tryLogin(account)).toMatch(/^t1 NO \[AUTHENTICATIONFAILED\]/)
})

// From an address of its own: the tests above made mistakes enough at theirs to be answered late.
test('wrong passwords take the same time as unknown addresses', async () => {
  const time = async (account: ImapAccount) => {
    const imap = await openImapsFrom('127.0.0.15', account)
    const start = performance.now()
    await imap.command(`LOGIN ${quote(account.user)} ${quote(account.password)}`)
    imap.destroy()
    return performance.now() - start
  }
  const wrong = await Promise.all(Array.from({ length: 8 }, () => time({ ...good, password: 'wrong in the usual way' })))
  const unknown = await Promise.all(Array.from({ length: 8 }, () => time({ ...good, user: 'nobody@example.com' })))
  const median = (values: number[]) => values.sort((a, b) => a - b)[4] ?? 0
  // Both wait for the end of a bucket of the same length.
  expect(Math.abs(median(wrong) - median(unknown))).toBeLessThan(150)
  expect(median(unknown)).toBeGreaterThan(100)
})

test('many wrong logins on one connection end it; others go on', async () => {
  const session = await logIn(good)
  const imap = await openImaps(good)
  for (let index = 0; index < 20 && !imap.isEnded; index++) imap.write(`w${index} LOGIN ${user} "wrong password ${index}"\r\n`)
  expect(await imap.readToEnd(30_000)).toMatch(/^\* BYE/m)
  await session.ok('NOOP')
  session.destroy()
})
