import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { DeviceId } from '../../base/ids.ts'
import { silentLog } from '../../base/log.ts'
import type { Batch, ConnectionRecord, GatewayStore } from '../../store/gateway-side/gateway-store.ts'
import type { DeviceStatus } from '../../store/schema/login-record.ts'
import { LIMITS } from '../limits.ts'
import { LiveSession, LiveSessions } from './live-sessions.ts'
import { Recorder } from './recorder.ts'

beforeEach(() => {
  vi.useFakeTimers({ now: 1_000_000 })
})
afterEach(() => {
  vi.useRealTimers()
})

function openRecorder() {
  const batches: Batch[] = []
  const store = { isDown: false }
  const record = async (batch: Batch) => {
    if (store.isDown) throw new Error('disk full')
    batches.push(batch)
  }
  const live = new LiveSessions()
  const recorder = new Recorder({ record } as unknown as GatewayStore, live, silentLog)
  recorder.start()
  const connect = (device: string, app: string | null = null) => {
    const session = new LiveSession({ protocol: 'imap', scope: 'imap', ip: '192.0.2.1', since: Date.now(), end: () => {} })
    session.device = { id: device as DeviceId } as DeviceStatus
    live.enter(session)
    const record: ConnectionRecord = { device: device as DeviceId, at: Date.now(), ip: session.ip, protocol: 'imap', app, tls: 'TLSv1.3' }
    recorder.connected(session, record)
    recorder.attempted({ at: record.at, address: 'ann@example.com', device: record.device, result: 'ok', protocol: 'imap', ip: session.ip, app }, session)
    const close = () => {
      live.leave(session)
      recorder.ended(session)
    }
    return { session, record, close }
  }
  return { recorder, batches, store, connect, live, nextBatch: () => vi.advanceTimersByTimeAsync(LIMITS.recordMs) }
}

