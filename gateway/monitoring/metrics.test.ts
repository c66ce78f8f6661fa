import { describe, expect, it } from 'vitest'
import { MailwicketError } from '../../base/errors.ts'
import { UpstreamFailure } from '../../upstream/upstream-failure.ts'
import { LiveSession } from '../sessions/live-sessions.ts'
import { LIMIT_KINDS, type MetricSources, Metrics } from './metrics.ts'
import { METRICS } from './metrics-table.ts'
import { PrometheusText } from './prometheus-text-fixture.ts'

const read = async (metrics: Metrics) => new PrometheusText(await metrics.text())

function openSession(protocol: 'imap' | 'submission' = 'imap') {
  const session = new LiveSession({ protocol, scope: protocol === 'imap' ? 'imap' : 'smtp', ip: '192.0.2.1', since: 0, end: () => {} })
  const bytes = { bytesIn: 0, bytesOut: 0 }
  session.countBytes = () => bytes
  return { session, bytes }
}

function makeSources(changes: Partial<MetricSources> = {}): MetricSources {
  return {
    unauthenticated: () => 3,
    hasher: { waiting: 4, running: 2 },
    recorder: { pending: 17 },
    revocation: { ageMs: 250 },
    certificates: { list: () => [] },
    readiness: { notReady: () => [] },
    storeHealth: { warnings: () => [], lastFailureAt: undefined, space: undefined },
    ...changes,
  }
}

const certificate = (cert: string, names: readonly string[], daysLeft: number) =>
  ({ cert, names, daysLeft }) as unknown as ReturnType<MetricSources['certificates']['list']>[number]

describe('the text', () => {
  it('has every metric of the table, with its kind and sentence, in a form that a strict reader takes', async () => {
    const { families } = await read(new Metrics([{ name: 'ma"in\\\n', imap: { host: 'a', port: 1, tls: 'none' }, submission: undefined }]))
    expect([...families.values()].map(({ name, type, help }) => ({ name, type, help }))).toEqual(
      Object.entries(METRICS).map(([name, { type, help }]) => ({ name, type, help })),
    )
  })

  it('has only labels of the table', async () => {
    const metrics = new Metrics([{ name: 'main', imap: { host: 'a', port: 1, tls: 'none' }, submission: undefined }])
    metrics.watch(makeSources({ certificates: { list: () => [certificate('/a.pem', ['a'], 1)] } }))
    for (const { name, samples } of (await read(metrics)).families.values())
      for (const { labels } of samples)
        expect(
          Object.keys(labels).filter(label => label !== 'le'),
          name,
        ).toEqual(METRICS[name as keyof typeof METRICS].labels)
  })

  it('is of one gateway: two do not know each other', async () => {
    const [one, other] = [new Metrics(), new Metrics()]
    one.limited('block')
    expect((await read(one)).value('mailwicket_limited_total', { kind: 'block' })).toBe(1)
    expect((await read(other)).value('mailwicket_limited_total', { kind: 'block' })).toBe(0)
  })

  it('begins at 0 with what alerts look at', async () => {
    const text = await read(new Metrics([{ name: 'main', imap: { host: 'a', port: 1, tls: 'none' }, submission: undefined }]))
    expect(text.value('mailwicket_logins_total', { result: 'wrong-secret' })).toBe(0)
    expect(text.value('mailwicket_upstream_failures_total', { upstream: 'main', protocol: 'imap', reason: 'refused-us' })).toBe(0)
    expect(text.value('mailwicket_upstream_failures_total', { protocol: 'submission' })).toBeUndefined()
    expect(text.value('mailwicket_store_failures_total', { operation: 'record' })).toBe(0)
    for (const kind of LIMIT_KINDS) expect(text.value('mailwicket_limited_total', { kind })).toBe(0)
  })

  it('has the process too, where it is asked for', async () => {
    const metrics = new Metrics()
    metrics.addProcess()
    const text = await read(metrics)
    for (const name of ['process_resident_memory_bytes', 'process_open_fds', 'process_cpu_seconds_total']) expect(text.value(name)).toBeGreaterThan(0)
    expect(text.value('nodejs_eventloop_lag_p99_seconds')).toBeDefined()
    expect(text.families.has('nodejs_active_handles')).toBe(false)
  })
})

