import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type DeviceId, makeId } from '../../base/ids.ts'
import type { Batch } from '../gateway-side/gateway-store.ts'
import type { Store } from '../open-store.ts'
import type { SendingChanges } from '../sending/sending-change.ts'
import { StoreFixture, type TestNode } from '../store-fixture.ts'
import type { Device } from './devices/device-rows.ts'

const anna = 'anna@example.com'
const DAY_MS = 86_400_000
const OPEN = { maySend: true, senders: null, checksFrom: false, recipientsPerMessage: null, recipientsPerDay: null, sentToday: 0 }
let fixture: StoreFixture
let store: Store
let gateway: TestNode
let device: Device

beforeEach(async () => {
  fixture = new StoreFixture()
  store = await fixture.create()
  gateway = await fixture.openNode()
  await store.mailboxes.add({ address: anna, upstream: 'main' })
  await store.users.add({ login: 'anna' })
  device = (await store.devices.add(anna, { name: 'Phone', user: 'anna' })).device
})
afterEach(() => fixture.remove())

const record = (changes: Partial<Batch>): Promise<void> => gateway.record({ connections: [], activity: [], sessions: [], endedSessions: [], ...changes })
const sentToday = async (id: DeviceId): Promise<Record<string, number>> =>
  Object.fromEntries((await gateway.readSendingTerms(id)).rules.map(rule => [rule.of, rule.sentToday]))

describe('the terms of a device', () => {
  test('are open until somebody sets a rule', async () => {
    expect(await gateway.readSendingTerms(device.id)).toEqual({
      device: device.id,
      own: [],
      rules: [
        { of: 'mailbox', subject: expect.stringMatching(/^mailbox:/), ...OPEN },
        { of: 'user', subject: expect.stringMatching(/^user:/), ...OPEN },
        { of: 'device', subject: `device:${device.id}`, ...OPEN },
      ],
    })
    const { device: other } = await store.devices.add(anna, { name: 'Tablet' })
    expect((await gateway.readSendingTerms(other.id)).rules.map(({ of }) => of)).toEqual(['mailbox', 'device'])
  })

  test('are the rules of mailbox, user and device', async () => {
    await store.sending.set({ mailbox: anna }, { senders: ['own', 'Info@EXAMPLE.com', '*@Bücher.example', 'OWN'], checksFrom: true })
    await store.sending.set({ user: 'ANNA' }, { maySend: false })
    await store.sending.set({ device: `${anna}/phone` }, { recipientsPerMessage: 20, recipientsPerDay: 200 })
    expect((await gateway.readSendingTerms(device.id)).rules).toMatchObject([
      { ...OPEN, of: 'mailbox', senders: ['own', 'info@example.com', '*@xn--bcher-kva.example'], checksFrom: true },
      { ...OPEN, of: 'user', maySend: false },
      { ...OPEN, of: 'device', recipientsPerMessage: 20, recipientsPerDay: 200 },
    ])
    expect((await store.users.get('anna')).maySend).toBe(false)
    expect(await store.sending.get({ mailbox: anna })).toMatchObject({ checksFrom: true })
  })

  test('of a device that is gone are an error, never open', async () => {
    await expect(gateway.readSendingTerms(makeId<DeviceId>())).rejects.toMatchObject({ code: 'NOT_FOUND' })
  })
})

