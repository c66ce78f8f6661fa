import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Store } from '../open-store.ts'
import { StoreFixture, secret, type TestNode } from '../store-fixture.ts'

let fixture: StoreFixture
let store: Store
let gateway: TestNode

beforeEach(async () => {
  fixture = new StoreFixture()
  store = await fixture.create()
  gateway = await fixture.openNode()
})
afterEach(() => fixture.remove())

/** By how much `act` moves the generation. */
async function moves(act: () => Promise<unknown>): Promise<number> {
  const before = await gateway.readGeneration()
  await act()
  return (await gateway.readGeneration()) - before
}

describe('a mailbox', () => {
  test('is added under its normalised address and found however it is written', async () => {
    const mailbox = await store.mailboxes.add({ address: 'Anna@Bücher.example', upstream: 'main', secret: secret('upstream') })
    expect(mailbox).toEqual({
      id: mailbox.id,
      address: 'anna@xn--bcher-kva.example',
      upstream: 'main',
      login: null,
      hasSecret: true,
      state: 'active',
      note: null,
      createdAt: fixture.now,
      migrationPasswordUntil: null,
      devices: 0,
    })
    expect(await store.mailboxes.find('ANNA@bücher.example')).toEqual(mailbox)
    expect(await store.mailboxes.find('berta@example.com')).toBeUndefined()
    expect((await store.mailboxes.openSecret('anna@bücher.example'))?.reveal().toString()).toBe('upstream')
  })

  test('is there once', async () => {
    await store.mailboxes.add({ address: 'anna@example.com', upstream: 'main' })
    await expect(store.mailboxes.add({ address: 'ANNA@example.com', upstream: 'main' })).rejects.toMatchObject({ code: 'ALREADY_EXISTS' })
  })

  test.each([
    [{ address: 'anna', upstream: 'main' }, /not an e-mail address/],
    [{ address: 'anna@example.com', upstream: 'main', login: 'a\r\nb' }, /control characters/],
    [{ address: 'anna@example.com', upstream: 'main', login: '' }, /1 to 255/],
    [{ address: 'anna@example.com', upstream: 'main', login: 'ä'.repeat(128) }, /1 to 255/],
    [{ address: 'anna@example.com', upstream: 'main', secret: secret('') }, /empty/],
  ])('is refused with %j', async (mailbox, reason) => {
    await expect(store.mailboxes.add(mailbox)).rejects.toThrow(reason)
    expect(await store.mailboxes.list()).toEqual([])
  })

  test('gets another login and loses its secret without touching the rest', async () => {
    await store.mailboxes.add({ address: 'anna@example.com', upstream: 'main', secret: secret('upstream') })
    await store.mailboxes.set('anna@example.com', { login: 'anna.a' })
    expect(await store.mailboxes.get('anna@example.com')).toMatchObject({ login: 'anna.a', hasSecret: true, upstream: 'main' })
    await store.mailboxes.set('anna@example.com', { secret: null })
    expect(await store.mailboxes.openSecret('anna@example.com')).toBeNull()
    expect(await store.mailboxes.get('anna@example.com')).toMatchObject({ login: 'anna.a', hasSecret: false })
  })

  test('goes with its devices and their last connections', async () => {
    await store.mailboxes.add({ address: 'anna@example.com', upstream: 'main' })
    const { device } = await store.devices.add('anna@example.com', { name: 'Phone' })
    await gateway.record({
      connections: [{ device: device.id, at: 1, ip: '192.0.2.1', protocol: 'imap', app: null, tls: null }],
      activity: [],
      sessions: [],
      endedSessions: [],
    })
    expect(await store.mailboxes.remove('anna@example.com')).toEqual({ devices: 1 })
    expect(await store.devices.list({ revoked: true })).toEqual([])
    await expect(store.devices.get(device.id)).rejects.toMatchObject({ code: 'NOT_FOUND' })
    await expect(store.mailboxes.remove('anna@example.com')).rejects.toMatchObject({ code: 'NOT_FOUND' })
  })
})

test('the generation moves with what can end a session, and only then', async () => {
  const { mailboxes } = store
  const address = 'anna@example.com'
  expect(await moves(() => mailboxes.add({ address, upstream: 'main' }))).toBe(0)
  expect(await moves(() => mailboxes.set(address, { secret: secret('upstream') }))).toBe(0)
  expect(await moves(() => mailboxes.set(address, { state: 'active' }))).toBe(0)
  expect(await moves(() => mailboxes.set(address, { login: 'anna.a' }))).toBe(1)
  expect(await moves(() => mailboxes.set(address, { upstream: 'other' }))).toBe(1)
  expect(await moves(() => mailboxes.set(address, { state: 'disabled' }))).toBe(1)
  expect(await moves(() => mailboxes.remove(address))).toBe(1)
})

test('another upstream login ends the sessions under the old one', async () => {
  await store.mailboxes.add({ address: 'anna@example.com', upstream: 'main' })
  const { device } = await store.devices.add('anna@example.com', { name: 'Phone' })
  fixture.now += 1000
  await store.mailboxes.set('anna@example.com', { login: 'anna.a' })
  expect((await gateway.findDeviceStatuses([device.id])).get(device.id)?.kickedAt).toBe(fixture.now)
})