describe('sessions', () => {
  it('their bytes count while they live', async () => {
    const metrics = new Metrics()
    const { session, bytes } = openSession()
    metrics.sessionBegan(session)
    for (const [bytesIn, bytesOut] of [
      [10, 1000],
      [10, 1000],
      [11, 5_000_000_000],
    ] as const) {
      Object.assign(bytes, { bytesIn, bytesOut })
      const text = await read(metrics)
      expect(text.value('mailwicket_session_bytes_total', { protocol: 'imap', direction: 'in' })).toBe(bytesIn)
      expect(text.value('mailwicket_session_bytes_total', { protocol: 'imap', direction: 'out' })).toBe(bytesOut)
    }
  })

  it('and no byte is lost or counted twice when they end', async () => {
    const metrics = new Metrics()
    const [a, b, c] = [openSession(), openSession(), openSession('submission')]
    for (const { session } of [a, b, c]) metrics.sessionBegan(session)
    Object.assign(a.bytes, { bytesIn: 1, bytesOut: 10 })
    Object.assign(b.bytes, { bytesIn: 2, bytesOut: 20 })
    Object.assign(c.bytes, { bytesIn: 4, bytesOut: 40 })
    await read(metrics)
    a.bytes.bytesOut += 100
    metrics.sessionEnded(a.session, 'revoked')
    metrics.sessionEnded(a.session, 'revoked')
    a.bytes.bytesOut += 1000 // nobody hears of it any more
    const text = await read(metrics)
    expect(text.value('mailwicket_session_bytes_total', { protocol: 'imap', direction: 'in' })).toBe(3)
    expect(text.value('mailwicket_session_bytes_total', { protocol: 'imap', direction: 'out' })).toBe(130)
    expect(text.value('mailwicket_session_bytes_total', { protocol: 'submission', direction: 'out' })).toBe(40)
    expect(text.value('mailwicket_sessions', { protocol: 'imap' })).toBe(1)
    expect(text.value('mailwicket_sessions', { protocol: 'submission' })).toBe(1)
    expect(text.value('mailwicket_sessions_ended_total', { protocol: 'imap', why: 'revoked' })).toBe(1)
  })

  it('a connection that never logged in is none', async () => {
    const metrics = new Metrics()
    metrics.sessionEnded(openSession().session, 'client-closed')
    expect((await read(metrics)).samples('mailwicket_sessions_ended_total')).toEqual([])
  })

  it('what a peer could have written becomes no label, nor do too many words', async () => {
    const metrics = new Metrics()
    const end = (why: string) => {
      const { session } = openSession()
      metrics.sessionBegan(session)
      metrics.sessionEnded(session, why)
    }
    for (const why of ['ann@example.com', 'Error: at /srv', 'x'.repeat(40), '', 'a b', '10.0.0.1']) end(why)
    let text = await read(metrics)
    expect(text.samples('mailwicket_sessions_ended_total')).toEqual([
      { name: 'mailwicket_sessions_ended_total', labels: { protocol: 'imap', why: 'other' }, value: 6 },
    ])
    const letters = 'abcdefghijklmnop'
    for (const a of letters) for (const b of letters) end(`why-${a}${b}`)
    text = await read(metrics)
    expect(text.samples('mailwicket_sessions_ended_total')).toHaveLength(65)
    expect(text.value('mailwicket_sessions_ended_total')).toBe(6 + 256)
  })
})

