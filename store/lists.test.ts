import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type DeviceId, makeId, type SessionId } from '../base/ids.ts'
import type { Batch } from './gateway-side/gateway-store.ts'
import type { Store } from './open-store.ts'
import { listAll, type Page } from './schema/keyset.ts'
import { StoreFixture, secret, type TestNode } from './store-fixture.ts'

const DAY_MS = 86_400_000
let fixture: StoreFixture
let store: Store

beforeEach(async () => {
  fixture = new StoreFixture()
  store = await fixture.create()
})
afterEach(() => fixture.remove())

/** All rows, page by page, and how many pages it took. */
async function turn<Row>(read: (after: string | undefined) => Promise<Page<Row>>): Promise<{ rows: Row[]; pages: number }> {
  const rows: Row[] = []
  let after: string | undefined
  for (let pages = 1; ; pages++) {
    const page = await read(after)
    rows.push(...page.rows)
    if (page.next === null) return { rows, pages }
    after = page.next
  }
}

const record = (node: TestNode, more: Partial<Batch>) => node.record({ connections: [], activity: [], sessions: [], endedSessions: [], ...more })
const connection = (device: DeviceId, at: number) => ({ device, at, ip: '192.0.2.1', protocol: 'imap' as const, app: null, tls: null })
const sessionOf = (device: DeviceId, since = 1) => ({
  id: makeId<SessionId>(),
  device,
  protocol: 'imap' as const,
  ip: '192.0.2.1',
  app: null,
  since,
  bytesIn: 0,
  bytesOut: 0,
})