describe('a rule', () => {
  test('changes what is named and leaves the rest; each change moves the generation', async () => {
    const moves = async (changes: SendingChanges): Promise<number> => {
      const before = await gateway.readGeneration()
      await store.sending.set({ device: device.id }, changes)
      return (await gateway.readGeneration()) - before
    }
    expect(await moves({ senders: ['own'] })).toBe(1)
    expect(await moves({ recipientsPerDay: 5 })).toBe(1)
    expect(await moves({ senders: [' OWN '], maySend: true })).toBe(0)
    expect(await moves({ senders: null })).toBe(1)
    expect(await store.sending.get({ device: device.id })).toEqual({ ...OPEN, recipientsPerDay: 5 })
    const rows = (await store.audit.list({ subject: `${anna}/Phone` })).filter(({ action }) => action === 'device.sending')
    expect(rows.map(({ before, after }) => [before, after])).toEqual([
      [{ senders: null }, { senders: ['own'] }],
      [{ recipientsPerDay: null }, { recipientsPerDay: 5 }],
      [{ senders: ['own'] }, { senders: null }],
    ])
  })

  test.each([
    [{ senders: [] }, /empty list/],
    [{ senders: ['example.com'] }, /is no sender: write an address/],
    [{ senders: ['*'] }, /star stands for everything before the @/],
    [{ senders: ['info*@example.com'] }, /star stands for/],
    [{ senders: ['*@'] }, /does not name a domain/],
    [{ senders: ['*@*.example.com'] }, /does not name a domain/],
    [{ senders: ['a@b@c'] }, /is not an e-mail address/],
    [{ senders: Array.from({ length: 101 }, (_, n) => `a${n}@example.com`) }, /at most 100/],
    [{ recipientsPerDay: 0 }, /whole number from 1/],
    [{ recipientsPerMessage: 1.5 }, /whole number from 1/],
  ])('is refused: %j', async (changes, reason) => {
    await expect(store.sending.set({ mailbox: anna }, changes)).rejects.toMatchObject({ code: 'BAD_INPUT', message: expect.stringMatching(reason) })
    expect(await store.sending.get({ mailbox: anna })).toEqual(OPEN)
  })

  test('needs something that it is for', async () => {
    for (const subject of [{ mailbox: 'berta@example.com' }, { user: 'berta' }, { device: 'zzzz' }])
      await expect(store.sending.set(subject, { maySend: false })).rejects.toMatchObject({ code: 'NOT_FOUND' })
    await store.devices.revoke([device.id])
    await expect(store.sending.set({ device: device.id }, { maySend: false })).rejects.toThrow(/is revoked/)
  })

  test('goes with its mailbox and the devices there', async () => {
    await store.sending.set({ mailbox: anna }, { maySend: false })
    await store.sending.set({ device: device.id }, { maySend: false })
    await record({ sent: [{ device: device.id, recipients: 1, at: fixture.now }] })
    await store.mailboxes.remove(anna)
    expect((await fixture.query(`select * from sending_rules`)).rows).toEqual([])
    expect((await fixture.query(`select subject_kind from sent_counts`)).rows).toEqual([{ subject_kind: 'user' }])
  })
})

describe('what was sent', () => {
  test('counts for device, mailbox and user, on the day it was sent (UTC)', async () => {
    const { device: tablet } = await store.devices.add(anna, { name: 'Tablet' })
    const { now } = fixture
    await record({
      sent: [
        { device: device.id, recipients: 3, at: now },
        { device: tablet.id, recipients: 10, at: now },
        { device: device.id, recipients: 2, at: now },
        { device: device.id, recipients: 100, at: now - DAY_MS },
        { device: makeId<DeviceId>(), recipients: 50, at: now },
      ],
    })
    await record({ sent: [{ device: device.id, recipients: 1, at: now }] })
    expect(await sentToday(device.id)).toEqual({ mailbox: 16, user: 6, device: 6 })
    expect(await sentToday(tablet.id)).toEqual({ mailbox: 16, device: 10 })
    expect((await store.sending.get({ mailbox: anna })).sentToday).toBe(16)
    expect((await store.users.list())[0]?.sending.sentToday).toBe(6)
    fixture.now = Math.ceil((now + 1) / DAY_MS) * DAY_MS
    expect(await sentToday(device.id)).toEqual({ mailbox: 0, user: 0, device: 0 })
  })

  test('is forgotten the day after the next', async () => {
    await record({ sent: [{ device: device.id, recipients: 3, at: fixture.now }] })
    const days = async (): Promise<number> => (await fixture.query('select distinct day from sent_counts')).rows.length
    fixture.now += DAY_MS
    await record({})
    expect(await days()).toBe(1)
    fixture.now += DAY_MS
    await record({})
    expect(await days()).toBe(0)
  })
})

test('what upstreams offered is remembered, the latest of each', async () => {
  expect(await gateway.readUpstreamKeywords()).toEqual(new Map())
  const main = new Map([
    ['SIZE', '1000'],
    ['PIPELINING', ''],
    ['__PROTO__', ''],
  ])
  await record({
    keywords: [
      { upstream: 'main', keywords: new Map() },
      { upstream: 'main', keywords: main },
    ],
  })
  await record({ keywords: [{ upstream: '__proto__', keywords: new Map([['DSN', '']]) }] })
  expect(await gateway.readUpstreamKeywords()).toEqual(
    new Map([
      ['__proto__', new Map([['DSN', '']])],
      ['main', main],
    ]),
  )
  expect(await store.sending.learntUpstreams()).toEqual(new Set(['__proto__', 'main']))
})

test('a batch with all of it passes the worker thread', async () => {
  const real = await fixture.openGateway()
  await real.record({
    ...{ connections: [], activity: [], sessions: [], endedSessions: [] },
    sent: [{ device: device.id, recipients: 2, at: fixture.now }],
    keywords: [{ upstream: 'main', keywords: new Map([['SIZE', '']]) }],
  })
  expect((await real.readSendingTerms(device.id)).rules.map(rule => rule.sentToday)).toEqual([2, 2, 2])
  expect((await real.readUpstreamKeywords()).get('main')?.has('SIZE')).toBe(true)
})
