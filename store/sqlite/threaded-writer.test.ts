import { renameSync } from 'node:fs'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { type DeviceId, makeId, type NodeId } from '../../base/ids.ts'
import type { Batch } from '../gateway-side/gateway-store.ts'
import { ThreadedWriter } from '../gateway-side/threaded-writer.ts'
import type { Store } from '../open-store.ts'
import { StoreFixture } from '../store-fixture.ts'

let fixture: StoreFixture
let store: Store
let writer: ThreadedWriter
let device: DeviceId

beforeAll(async () => {
  fixture = new StoreFixture()
  store = await fixture.create()
  await store.mailboxes.add({ address: 'anna@example.com', upstream: 'main' })
  device = (await store.devices.add('anna@example.com', { name: 'Phone' })).device.id
  writer = await ThreadedWriter.start({ store: fixture.config.store, node: makeId<NodeId>(), checksIntegrity: true }, fixture.clock)
})
afterAll(async () => {
  await writer.close()
  await fixture.remove()
})
beforeEach(() => {
  fixture.now += 1000
})

const batch = (): Batch => ({
  connections: [{ device, at: fixture.now, ip: '192.0.2.1', protocol: 'imap', app: null, tls: null }],
  activity: [],
  sessions: [],
  endedSessions: [],
})
const lastConnection = async (): Promise<number | undefined> => (await store.devices.get(device)).lastConnection?.at
const unavailable = expect.objectContaining({ code: 'STORE_UNAVAILABLE' })

test('a batch is committed when its promise is kept', async () => {
  await writer.record(batch())
  expect(await lastConnection()).toBe(fixture.now)
})

test('batches are written in their order', async () => {
  const written = Array.from({ length: 20 }, () => {
    fixture.now += 1
    return writer.record(batch())
  })
  await Promise.all(written)
  expect(await lastConnection()).toBe(fixture.now)
})

test('when the thread dies, what waits fails, nothing hangs, and writing goes on', async () => {
  const waiting = Promise.allSettled(Array.from({ length: 30 }, () => writer.record(batch())))
  await writer.crash()
  const results = await waiting
  expect(results.at(-1)).toEqual({ status: 'rejected', reason: unavailable })
  await expect(writer.record(batch())).rejects.toEqual(unavailable)
  await expect
    .poll(
      () =>
        writer.record(batch()).then(
          () => 'written',
          () => 'refused',
        ),
      { timeout: 10_000 },
    )
    .toBe('written')
  expect(await lastConnection()).toBe(fixture.now)
})

test('while the database is away writing fails, and goes on when it is back', async () => {
  renameSync(fixture.path, `${fixture.path}.away`)
  await writer.crash()
  await expect(writer.record(batch())).rejects.toEqual(unavailable)
  renameSync(`${fixture.path}.away`, fixture.path)
  await expect
    .poll(
      () =>
        writer.record(batch()).then(
          () => 'written',
          () => 'refused',
        ),
      { timeout: 10_000 },
    )
    .toBe('written')
})

test('more than the store can keep up with is refused', async () => {
  const results = await Promise.allSettled(Array.from({ length: 200 }, () => writer.record(batch())))
  const refused = results.filter(({ status }) => status === 'rejected')
  expect(refused.length).toBeGreaterThan(0)
  expect(refused).toEqual(refused.map(() => ({ status: 'rejected', reason: unavailable })))
})

test('an error of one request is its answer; the next is served', async () => {
  const broken = { ...batch(), endedSessions: [{} as never] }
  await expect(writer.record(broken)).rejects.toEqual(unavailable)
  await writer.record(batch())
})

test('after closing writes fail, and closing again does nothing', async () => {
  const other = await ThreadedWriter.start({ store: fixture.config.store, node: makeId<NodeId>(), checksIntegrity: true }, fixture.clock)
  await other.close()
  await expect(other.record(batch())).rejects.toEqual(unavailable)
  await other.close()
})