describe('mailboxes', () => {
  const addresses = ['b@two.example', 'a@one.example', 'c@one.example', 'd@two.example', 'e@one.example']
  beforeEach(async () => {
    for (const [index, address] of addresses.entries()) {
      fixture.now += 1_000
      await store.mailboxes.add({ address, upstream: index === 0 ? 'other' : 'main', ...(index < 2 ? { secret: secret('upstream-marker') } : {}) })
    }
  })
  const list = async (filter = {}) => (await store.mailboxes.list(filter)).map(({ address }) => address)

  test('pages follow each other without a row twice or missing, whatever comes and goes meanwhile', async () => {
    const first = await store.mailboxes.page({ limit: 2 })
    expect(first.rows.map(({ address }) => address)).toEqual(['a@one.example', 'b@two.example'])
    await store.mailboxes.add({ address: 'aa@one.example', upstream: 'main' })
    await store.mailboxes.remove('b@two.example')
    const { rows, pages } = await turn(after => store.mailboxes.page({ limit: 2, after: after ?? first.next ?? '' }))
    expect(rows.map(({ address }) => address)).toEqual(['c@one.example', 'd@two.example', 'e@one.example'])
    expect(pages).toBe(2)
  })

  test('are sorted by address or by age, and a page of one order is none of the other', async () => {
    const { rows } = await turn(after => store.mailboxes.page({ limit: 2, sort: 'created', after }))
    expect(rows.map(({ address }) => address)).toEqual(addresses.toReversed())
    const { next } = await store.mailboxes.page({ limit: 2 })
    await expect(store.mailboxes.page({ limit: 2, sort: 'created', after: next ?? '' })).rejects.toMatchObject({ code: 'BAD_INPUT' })
  })

  test.each(['', 'x', Buffer.from('{}').toString('base64url'), Buffer.from('["address",{}]').toString('base64url'), 'A'.repeat(10_000)])(
    'a place to go on from that nobody gave is refused: %s',
    async after => {
      await expect(store.mailboxes.page({ after })).rejects.toMatchObject({ code: 'BAD_INPUT' })
    },
  )

  test('are filtered by domain, part of the address, upstream, state and secret, and counted so', async () => {
    await store.mailboxes.set('c@one.example', { state: 'disabled' })
    const one = { within: { domains: ['one.example'] } }
    expect(await list(one)).toEqual(['a@one.example', 'c@one.example', 'e@one.example'])
    expect(await list({ ...one, state: 'disabled' })).toEqual(['c@one.example'])
    expect(await list({ ...one, search: 'E@' })).toEqual(['e@one.example'])
    expect(await list({ search: '%' })).toEqual([])
    await store.mailboxes.set('d@two.example', { note: 'The workshop, 2nd floor' })
    await store.aliases.add('e@one.example', 'workshop@one.example')
    expect(await list({ search: 'WORKSHOP' })).toEqual(['d@two.example', 'e@one.example'])
    expect(await list({ within: {} })).toEqual([])
    const [own] = (await store.mailboxes.page({ limit: 1 })).rows
    expect(await list({ within: { domains: ['two.example'], addresses: [own?.address ?? ''] } })).toEqual(['a@one.example', 'b@two.example', 'd@two.example'])
    expect(await list({ upstream: 'other' })).toEqual(['b@two.example'])
    expect(await list({ hasSecret: true })).toEqual(['a@one.example', 'b@two.example'])
    expect(await store.mailboxes.count({ hasSecret: false })).toBe(3)
    expect(await store.mailboxes.count()).toBe(5)
    expect(await store.mailboxes.countByUpstream()).toEqual(
      new Map([
        ['main', 4],
        ['other', 1],
      ]),
    )
  })

  test('are found by whether they have devices, who is connected, and who has been quiet', async () => {
    const node = await fixture.openNode()
    const add = async (address: string) => (await store.devices.add(address, { name: 'Phone' })).device.id
    const [quiet, busy, revoked] = [await add('a@one.example'), await add('b@two.example'), await add('c@one.example')]
    await store.devices.revoke([revoked])
    fixture.now += 100 * DAY_MS
    await add('d@two.example')
    await record(node, { connections: [connection(quiet, fixture.now - 95 * DAY_MS), connection(busy, fixture.now - DAY_MS)], sessions: [sessionOf(busy)] })
    expect(await list({ hasDevices: false })).toEqual(['c@one.example', 'e@one.example'])
    expect(await list({ isConnected: true })).toEqual(['b@two.example'])
    expect(await list({ quietSince: fixture.now - 90 * DAY_MS })).toEqual(['a@one.example'])
    const [, listed] = (await store.mailboxes.page()).rows
    expect(listed).toMatchObject({ address: 'b@two.example', devices: 1, sessions: 1, lastConnectionAt: fixture.now - DAY_MS })
  })

  test('make up domains, each with its number', async () => {
    const { rows } = await turn(after => store.mailboxes.domains({ limit: 1, after }))
    expect(rows).toEqual([
      { domain: 'one.example', mailboxes: 3 },
      { domain: 'two.example', mailboxes: 2 },
    ])
    expect((await store.mailboxes.domains({ within: { domains: ['two.example'] } })).rows).toEqual([{ domain: 'two.example', mailboxes: 2 }])
    expect((await store.mailboxes.domains({ search: 'ONE' })).rows).toHaveLength(1)
  })
})

describe('devices', () => {
  beforeEach(async () => {
    for (const address of ['anna@one.example', 'ben@two.example']) {
      await store.mailboxes.add({ address, upstream: 'main' })
      for (const name of ['Phone', 'Laptop', 'tablet']) await store.devices.add(address, { name })
    }
  })
  const names = (devices: readonly { readonly mailbox: string; readonly name: string }[]) => devices.map(({ mailbox, name }) => `${mailbox}/${name}`)

  test('pages go by address and name, also between mailboxes and past a name that was used before', async () => {
    await store.devices.revoke(['anna@one.example/Phone'])
    fixture.now += 1
    await store.devices.add('anna@one.example', { name: 'Phone' })
    const { rows, pages } = await turn(after => store.devices.page({ limit: 2, after, filter: { revoked: true } }))
    expect(names(rows)).toEqual([
      'anna@one.example/Laptop',
      'anna@one.example/Phone',
      'anna@one.example/Phone',
      'anna@one.example/tablet',
      'ben@two.example/Laptop',
      'ben@two.example/Phone',
      'ben@two.example/tablet',
    ])
    expect(pages).toBe(4)
    expect(await store.devices.count()).toBe(6)
  })

  test('the latest connection comes first, those without any last', async () => {
    const node = await fixture.openNode()
    const [laptop, phone] = await store.devices.list({ mailbox: 'anna@one.example' })
    if (laptop === undefined || phone === undefined) throw new Error('no devices')
    await record(node, { connections: [connection(laptop.id, fixture.now - 5), connection(phone.id, fixture.now)], sessions: [sessionOf(phone.id)] })
    const { rows } = await turn(after => store.devices.page({ limit: 2, sort: 'last-connection', after }))
    expect(names(rows).slice(0, 2)).toEqual(['anna@one.example/Phone', 'anna@one.example/Laptop'])
    expect(rows).toHaveLength(6)
    expect(names(await store.devices.list({ isConnected: true }))).toEqual(['anna@one.example/Phone'])
    expect(await store.devices.count({ isConnected: false })).toBe(5)
  })

  test('are filtered by mailbox, name, state and end', async () => {
    await store.devices.disable('ben@two.example/Phone')
    await store.devices.set('ben@two.example/tablet', { expiresAt: fixture.now + DAY_MS })
    const two = { within: { domains: ['two.example'] } }
    expect(names(await store.devices.list({ ...two, search: 'PHO' }))).toEqual(['ben@two.example/Phone'])
    expect(names(await store.devices.list({ state: 'disabled' }))).toEqual(['ben@two.example/Phone'])
    expect(names(await store.devices.list({ endsBefore: fixture.now + 2 * DAY_MS }))).toEqual(['ben@two.example/tablet'])
    expect(await store.devices.count({ endsBefore: fixture.now + DAY_MS })).toBe(0)
  })
})

