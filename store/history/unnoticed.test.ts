import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { DeviceId } from '../../base/ids.ts'
import type { ActivityRecord } from '../gateway-side/gateway-store.ts'
import type { Store } from '../open-store.ts'
import { StoreFixture, type TestNode } from '../store-fixture.ts'

const OFFICE = 'office@example.com'
const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
let fixture: StoreFixture
let store: Store
let node: TestNode

beforeEach(async () => {
  fixture = new StoreFixture()
  store = await fixture.create()
  node = await fixture.openNode()
  await store.mailboxes.add({ address: OFFICE, upstream: 'main' })
  await takeAll()
})
afterEach(() => fixture.remove())

async function takeAll(by: Store = store) {
  return { devices: await by.unnoticed.devices(), connections: await by.unnoticed.connections(), ends: await by.unnoticed.ends() }
}

const add = async (name: string, more: object = {}): Promise<DeviceId> => (await store.devices.add(OFFICE, { name, ...more })).device.id

async function logIn(device: DeviceId, changes: Partial<ActivityRecord> = {}): Promise<void> {
  const record: ActivityRecord = {
    at: fixture.now,
    address: OFFICE,
    device,
    result: 'ok',
    protocol: 'imap',
    ip: '192.0.2.1',
    app: 'Thunderbird 153',
    ...changes,
  }
  await node.record({ connections: [], activity: [record], sessions: [], endedSessions: [] })
}

/** A device that was set up long ago, and has logged in since. */
async function usedDevice(): Promise<DeviceId> {
  const device = await add('Phone')
  fixture.now += 2 * DAY
  await logIn(device)
  await takeAll()
  fixture.now += DAY
  return device
}

describe('a device that was added', () => {
  test('is told once, whoever asks, with who made it', async () => {
    const other = await fixture.open()
    await add('Phone', { scopes: ['imap'] })
    const told = [await takeAll(), await takeAll(other)].flatMap(({ devices }) => devices)
    expect(told).toMatchObject([{ device: { name: 'Phone', mailbox: OFFICE, user: null, scopes: ['imap'] }, at: fixture.now }])
  })

  test('is no news when it is gone, lasts an hour at most, or is days old', async () => {
    const gone = await add('gone')
    await store.devices.revoke([gone])
    await add('probe', { expiresAt: fixture.now + 2 * MINUTE })
    await add('old')
    fixture.now += 4 * DAY
    expect((await takeAll()).devices).toEqual([])
  })

  test('is not told when nobody was to be told of anything then', async () => {
    await fixture.query(`delete from meta where name like 'noticed%'`)
    await add('before')
    expect((await takeAll()).devices).toEqual([])
    await add('after')
    expect((await takeAll()).devices).toMatchObject([{ device: { name: 'after' } }])
  })

  test('what a change of several takes back, the next one takes again', async () => {
    await add('Phone')
    await expect(
      store.change(async nouns => {
        expect(await nouns.unnoticed.devices()).toHaveLength(1)
        throw new Error('the queue is full')
      }),
    ).rejects.toThrow('the queue is full')
    expect((await takeAll()).devices).toHaveLength(1)
  })
})

describe('a connection', () => {
  test('is told when it comes from another network, once', async () => {
    const device = await usedDevice()
    await logIn(device, { ip: '2001:db8:12::7' })
    expect((await takeAll()).connections).toMatchObject([{ device: { id: device }, is: 'new-network', ip: '2001:db8:12::7', app: 'Thunderbird 153' }])
    fixture.now += 2 * HOUR
    await logIn(device, { ip: '2001:db8:12::7' })
    await logIn(device, { ip: '2001:db8:ffff::1' })
    expect((await takeAll()).connections).toEqual([])
  })

  test('is told when another app made it; an update is the same app, and one that says nothing is none', async () => {
    const device = await usedDevice()
    for (const app of ['Thunderbird 154.0', 'thunderbird', null, 'Thunderbird (2)']) await logIn(device, { app })
    await logIn(device, { ip: '192.0.2.200', app: null, protocol: 'submission' })
    expect((await takeAll()).connections).toEqual([])
    await logIn(device, { app: 'Outlook 16' })
    expect((await takeAll()).connections).toMatchObject([{ is: 'new-app', app: 'Outlook 16' }])
  })

  test.each([
    ['the first of a new device', 5 * MINUTE],
    ['the first of a device that nobody used for weeks', 20 * DAY],
  ])('%s is expected', async (_, age) => {
    const device = await add('Phone')
    await takeAll()
    fixture.now += age
    await logIn(device)
    expect((await takeAll()).connections).toEqual([])
  })

  test('within an hour of its making a device may come from both of its networks', async () => {
    const device = await add('Phone')
    await logIn(device)
    fixture.now += 10 * MINUTE
    await logIn(device, { ip: '2001:db8::1', app: 'Mail 16' })
    expect((await takeAll()).connections).toEqual([])
  })

  test('of a device that was silent for longer than is kept of it is told', async () => {
    const device = await usedDevice()
    fixture.now += 60 * DAY
    await fixture.query('delete from activity')
    await logIn(device)
    expect((await takeAll()).connections).toMatchObject([{ is: 'new-network', ip: '192.0.2.1' }])
  })

  test('that was refused is none', async () => {
    const device = await usedDevice()
    await logIn(device, { ip: '198.51.100.7', result: 'network' })
    expect((await takeAll()).connections).toEqual([])
  })
})

describe('an end', () => {
  test('is told once, a week ahead, and again when it was put off', async () => {
    const device = await add('Guest', { expiresAt: fixture.now + 10 * DAY })
    expect((await takeAll()).ends).toEqual([])
    fixture.now += 3 * DAY
    expect((await takeAll()).ends).toMatchObject([{ device: { id: device }, endsAt: fixture.now + 7 * DAY }])
    fixture.now += DAY
    expect((await takeAll()).ends).toEqual([])
    await store.devices.set(device, { expiresAt: fixture.now + 30 * DAY })
    fixture.now += 24 * DAY
    expect((await takeAll()).ends).toHaveLength(1)
  })

  test('is told late when nobody looked for days, and not of one that is over', async () => {
    await add('soon', { expiresAt: fixture.now + 12 * DAY })
    await add('over', { expiresAt: fixture.now + 8 * DAY })
    fixture.now += 9 * DAY
    expect((await takeAll()).ends).toMatchObject([{ device: { name: 'soon' } }])
  })
})

test('nothing new is seen without a change', async () => {
  expect(await store.unnoticed.isAny()).toBe(false)
  const device = await add('Phone')
  expect(await store.unnoticed.isAny()).toBe(true)
  await takeAll()
  expect(await store.unnoticed.isAny()).toBe(false)
  await logIn(device)
  expect(await store.unnoticed.isAny()).toBe(true)
  await takeAll()
  fixture.now += HOUR
  expect(await store.unnoticed.isAny()).toBe(true)
})
