import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type DeviceId, makeId, type SessionId } from '../../base/ids.ts'
import type { Device } from '../accounts/devices/device-rows.ts'
import type { Store } from '../open-store.ts'
import { StoreFixture, type TestNode } from '../store-fixture.ts'
import type { ActivityRecord, Batch, ConnectionRecord, SessionRow } from './gateway-store.ts'

const anna = 'anna@example.com'
const DAY_MS = 86_400_000
let fixture: StoreFixture
let store: Store
let gateway: TestNode
let device: Device

beforeEach(async () => {
  fixture = new StoreFixture()
  store = await fixture.create()
  gateway = await fixture.openNode()
  await store.mailboxes.add({ address: anna, upstream: 'main' })
  device = (await store.devices.add(anna, { name: 'Phone' })).device
})
afterEach(() => fixture.remove())

const batch = (changes: Partial<Batch>): Batch => ({ connections: [], activity: [], sessions: [], endedSessions: [], ...changes })
const connection = (changes: Partial<ConnectionRecord> = {}): ConnectionRecord => ({
  device: device.id,
  at: fixture.now,
  ip: '192.0.2.1',
  protocol: 'imap',
  app: null,
  tls: 'TLSv1.3',
  ...changes,
})
const attempt = (changes: Partial<ActivityRecord> = {}): ActivityRecord => ({
  at: fixture.now,
  address: anna,
  device: device.id,
  result: 'ok',
  protocol: 'imap',
  ip: '192.0.2.1',
  app: null,
  ...changes,
})
const session = (changes: Partial<SessionRow> = {}): SessionRow => ({
  id: makeId<SessionId>(),
  device: device.id,
  protocol: 'imap',
  ip: '192.0.2.1',
  app: null,
  since: fixture.now,
  bytesIn: 1,
  bytesOut: 2,
  ...changes,
})

