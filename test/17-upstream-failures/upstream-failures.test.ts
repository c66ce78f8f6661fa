/** An upstream that is stopped, refuses us or is hostile: the right reply within its deadline, flat memory, other sessions undisturbed. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { ImapAccount } from '../fixtures/clients/imap-account.ts'
import { logIn, openImaps, type RawImap } from '../fixtures/clients/raw-imap.ts'
import { inTime, waitFor } from '../fixtures/deadline.ts'
import { type HostileRecord, HostileUpstream } from '../fixtures/misbehaving/hostile-upstream.ts'
import { Inspector } from '../fixtures/program/inspector.ts'
import { Mailwicket, type UpstreamSpec, upstreamOf } from '../fixtures/program/mailwicket.ts'
import { Dovecot } from '../fixtures/servers/dovecot.ts'
import { type HostileCase, hostileCases, upstreamLoginMs } from './hostile-cases.ts'

const transports = ['none', 'starttls', 'implicit'] as const
const hostileSecret = 'upstream-secret-for-the-hostile'

let dovecot: Dovecot
let gateway: Mailwicket
let bystander: ImapAccount
let refused: ImapAccount
const hostile = new Map<string, { upstream: HostileUpstream; account: ImapAccount }>()

beforeAll(async () => {
  dovecot = await Dovecot.open({ users: { 'reader@example.com': 'upstream-secret-1', 'refused@example.com': 'upstream-secret-2' } })
  const specs: UpstreamSpec[] = []
  const upstreams: HostileUpstream[] = []
  for (const tls of transports) {
    const upstream = await HostileUpstream.open(dovecot.certificate)
    upstreams.push(upstream)
    specs.push({ name: tls, domains: [`${tls}.example`], address: `localhost:${upstream.port}`, tls, ca: dovecot.authority.ca })
  }
  gateway = await Mailwicket.open({ upstreams: [...specs, upstreamOf(dovecot)] })
  await gateway.serve([], { upstreamLoginMs })
  const addDevice = async (user: string) => gateway.account(user, (await gateway.addDevice(user, 'App')).password)
  for (const [index, tls] of transports.entries()) {
    await gateway.addMailbox(`reader@${tls}.example`, hostileSecret, ['--no-verify'])
    hostile.set(tls, { upstream: upstreams[index] as HostileUpstream, account: await addDevice(`reader@${tls}.example`) })
  }
  await gateway.addMailboxOf(dovecot, 'reader@example.com')
  await gateway.addMailbox('refused@example.com', 'no longer the upstream secret', ['--no-verify'])
  bystander = await addDevice('reader@example.com')
  refused = await addDevice('refused@example.com')
})

afterAll(async () => {
  await gateway?.close()
  for (const { upstream } of hostile.values()) await upstream.close()
  await dovecot?.stop()
})

describe('hostile upstreams, all at once', () => {
  const results = new Map<HostileCase, { record: HostileRecord; reply: string; tookMs: number }>()
  let session: RawImap
  let filesBefore = 0
  let worstNoopMs = 0
  let held = 0
  let inspector: Inspector

  /** Logs in and lets the upstream of this case answer; resolves with the promise of the end as soon as the upstream was dialled. */
  async function begin(item: HostileCase): Promise<() => Promise<void>> {
    const { upstream, account } = hostile.get(item.tls) ?? {}
    if (upstream === undefined || account === undefined) throw new Error('no upstream')
    const imap = await openImaps(account)
    let reply: Promise<string> = Promise.resolve('')
    const start = performance.now()
    const record = await upstream.meet(item.behave, () => {
      reply = imap.command(`LOGIN ${account.user} ${account.password}`, 60_000)
    })
    const ended = reply.then(text => {
      results.set(item, { record, reply: text, tookMs: performance.now() - start })
      imap.destroy()
    })
    return () => ended
  }

  beforeAll(async () => {
    session = await logIn(bystander)
    await session.ok('SELECT INBOX')
    // The first login of each device takes its argon2 (19 MiB) out of the measurement.
    for (const { upstream, account } of hostile.values()) {
      const imap = await openImaps(account)
      const reply: Promise<string>[] = []
      await upstream.meet(
        async connection => void connection.socket.destroy(),
        () => reply.push(imap.command(`LOGIN ${account.user} ${account.password}`)),
      )
      await Promise.all(reply)
      imap.destroy()
    }
    inspector = await Inspector.open(gateway)
    filesBefore = gateway.openFileCount()
    held = await inspector.peakDuring(async () => {
      const ends: (() => Promise<void>)[] = []
      for (const item of hostileCases) ends.push(await begin(item))
      let isOver = false
      const all = Promise.all(ends.map(end => end())).finally(() => {
        isOver = true
      })
      // The bystander works all the time.
      while (!isOver) {
        const start = performance.now()
        await session.ok('NOOP')
        worstNoopMs = Math.max(worstNoopMs, performance.now() - start)
        await Promise.race([all, new Promise(resolve => setTimeout(resolve, 5))])
      }
      await all
    })
  })

  test.each(hostileCases)('$name', item => {
    const result = results.get(item)
    expect(result?.reply).toMatch(item.reply)
    expect(result?.tookMs).toBeLessThan(inTime(item.withinMs))
    if (item.noLogin) {
      expect(result?.record.received).not.toContain(hostileSecret)
      expect(result?.record.received).not.toMatch(/AUTHENTICATE|LOGIN /)
    }
    // Whatever it wanted to send, the gateway took little of it; what counts here is mostly the buffers of the kernel.
    expect(result?.record.sentBytes).toBeLessThan(16_000_000)
  })

  test('no connection is left open', async () => {
    await waitFor('as many open files as before', 5000, () => gateway.openFileCount() <= filesBefore)
  })

  test('another session never waited, and little of all that they sent was ever kept', async () => {
    inspector.close()
    expect(worstNoopMs).toBeLessThan(inTime(1000))
    expect(held).toBeLessThan(16_000_000)
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
    expect(performance.now() - start).toBeLessThan(inTime(3000))
    await dovecot.start()
    const again = await logIn(bystander)
    await again.ok('SELECT INBOX')
    again.destroy()
  })
})