test('users: pages, part of login or name, state, right to send, mailboxes', async () => {
  await store.mailboxes.add({ address: 'anna@one.example', upstream: 'main' })
  for (const login of ['cleo', 'anna', 'ben']) await store.users.add({ login, name: `${login} Example` })
  await store.users.set('ben', { maySend: false })
  await store.users.block('cleo')
  await store.devices.add('anna@one.example', { name: 'Phone', user: 'anna' })
  const { rows, pages } = await turn(after => store.users.page({ limit: 1, after }))
  expect(rows.map(({ login, devices }) => [login, devices])).toEqual([
    ['anna', 1],
    ['ben', 0],
    ['cleo', 0],
  ])
  expect(pages).toBe(3)
  const logins = async (filter: object) => (await store.users.list(filter)).map(({ login }) => login)
  expect(await logins({ search: 'EO EX' })).toEqual(['cleo'])
  expect(await logins({ state: 'blocked' })).toEqual(['cleo'])
  expect(await logins({ maySend: false })).toEqual(['ben'])
  expect(await logins({ maySend: true })).toEqual(['anna', 'cleo'])
  const newest = await turn(after => store.users.page({ limit: 1, sort: 'created', after }))
  expect(newest.rows.map(({ createdAt }) => createdAt)).toEqual(newest.rows.map(({ createdAt }) => createdAt).sort((a, b) => b - a))
  expect(newest.rows).toHaveLength(3)
  expect(await logins({ within: { domains: ['one.example'] } })).toEqual(['anna'])
  expect(await store.users.count({ sends: { maySend: true }, all: {} }, undefined)).toEqual({ sends: 2, all: 3 })
})

test('sessions: pages of those that live, by mailbox and protocol; a kick finds one among many', async () => {
  await store.mailboxes.add({ address: 'anna@one.example', upstream: 'main' })
  await store.mailboxes.add({ address: 'ben@two.example', upstream: 'main' })
  const { device: phone } = await store.devices.add('anna@one.example', { name: 'Phone' })
  const { device: laptop } = await store.devices.add('ben@two.example', { name: 'Laptop' })
  const node = await fixture.openNode()
  const rows = [...Array.from({ length: 5 }, (_, since) => sessionOf(phone.id, since)), { ...sessionOf(laptop.id, 9), protocol: 'submission' as const }]
  await record(node, { sessions: rows })
  const turned = await turn(after => store.sessions.page({ limit: 2, after }))
  expect(turned.rows.map(({ id }) => id)).toEqual(rows.map(({ id }) => id))
  expect(turned.pages).toBe(3)
  const byMailbox = await turn(after => store.sessions.page({ limit: 2, sort: 'mailbox', after }))
  expect(byMailbox.rows.map(({ mailbox }) => mailbox)).toEqual(turned.rows.map(({ mailbox }) => mailbox).sort())
  expect(await store.sessions.count({ within: { domains: ['one.example'] } })).toBe(5)
  expect(await store.sessions.list({ protocol: 'submission' })).toMatchObject([{ mailbox: 'ben@two.example' }])
  expect(await store.sessions.kick({ ids: [rows[2]?.id ?? ''] })).toEqual({ sessions: 1 })
  expect(await node.findKickedSessions()).toEqual([rows[2]?.id])
  for (const ref of ['', '%', 'z!', '{']) await expect(store.sessions.kick({ ids: [ref] })).rejects.toMatchObject({ code: 'NOT_FOUND' })
  // A node that has been silent for long has no sessions any more.
  fixture.now += 60_000
  expect(await store.sessions.count()).toBe(0)
})