describe('records', () => {
  test('a last connection only moves forward in time', async () => {
    const at = async (): Promise<unknown> => (await store.devices.get(device.id)).lastConnection
    await gateway.record(batch({ connections: [connection({ at: 2000 }), connection({ at: 1000, ip: '192.0.2.9' })] }))
    expect(await at()).toEqual({ at: 2000, ip: '192.0.2.1', protocol: 'imap', app: null, tls: 'TLSv1.3', node: gateway.node })
    await gateway.record(batch({ connections: [connection({ at: 1999, ip: '192.0.2.9' })] }))
    expect(await at()).toMatchObject({ at: 2000, ip: '192.0.2.1' })
    await gateway.record(batch({ connections: [connection({ at: 2000, app: 'Mutt 2.2' })] }))
    expect(await at()).toMatchObject({ at: 2000, app: 'Mutt 2.2' })
  })

  test.each([0, 1, 2, 3, 4, 5])(
    'of six connections the one at place %i told no name: the name stays, in one batch or in several, by whichever protocol',
    async nameless => {
      const order = [0, 1, 2, 3, 4, 5].map(place =>
        place === nameless ? connection({ at: 2000 + place, protocol: 'submission' }) : connection({ at: 2000 + place, app: 'Mutt 2.2' }),
      )
      const last = async () => (await store.devices.get(device.id)).lastConnection
      await gateway.record(batch({ connections: order }))
      expect(await last()).toMatchObject({ at: 2005, app: 'Mutt 2.2', protocol: nameless === 5 ? 'submission' : 'imap' })
      const { device: other } = await store.devices.add(anna, { name: 'Laptop' })
      for (const record of order) await gateway.record(batch({ connections: [{ ...record, device: other.id }] }))
      expect((await store.devices.get(other.id)).lastConnection).toMatchObject({ at: 2005, app: 'Mutt 2.2' })
      const { device: late } = await store.devices.add(anna, { name: 'Tablet' })
      for (const record of order.toReversed()) await gateway.record(batch({ connections: [{ ...record, device: late.id }] }))
      expect((await store.devices.get(late.id)).lastConnection).toMatchObject({ at: 2005, app: 'Mutt 2.2' })
    },
  )

  test('a login whose app told its name later is one of that app, and no longer one of nobody', async () => {
    const rows = async () => (await store.activity.list()).map(({ app, count, at }) => ({ app, count, at }))
    const [first, second, third] = [fixture.now - 3000, fixture.now - 2000, fixture.now - 1000]
    await gateway.record(batch({ activity: [first, second, third].map(at => attempt({ at })) }))
    await gateway.record(batch({ named: [{ ...attempt({ at: second }), app: 'Roundcube' }] }))
    expect(await rows()).toEqual([
      { app: null, count: 2, at: third },
      { app: 'Roundcube', count: 1, at: second },
    ])
    await gateway.record(batch({ named: [first, third].map(at => ({ ...attempt({ at }), app: 'Roundcube' })) }))
    expect(await rows()).toMatchObject([{ app: 'Roundcube', count: 3, at: third }])
    await gateway.record(batch({ named: [{ ...attempt({ at: third }), app: 'Again' }] }))
    expect(await rows()).toMatchObject([{ app: 'Roundcube', count: 3, at: third }])
  })

  test('a clock that was a year ahead for a moment: the next connection is the last one again', async () => {
    const lastConnection = async () => (await store.devices.get(device.id)).lastConnection
    await gateway.record(batch({ connections: [connection({ at: fixture.now + 365 * DAY_MS })] }))
    await gateway.record(batch({ connections: [connection({ ip: '192.0.2.9' })] }))
    expect(await lastConnection()).toMatchObject({ at: fixture.now, ip: '192.0.2.9' })
    // What another node's clock explains stays.
    await gateway.record(batch({ connections: [connection({ at: fixture.now + 60_000, ip: '192.0.2.8' })] }))
    await gateway.record(batch({ connections: [connection()] }))
    expect(await lastConnection()).toMatchObject({ at: fixture.now + 60_000, ip: '192.0.2.8' })
  })

  test('a device that was removed meanwhile does not spoil the batch', async () => {
    const gone = makeId<DeviceId>()
    await gateway.record(
      batch({ connections: [connection({ device: gone }), connection()], activity: [attempt({ device: gone })], sessions: [session({ device: gone })] }),
    )
    expect((await store.devices.get(device.id)).lastConnection?.at).toBe(fixture.now)
    expect(await store.sessions.list()).toMatchObject([{ device: gone, deviceName: null, mailbox: null }])
  })

  test.each([
    ['an hour', 3_600_000],
    ['ten minutes', 600_000],
  ])('a clock that is set back by %s: the same attempt is counted on, and the batch is written', async (_, step) => {
    const at = fixture.now
    await gateway.record(batch({ activity: [attempt()] }))
    await gateway.record(batch({ activity: [attempt({ at: at + 3_600_000 })] }))
    await gateway.record(batch({ activity: [attempt({ at: at + 3_600_000 - step })], connections: [connection()] }))
    // And it runs on, past the row from before.
    await gateway.record(batch({ activity: [attempt({ at: at + 3_600_001 })] }))
    const rows = await store.activity.list()
    expect(rows.reduce((sum, { count }) => sum + count, 0)).toBe(4)
    expect((await store.devices.get(device.id)).lastConnection?.at).toBe(at)
  })

  test('repeats within an hour are one row', async () => {
    const hour = 3_600_000
    const at = fixture.now
    await gateway.record(batch({ activity: [attempt(), attempt({ at: at + 1 }), attempt({ ip: '192.0.2.2' })] }))
    const { cursor } = (await store.activity.list()).at(-1) ?? { cursor: 0 }
    await gateway.record(batch({ activity: [attempt({ at: at + hour - 1 }), attempt({ result: 'wrong-secret', device: null })] }))
    expect((await store.activity.list()).map(({ ip, result, count, firstAt, at: last }) => [ip, result, count, firstAt - at, last - at])).toEqual([
      ['192.0.2.2', 'ok', 1, 0, 0],
      ['192.0.2.1', 'ok', 3, 0, hour - 1],
      ['192.0.2.1', 'wrong-secret', 1, 0, 0],
    ])
    expect((await store.activity.list({ after: cursor })).map(({ count }) => count)).toEqual([3, 1])
    await gateway.record(batch({ activity: [attempt({ at: at + hour })] }))
    expect((await store.activity.list({ device: device.id })).map(({ count }) => count)).toEqual([1, 3, 1])
  })

  test('can be asked for by mailbox, device and time', async () => {
    const unknown = 'nobody@example.com'
    await gateway.record(batch({ activity: [attempt(), attempt({ address: unknown, device: null, result: 'unknown-address', app: 'Mutt' })] }))
    expect(await store.activity.list({ mailbox: anna })).toMatchObject([{ address: anna, device: device.id, deviceName: 'Phone', app: null }])
    expect(await store.activity.list({ mailbox: unknown })).toMatchObject([{ device: null, deviceName: null, app: 'Mutt' }])
    expect(await store.activity.list({ since: fixture.now + 1 })).toEqual([])
    expect(await store.activity.list({ limit: 1 })).toMatchObject([{ address: unknown }])
    expect(await store.activity.cursor()).toBe(2)
  })

  test('a device keeps its newest 200 rows', async () => {
    const attempts = Array.from({ length: 250 }, (_, n) => attempt({ at: fixture.now + n, ip: `192.0.2.${n}` }))
    await gateway.record(batch({ activity: attempts.slice(0, 230) }))
    await gateway.record(batch({ activity: attempts.slice(230) }))
    const rows = await store.activity.list({ device: device.id })
    expect([rows.length, rows[0]?.ip, rows.at(-1)?.ip]).toEqual([200, '192.0.2.50', '192.0.2.249'])
  })

  test('are purged after 30 days, with devices revoked as long ago and nodes that fell silent', async () => {
    await gateway.record(batch({ activity: [attempt()], sessions: [session()] }))
    await store.devices.revoke([device.id])
    const { device: kept } = await store.devices.add(anna, { name: 'Tablet' })
    const second = await fixture.openNode()
    fixture.now += 30 * DAY_MS + 1
    await second.record(batch({ activity: [attempt({ device: kept.id })] }))
    expect((await store.activity.list()).map(row => row.device)).toEqual([kept.id])
    expect((await store.devices.list({ revoked: true })).map(({ name }) => name)).toEqual(['Tablet'])
    // The first one speaks again: what it wrote before is gone, what it writes now is there.
    expect(await store.sessions.list()).toEqual([])
    await gateway.record(batch({ sessions: [session({ device: kept.id })] }))
    expect(await store.sessions.list()).toHaveLength(1)
  })
})

