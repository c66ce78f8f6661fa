/** An upstream that is stopped, refuses us or is hostile: the right reply within its deadline, flat memory, other sessions undisturbed. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { waitFor } from '../fixtures/deadline.ts'
import { Dovecot } from '../fixtures/dovecot.ts'
import { type HostileUpstream, openHostileUpstream } from '../fixtures/hostile-upstream.ts'
import type { ImapAccount } from '../fixtures/imap-account.ts'
import { Mailwicket, type UpstreamSpec, upstreamOf } from '../fixtures/mailwicket.ts'
import { logIn, openImaps, type RawImap } from '../fixtures/raw-imap.ts'
import { type HostileCase, hostileCases } from './hostile-cases.ts'

const address = (index: number) => `reader@case-${index}.example`
const secretOf = (index: number) => `upstream-secret-for-case-${index}`

let dovecot: Dovecot
let gateway: Mailwicket
let bystander: ImapAccount
let refused: ImapAccount
const hostile: HostileUpstream[] = []
const accounts: ImapAccount[] = []

beforeAll(async () => {
  dovecot = await Dovecot.open({ users: { 'reader@example.com': 'upstream-secret-1', 'refused@example.com': 'upstream-secret-2' } })
  for (const item of hostileCases) hostile.push(await openHostileUpstream(item.behave, dovecot.certificate, item.speaksTls ? 'implicit' : undefined))
  const upstreams: UpstreamSpec[] = hostileCases.map((item, index) => ({
    name: `case-${index}`,
    domains: [`case-${index}.example`],
    address: `localhost:${hostile[index]?.port}`,
    tls: item.tls ?? 'none',
    ca: dovecot.authority.ca,
  }))
  gateway = await Mailwicket.open({ upstreams: [...upstreams, upstreamOf(dovecot)] })
  await gateway.serve()
  for (const index of hostileCases.keys()) await gateway.addMailbox(address(index), secretOf(index), ['--no-verify'])
  await gateway.addMailboxOf(dovecot, 'reader@example.com')
  await gateway.addMailbox('refused@example.com', 'no longer the upstream secret', ['--no-verify'])
  const add = async (user: string) => gateway.account(user, (await gateway.addDevice(user, 'App')).password)
  for (const index of hostileCases.keys()) accounts.push(await add(address(index)))
  bystander = await add('reader@example.com')
  refused = await add('refused@example.com')
})

afterAll(async () => {
  await gateway?.close()
  for (const upstream of hostile) await upstream.close()
  await dovecot?.stop()
})

describe('hostile upstreams, all at once', () => {
  const results = new Map<string, { reply: string; tookMs: number; growth: number }>()
  let session: RawImap
  let worstNoopMs = 0
  let growth = 0

  beforeAll(async () => {
    session = await logIn(bystander)
    await session.ok('SELECT INBOX')
    const before = gateway.residentBytes()
    const one = async (item: HostileCase, index: number) => {
      const account = accounts[index]
      if (account === undefined) throw new Error('no account')
      const imap = await openImaps(account)
      const start = performance.now()
      const reply = await imap.command(`LOGIN ${account.user} ${account.password}`, 60_000)
      results.set(item.name, { reply, tookMs: performance.now() - start, growth: gateway.residentBytes() - before })
      imap.destroy()
    }
    let over = false
    const all = Promise.all(hostileCases.map(one)).finally(() => (over = true))
    // The bystander works all the time.
    while (!over) {
      const start = performance.now()
      await session.ok('NOOP')
      worstNoopMs = Math.max(worstNoopMs, performance.now() - start)
      growth = Math.max(growth, gateway.residentBytes() - before)
      await Promise.race([all, new Promise(resolve => setImmediate(resolve))])
    }
    await all
  })

  test.each(hostileCases)('$name', ({ name, reply, withinMs, noLogin }) => {
    const index = hostileCases.findIndex(item => item.name === name)
    const result = results.get(name)
    expect(result?.reply).toMatch(reply)
    expect(result?.tookMs).toBeLessThan(withinMs)
    if (noLogin) {
      const said = hostile[index]?.received() ?? ''
      expect(said).not.toContain(secretOf(index))
      expect(said).not.toMatch(/AUTHENTICATE|LOGIN /)
    }
    // Whatever it wanted to send, the gateway took little of it (the kernel's buffers count too).
    expect(hostile[index]?.sentBytes()).toBeLessThan(16_000_000)
  })

  test('no upstream connection is left open', async () => {
    await waitFor('all closed', 5000, () => hostile.every(upstream => upstream.openConnections() === 0))
  })

  test('another session never waited, and memory stayed flat', async () => {
    expect(worstNoopMs).toBeLessThan(1000)
    expect(growth).toBeLessThan(80_000_000)
    await session.ok('LOGOUT')
    session.destroy()
  })
})

describe('the real server', () => {
  let session: RawImap
  beforeEach(async () => {
    session = await logIn(bystander)
  })
  afterEach(() => session.destroy())

  test('refuses our login: [CONTACTADMIN], and the log says so loudly', async () => {
    await expect(logIn(refused)).rejects.toThrow('NO [CONTACTADMIN]')
    expect(gateway.log.filter(line => line.event === 'upstream.refused-us').map(line => line.level)).toContain('error')
    await session.ok('NOOP')
  })

  test('is stopped: [UNAVAILABLE] at once; started again: all is well without a restart of ours', async () => {
    await dovecot.stop()
    await session.readToEnd()
    const start = performance.now()
    await expect(logIn(bystander)).rejects.toThrow('NO [UNAVAILABLE]')
    expect(performance.now() - start).toBeLessThan(3000)
    await dovecot.start()
    const again = await logIn(bystander)
    await again.ok('SELECT INBOX')
    again.destroy()
  })
})
