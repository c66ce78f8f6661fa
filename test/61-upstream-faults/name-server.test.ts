/** The upstream has a name, and the name server goes away: "try again later" for its mailboxes, nothing for all others, and by itself well again. */

import { afterAll, beforeAll, expect, test } from 'vitest'
import type { ImapAccount } from '../fixtures/clients/imap-account.ts'
import { logIn, openImaps, type RawImap } from '../fixtures/clients/raw-imap.ts'
import { inTime } from '../fixtures/deadline.ts'
import { Mailwicket, upstreamOf } from '../fixtures/program/mailwicket.ts'
import { Dovecot } from '../fixtures/servers/dovecot.ts'
import { NameServer } from '../fixtures/servers/name-server.ts'

const named = 'reader@named.example'
const numbered = 'reader@example.com'
const host = 'imap.mailwicket.test'
/** 20 s in the product. */
const upstreamLoginMs = 8_000
let nameServer: NameServer
let dovecot: Dovecot
let gateway: Mailwicket
let account: ImapAccount
let session: RawImap

beforeAll(async () => {
  nameServer = await NameServer.open()
  dovecot = await Dovecot.open({ users: { [named]: 'upstream-secret-1', [numbered]: 'upstream-secret-2' } })
  const { plain } = dovecot.ports
  gateway = await Mailwicket.open({
    upstreams: [
      { name: 'named', domains: ['named.example'], address: `${host}:${plain}`, tls: 'none' },
      upstreamOf(dovecot, { address: `127.0.0.1:${plain}` }),
    ],
  })
  for (const user of [named, numbered]) await gateway.addMailbox(user, dovecot.passwordOf(user), ['--no-verify'])
  await gateway.serve(nameServer.wrapper, { upstreamLoginMs })
  account = gateway.account(named, (await gateway.addDevice(named, 'Phone')).password)
  session = await logIn(account)
})

afterAll(async () => {
  session?.destroy()
  await gateway?.close()
  await dovecot?.stop()
  await nameServer?.close()
})

/** The replies to so many logins at a time. */
async function tryLogins(count: number): Promise<string[]> {
  const connections = await Promise.all(Array.from({ length: count }, () => openImaps(account)))
  const replies = await Promise.all(connections.map(imap => imap.command(`LOGIN ${account.user} ${account.password}`, 60_000)))
  for (const imap of connections) imap.destroy()
  return replies
}

test('it is asked for the name', async () => {
  expect(nameServer.asked).toContain(host)
  await session.ok('SELECT INBOX')
})

test('it is silent: [UNAVAILABLE] in time for everybody; who needs no name logs in meanwhile', async () => {
  nameServer.mood = 'silent'
  const asked = nameServer.asked.length
  const start = performance.now()
  const waiting = tryLogins(60)
  let isOver = false
  void waiting.finally(() => {
    isOver = true
  })
  // A new password each: every one of these logins needs the threads that also wait for the name server.
  let others = 0
  while (!isOver) {
    const other = gateway.account(numbered, (await gateway.addDevice(numbered, `Device ${others}`)).password)
    ;(await logIn(other)).destroy()
    await session.ok('NOOP')
    others += 1
  }
  for (const reply of await waiting) expect(reply).toMatch(/^t1 NO \[UNAVAILABLE\]/)
  const seconds = (performance.now() - start) / 1000
  console.info(`answered after ${seconds.toFixed(1)} s, ${nameServer.asked.length - asked} questions; ${others} others logged in`)
  expect(seconds * 1000).toBeLessThan(inTime(upstreamLoginMs + 2_000))
  expect(others).toBeGreaterThan(0)
  // One for all who wait at the same time: the resolver works on two at a time, and sixty would wait for each other.
  expect(nameServer.asked.length - asked).toBeLessThan(10)
})

test('it does not know the name any more: [UNAVAILABLE], not a wrong password', async () => {
  nameServer.mood = 'knows nothing'
  for (const reply of await tryLogins(3)) expect(reply).toMatch(/^t1 NO \[UNAVAILABLE\]/)
  const failures = gateway.log.filter(line => line.event === 'upstream.failed')
  expect(failures.at(-1)).toMatchObject({ reason: 'unreachable', detail: expect.stringContaining(host) })
})

test('it is back: all is well without a restart', async () => {
  nameServer.mood = 'answers'
  for (const reply of await tryLogins(3)) expect(reply).toContain('t1 OK')
  await session.ok('NOOP')
})