describe('live sessions', () => {
  test('are listed, change and end', async () => {
    const [one, two] = [session(), session({ since: fixture.now + 1, protocol: 'submission' })]
    await gateway.record(batch({ sessions: [two, one] }))
    await gateway.record(batch({ sessions: [{ ...one, bytesIn: 10, bytesOut: 20, app: 'Mutt' }] }))
    const expected = {
      id: one.id,
      node: gateway.node,
      device: device.id,
      deviceName: 'Phone',
      mailbox: anna,
      protocol: 'imap',
      ip: '192.0.2.1',
      app: 'Mutt',
      since: fixture.now,
    }
    expect(await store.sessions.list()).toEqual([{ ...expected, bytesIn: 10, bytesOut: 20 }, expect.objectContaining({ id: two.id, protocol: 'submission' })])
    expect((await store.devices.get(device.id)).sessions).toBe(2)
    expect(await store.sessions.list({ device: `${anna}/Phone` })).toHaveLength(2)
    expect(await store.sessions.list({ mailbox: anna })).toHaveLength(2)
    await gateway.record(batch({ endedSessions: [one.id, makeId<SessionId>()] }))
    expect(await store.sessions.list()).toMatchObject([{ id: two.id }])
  })

  test('of a node that is silent for ten seconds are not shown; it is forgotten later', async () => {
    await gateway.record(batch({ sessions: [session()] }))
    fixture.now += 9_999
    expect(await store.sessions.list()).toHaveLength(1)
    fixture.now += 1
    expect(await store.sessions.list()).toEqual([])
    expect((await store.devices.get(device.id)).sessions).toBe(0)
    await gateway.record(batch({}))
    expect(await store.sessions.list()).toHaveLength(1)
  })

  test('go with their gateway', async () => {
    await gateway.record(batch({ sessions: [session()] }))
    await gateway.close()
    expect(await store.sessions.list()).toEqual([])
  })

  test('one is kicked by the beginning of its ID, the others are not', async () => {
    const [one, two] = [session(), session()]
    await gateway.record(batch({ sessions: [one, two] }))
    const before = await gateway.readGeneration()
    expect(await store.sessions.kick({ ids: [one.id.slice(0, 14)] })).toEqual({ sessions: 1 })
    expect(await gateway.readGeneration()).toBe(before + 1)
    expect(await gateway.findKickedSessions()).toEqual([one.id])
    await gateway.record(batch({ sessions: [{ ...one, bytesIn: 5 }] }))
    expect(await gateway.findKickedSessions()).toEqual([one.id])
    await expect(store.sessions.kick({ ids: ['zzzz'] })).rejects.toMatchObject({ code: 'NOT_FOUND' })
    await expect(store.sessions.kick({ ids: [''] })).rejects.toMatchObject({ code: 'NOT_FOUND' })
    const other = await fixture.openNode()
    expect(await other.findKickedSessions()).toEqual([])
  })

  test.each([
    ['device', { device: `${anna}/Phone` }],
    ['mailbox', { mailbox: anna }],
  ])('all of a %s are kicked through its devices', async (_what, target) => {
    await gateway.record(batch({ sessions: [session(), session()] }))
    const before = await gateway.readGeneration()
    fixture.now += 500
    expect(await store.sessions.kick(target)).toEqual({ sessions: 2 })
    expect(await gateway.readGeneration()).toBe(before + 1)
    expect((await gateway.findDeviceStatuses([device.id])).get(device.id)?.kickedAt).toBe(fixture.now)
  })

  test('two kicks in the same millisecond, or after the clock was set back, are two', async () => {
    const kickedAt = async () => (await gateway.findDeviceStatuses([device.id])).get(device.id)?.kickedAt ?? 0
    await store.sessions.kick({ device: device.id })
    const first = await kickedAt()
    await store.sessions.kick({ mailbox: anna })
    expect(await kickedAt()).toBe(first + 1)
    fixture.now -= 3_600_000
    await store.sessions.kick({ device: device.id })
    expect(await kickedAt()).toBe(first + 2)
    fixture.now += 3_600_000
  })
})
