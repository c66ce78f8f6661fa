/**
 * Two commands and two gateways change the same devices at once, at random: what the audit tells, entry after entry, is what there is; nobody who was revoked is ever seen
 * otherwise; generation and last connections only move forward.
 */
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { DeviceId, SessionId } from '../base/ids.ts'
import type { Store } from './open-store.ts'
import { StoreFixture, type TestNode } from './store-fixture.ts'

const anna = 'anna@example.com'
/** More, and others, with MW_CHANGES=10000 MW_SEED=7. Which of those who run at once is faster no seed decides. */
const OPERATIONS = Number(process.env['MW_CHANGES'] ?? 600)
const SEED = Number(process.env['MW_SEED'] ?? 20_261_126)
const DEVICES = 12
const NAMES = ['Phone', 'Tablet', 'Laptop', 'Watch', 'Desk', 'Car', 'Scanner', 'Handy', 'TV', 'Old phone', 'New phone', 'Spare', 'Kitchen', 'Garage'] as const
/** Each moves the generation by one; the others do not. */
const ENDS_SESSIONS = new Set(['device.disabled', 'device.changed', 'device.revoked', 'device.kicked'])
/** What may come of a change that somebody else was faster with. */
const TOO_LATE = new Set(['BAD_INPUT', 'ALREADY_EXISTS', 'NOT_FOUND', 'STORE_BUSY'])

let fixture: StoreFixture
let stores: Store[]
let nodes: TestNode[]

beforeEach(async () => {
  fixture = new StoreFixture()
  stores = [await fixture.create(), await fixture.open()]
  await stores[0]?.mailboxes.add({ address: anna, upstream: 'main' })
  // With their threads: in one thread two who wait for SQLite's lock would wait for each other.
  nodes = [await fixture.openGateway(), await fixture.openGateway()]
})
afterEach(() => fixture.remove())

test(`${OPERATIONS} random changes of two commands and two gateways (seed ${SEED})`, async () => {
  const devices: DeviceId[] = []
  for (const name of NAMES.slice(0, DEVICES)) devices.push((await store(0).devices.add(anna, { name })).device.id)
  const before = await node(0).readGeneration()
  const latest = new Map<DeviceId, number>()
  const revoked = new Set<DeviceId>()
  const unexpected: unknown[] = []
  const random = randomOf(SEED)
  const pick = <Item>(items: readonly Item[]): Item => items[Math.floor(random() * items.length)] ?? expect.fail()
  let left = OPERATIONS

  const change = async (own: Store): Promise<void> => {
    const device = pick(devices)
    const dice = random()
    // Few: a device that is revoked takes part no more.
    if (dice < 0.005) {
      await own.devices.revoke([device])
      revoked.add(device)
    } else if (dice < 0.25) await own.devices.rename(device, pick(NAMES))
    else if (dice < 0.5) await own.devices.set(device, { scopes: pick([['imap'], ['smtp'], ['imap', 'smtp']]) })
    else if (dice < 0.7) await own.devices.disable(device)
    else if (dice < 0.9) await own.devices.enable(device)
    else await own.sessions.kick({ device })
  }
  const record = async (own: TestNode, name: string): Promise<void> => {
    const known = [...revoked]
    const generation = await own.readGeneration()
    const statuses = await own.findDeviceStatuses(devices)
    for (const id of known) expect(statuses.get(id)?.state).toBe('revoked')
    const device = pick(devices)
    const at = fixture.now + OPERATIONS - left
    const session = {
      id: `${name}${Math.floor(random() * 5)}` as SessionId,
      device,
      protocol: 'imap',
      ip: '192.0.2.1',
      app: null,
      since: at,
      bytesIn: 0,
      bytesOut: 0,
    } as const
    await own.record({
      connections: [{ device, at, ip: '192.0.2.1', protocol: 'imap', app: null, tls: null }],
      activity: [{ at, address: anna, device, result: 'ok', protocol: 'imap', ip: '192.0.2.1', app: name }],
      sessions: [session],
      endedSessions: random() < 0.3 ? [session.id] : [],
      sent: [{ device, recipients: 1, at: fixture.now }],
    })
    latest.set(device, Math.max(at, latest.get(device) ?? 0))
    expect(await own.readGeneration()).toBeGreaterThanOrEqual(generation)
  }
  const goOn = async (act: () => Promise<void>): Promise<number> => {
    let done = 0
    while (left-- > 0)
      await act().then(
        () => done++,
        error => TOO_LATE.has(error.code) || unexpected.push(error),
      )
    return done
  }
  const [, , ...recorded] = await Promise.all([...stores.map(own => goOn(() => change(own))), ...nodes.map((own, n) => goOn(() => record(own, `n${n}`)))])
  expect(unexpected).toEqual([])

  const entries = (await store(0).audit.list({ limit: 100_000 })).filter(({ action }) => action.startsWith('device.'))
  const told = new Map<string, Record<string, unknown>>()
  for (const { action, subject, subjectId, before: was, after } of entries) {
    const known = told.get(subjectId ?? '') ?? {}
    // Each entry begins where the one before it ended.
    if (action !== 'device.added' && action !== 'device.kicked') expect(known).toMatchObject(was ?? {})
    told.set(subjectId ?? '', {
      ...(action === 'device.added' ? { state: 'active', name: subject.slice(anna.length + 1) } : known),
      ...(action === 'device.kicked' ? {} : after),
    })
  }
  const found = await store(1).devices.list({ revoked: true })
  expect(found).toHaveLength(DEVICES)
  for (const { id, name, state, scopes } of found) expect(told.get(id)).toMatchObject({ name, state, scopes })
  const names = found.filter(({ state }) => state !== 'revoked').map(({ name }) => name)
  expect(new Set(names).size).toBe(names.length)
  const moves = entries.filter(({ action }) => ENDS_SESSIONS.has(action)).length
  expect(moves).toBeGreaterThan(0)
  expect(await node(1).readGeneration()).toBe(before + moves)
  for (const { id, lastConnection } of found) expect(lastConnection?.at).toBe(latest.get(id))
  expect((await store(0).sending.get({ mailbox: anna })).sentToday).toBe(recorded.reduce((sum, n) => sum + n, 0))
  const cursors = (await fixture.query('select cursor, count from activity order by cursor')).rows
  expect(new Set(cursors.map(({ cursor }) => cursor)).size).toBe(cursors.length)
  expect(cursors.reduce((sum, { count }) => sum + Number(count), 0)).toBe(recorded.reduce((sum, n) => sum + n, 0))
})

const store = (n: number): Store => stores[n] ?? expect.fail()
const node = (n: number): TestNode => nodes[n] ?? expect.fail()

/** The same numbers in every run (mulberry32). */
function randomOf(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