describe('Recorder', () => {
  it('writes ten thousand logins of a device as one row of last connections in one batch', async () => {
    const { batches, connect, nextBatch } = openRecorder()
    for (let i = 0; i < 10_000; i += 1) connect('d1').close()
    await nextBatch()
    expect(batches).toHaveLength(1)
    expect(batches[0]?.connections).toHaveLength(1)
    // Sessions that are over before their first batch are not written at all.
    expect(batches[0]?.sessions).toEqual([])
    expect(batches[0]?.endedSessions).toEqual([])
  })

  it('writes nothing while nothing happens but a heartbeat', async () => {
    const { batches } = openRecorder()
    await vi.advanceTimersByTimeAsync(60_000)
    expect(batches.length).toBeLessThanOrEqual(60_000 / LIMITS.heartbeatMs + 1)
    expect(batches.length).toBeGreaterThanOrEqual(25)
  })

  it('writes a session, its progress, its app and its end', async () => {
    const { recorder, batches, connect, nextBatch } = openRecorder()
    const { session, record, close } = connect('d1')
    await nextBatch()
    expect(batches.at(-1)?.sessions).toMatchObject([{ id: session.id, bytesOut: 0, app: null }])
    session.countBytes = () => ({ bytesIn: 5, bytesOut: 70 })
    session.app = 'Mutt'
    recorder.named(session, { ...record, app: 'Mutt' })
    await nextBatch()
    expect(batches.at(-1)).toMatchObject({ sessions: [{ bytesIn: 5, bytesOut: 70, app: 'Mutt' }], connections: [{ app: 'Mutt' }] })
    session.countBytes = () => ({ bytesIn: 6, bytesOut: 70 })
    await vi.advanceTimersByTimeAsync(LIMITS.sessionRefreshMs)
    expect(batches.some(({ sessions }) => sessions[0]?.bytesIn === 6)).toBe(true)
    close()
    await nextBatch()
    expect(batches.at(-1)?.endedSessions).toEqual([session.id])
  })

  it('a name that comes after login reaches the login’s own row, whether that is written already or not', async () => {
    const { recorder, batches, connect, nextBatch } = openRecorder()
    const soon = connect('d1')
    recorder.named(soon.session, { ...soon.record, app: 'Alpine' })
    await nextBatch()
    expect(batches.at(-1)).toMatchObject({ activity: [{ device: 'd1', app: 'Alpine' }], named: [] })
    const late = connect('d2')
    await nextBatch()
    recorder.named(late.session, { ...late.record, app: 'Roundcube' })
    await nextBatch()
    expect(batches.at(-1)).toMatchObject({ activity: [], named: [{ device: 'd2', result: 'ok', at: late.record.at, app: 'Roundcube' }] })
    recorder.named(late.session, { ...late.record, app: 'Another' })
    await nextBatch()
    expect(batches.at(-1)).toMatchObject({ named: [] })
  })

  it('a connection that tells no name keeps the one that waits to be written, also when the store is away', async () => {
    const { batches, store, connect, nextBatch } = openRecorder()
    connect('d1', 'Mutt')
    connect('d1')
    await nextBatch()
    expect(batches.at(-1)?.connections).toMatchObject([{ app: 'Mutt' }])
    store.isDown = true
    connect('d2', 'Mutt')
    await nextBatch()
    connect('d2')
    store.isDown = false
    await nextBatch()
    expect(batches.at(-1)?.connections).toMatchObject([{ device: 'd2', app: 'Mutt' }])
  })

  it('goes on telling that it is alive when the clock is set back by a day', async () => {
    const { batches } = openRecorder()
    await vi.advanceTimersByTimeAsync(LIMITS.heartbeatMs * 2)
    const before = batches.length
    vi.setSystemTime(Date.now() - 86_400_000)
    await vi.advanceTimersByTimeAsync(LIMITS.heartbeatMs * 3)
    expect(batches.length - before).toBeGreaterThanOrEqual(2)
  })

  it('keeps everything while the store is away and writes it when it is back', async () => {
    const { recorder, batches, store, connect, nextBatch } = openRecorder()
    const first = connect('d1')
    await nextBatch()
    store.isDown = true
    const second = connect('d2')
    first.close()
    await vi.advanceTimersByTimeAsync(10_000)
    const before = batches.length
    store.isDown = false
    await nextBatch()
    expect(batches.length).toBe(before + 1)
    expect(batches.at(-1)).toMatchObject({ connections: [{ device: 'd2' }], sessions: [{ id: second.session.id }], endedSessions: [first.session.id] })
    second.close()
    await recorder.stop()
    expect(batches.at(-1)?.endedSessions).toEqual([second.session.id])
  })

  it('bounds the messages that wait to be counted while the store is away', async () => {
    const { batches, store, recorder, nextBatch } = openRecorder()
    store.isDown = true
    const counted: number[] = []
    const messages = LIMITS.pendingSent + 1
    for (let i = 0; i < messages; i += 1) recorder.sent({ device: 'd1' as DeviceId, recipients: 1, at: i }, () => counted.push(i))
    // The oldest are settled without having been counted: nothing waits for them for ever.
    expect(counted).toHaveLength(LIMITS.pendingSent / 10)
    await nextBatch()
    store.isDown = false
    await nextBatch()
    expect(batches.at(-1)?.sent).toHaveLength(messages - LIMITS.pendingSent / 10)
    expect(counted).toHaveLength(messages)
  })

  it('bounds the sessions whose end it has to tell, those first that the store knows', async () => {
    const { batches, store, connect, nextBatch } = openRecorder()
    const known = connect('d0')
    await nextBatch()
    store.isDown = true
    known.close()
    for (let i = 0; i < 4; i += 1) {
      const some = Array.from({ length: LIMITS.pendingEnded / 2 }, () => connect('d1'))
      await nextBatch()
      for (const { close } of some) close()
    }
    store.isDown = false
    await nextBatch()
    const ended = batches.at(-1)?.endedSessions ?? []
    expect(ended).toContain(known.session.id)
    expect(ended.length).toBeLessThanOrEqual(LIMITS.pendingEnded)
  })

  it('bounds what it keeps while the store is away', async () => {
    const { batches, store, recorder, connect, nextBatch } = openRecorder()
    store.isDown = true
    for (let i = 0; i < 3; i += 1) {
      for (let j = 0; j < LIMITS.pendingActivity; j += 1)
        recorder.attempted({ at: i, address: `${j}@example.com`, device: null, result: 'unknown-address', protocol: 'imap', ip: '192.0.2.1', app: null })
      await nextBatch()
    }
    connect('d1')
    store.isDown = false
    await nextBatch()
    expect(batches.at(-1)?.activity.length).toBeLessThanOrEqual(LIMITS.pendingActivity + 1)
    expect(batches.at(-1)?.activity.at(-1)).toMatchObject({ result: 'ok' })
  })
})