describe('upstreams', () => {
  const time = (metrics: Metrics, name: string, connect: () => Promise<unknown>) => metrics.timeUpstreamLogin({ upstream: name, protocol: 'imap' }, connect)

  it('a success is timed and handed on, a failure counted and thrown on', async () => {
    const metrics = new Metrics()
    expect(await time(metrics, 'main', async () => 'socket')).toBe('socket')
    const failure = new UpstreamFailure('refused-us', 'bad password of ann@example.com')
    await expect(time(metrics, 'main', () => Promise.reject(failure))).rejects.toBe(failure)
    const text = await read(metrics)
    expect(text.value('mailwicket_upstream_login_duration_seconds_count', { upstream: 'main', protocol: 'imap' })).toBe(1)
    expect(text.value('mailwicket_upstream_failures_total', { upstream: 'main', reason: 'refused-us' })).toBe(1)
  })

  it('a client that left is no failure of theirs', async () => {
    const metrics = new Metrics()
    await expect(time(metrics, 'main', () => Promise.reject(new MailwicketError('WIRE_CLOSED')))).rejects.toMatchObject({ code: 'WIRE_CLOSED' })
    expect((await read(metrics)).value('mailwicket_upstream_failures_total')).toBeUndefined()
  })

  it('more of them than a configuration has are one', async () => {
    const metrics = new Metrics()
    for (let i = 0; i < 1_010; i += 1) await time(metrics, `upstream ${i}`, async () => undefined)
    const text = await read(metrics)
    expect(text.samples('mailwicket_upstream_login_duration_seconds_count')).toHaveLength(1_001)
    expect(text.value('mailwicket_upstream_login_duration_seconds_count', { upstream: 'other' })).toBe(10)
  })
})

describe('what others count', () => {
  it('is read when the text is', async () => {
    const metrics = new Metrics()
    metrics.watch(makeSources({ readiness: { notReady: () => ['draining'] } }))
    const text = await read(metrics)
    expect(text.value('mailwicket_unauthenticated_connections')).toBe(3)
    expect(text.value('mailwicket_hash_queue_length')).toBe(4)
    expect(text.value('mailwicket_hashes_running')).toBe(2)
    expect(text.value('mailwicket_store_pending_notes')).toBe(17)
    expect(text.value('mailwicket_generation_age_seconds')).toBe(0.25)
    expect(text.value('mailwicket_not_ready', { reason: 'draining' })).toBe(1)
    expect(text.value('mailwicket_not_ready')).toBe(1)
  })

  it('the disk of the store, where it is ours to look at', async () => {
    const metrics = new Metrics()
    let space: { freeBytes: number; reserveBytes: number; isLow: boolean } | undefined = { freeBytes: 5, reserveBytes: 3, isLow: true }
    const storeHealth = {
      warnings: () => ['store-space-low' as const],
      lastFailureAt: 2_500,
      get space() {
        return space
      },
    }
    metrics.watch(makeSources({ storeHealth }))
    const text = await read(metrics)
    expect(text.value('mailwicket_store_free_bytes')).toBe(5)
    expect(text.value('mailwicket_store_reserve_bytes')).toBe(3)
    expect(text.value('mailwicket_warning', { reason: 'store-space-low' })).toBe(1)
    expect(text.value('mailwicket_warning', { reason: 'store-unwritable' })).toBe(0)
    expect(text.value('mailwicket_store_last_write_failure_timestamp_seconds')).toBe(2.5)
    space = undefined
    expect((await read(metrics)).samples('mailwicket_store_free_bytes')).toEqual([])
  })

  it('a certificate that was replaced leaves nothing behind', async () => {
    const metrics = new Metrics()
    let list = [certificate('/a.pem', ['old.example.com', 'x'], -2), certificate('/b.pem', [], 90)]
    metrics.watch(makeSources({ certificates: { list: () => list } }))
    expect((await read(metrics)).samples('mailwicket_certificate_days_left').map(({ labels, value }) => [labels.cert, labels.name, value])).toEqual([
      ['/a.pem', 'old.example.com', -2],
      ['/b.pem', '', 90],
    ])
    list = [certificate('/a.pem', ['new.example.com'], 90)]
    expect((await read(metrics)).samples('mailwicket_certificate_days_left').map(({ labels }) => labels)).toEqual([{ cert: '/a.pem', name: 'new.example.com' }])
  })
})