test('activity and audit: pages newest first, within a set of mailboxes, between two times', async () => {
  await store.mailboxes.add({ address: 'anna@one.example', upstream: 'main' })
  await store.mailboxes.add({ address: 'ben@two.example', upstream: 'main' })
  const node = await fixture.openNode()
  const tries = ['anna@one.example', 'ben@two.example', 'nobody@one.example'].map((address, index) => ({
    at: fixture.now + index,
    address,
    device: null,
    result: index === 1 ? 'ok' : 'wrong-secret',
    protocol: 'imap' as const,
    ip: '192.0.2.1',
    app: null,
  }))
  await record(node, { activity: tries })
  const turned = await turn(after => store.activity.page({ limit: 1, after }))
  expect(turned.rows.map(({ address }) => address)).toEqual(['nobody@one.example', 'ben@two.example', 'anna@one.example'])
  expect((await store.activity.page({ filter: { within: { domains: ['one.example'] } } })).rows).toMatchObject([{ address: 'anna@one.example' }])
  expect(await store.activity.count({ results: ['wrong-secret'] })).toBe(2)
  expect(await store.activity.count({ since: fixture.now + 1, until: fixture.now + 2 })).toBe(1)

  fixture.now += 1_000
  await store.devices.add('anna@one.example', { name: 'Phone' })
  const audit = await turn(after => store.audit.page({ limit: 2, after }))
  expect(audit.rows.map(({ action }) => action)).toEqual(['device.added', 'mailbox.added', 'mailbox.added', 'store.created'])
  expect(await store.audit.count({ within: { domains: ['one.example'] } })).toBe(2)
  expect(await store.audit.count({ until: fixture.now })).toBe(3)
})

test('more than memory should hold at once is read in parts, none twice', async () => {
  const count = 10_001
  const n = `with recursive n(i) as (select 1 union all select i + 1 from n where i < ${count})`
  await fixture.query(
    `insert into failure_counts (kind, subject, count, expires_at, revision) ${n} select 'block', '10.' || i, 5 + i % 3, ${fixture.now + DAY_MS}, i from n`,
  )
  const limits = await listAll(store.limits.all())
  expect(new Set(limits.map(({ block }) => block)).size).toBe(count)
  expect(limits.map(({ failures }) => failures)).toEqual(limits.map(({ failures }) => failures).sort((a, b) => b - a))
  expect(await listAll(store.limits.all(7))).toEqual(limits.slice(0, 7))
})

test('migration passwords: of one domain, upstream or state, and so many of them', async () => {
  for (const [index, address] of ['a@one.example', 'b@one.example', 'c@two.example'].entries())
    await store.mailboxes.add({ address, upstream: index === 0 ? 'other' : 'main', migrationPasswordUntil: fixture.now + DAY_MS })
  await store.mailboxes.set('b@one.example', { state: 'disabled' })
  const addresses = async (filter = {}, most?: number) => (await listAll(store.migrationPasswords.all(filter, most))).map(({ address }) => address)
  expect(await addresses()).toEqual(['a@one.example', 'b@one.example', 'c@two.example'])
  expect(await addresses({}, 2)).toEqual(['a@one.example', 'b@one.example'])
  expect(await addresses({ domain: 'one.example' })).toEqual(['a@one.example', 'b@one.example'])
  expect(await addresses({ domain: 'one.example', upstream: 'other' })).toEqual(['a@one.example'])
  expect(await addresses({ state: 'disabled' })).toEqual(['b@one.example'])
})
