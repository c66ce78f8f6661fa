/** Lists are read in other ways where there is much: whichever way is taken, they say the same. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { DeviceId } from '../base/ids.ts'
import { parseCidr, rangesOf } from '../base/network.ts'
import type { Store } from './open-store.ts'
import { listAll, type Page } from './schema/keyset.ts'
import { StoreFixture } from './store-fixture.ts'

const [BIG, SMALL] = ['big.example', 'small.example']
const ADDRESSES = [`box1@${BIG}`, `box@${SMALL}`] as const

let fixture: StoreFixture
let store: Store
const devices: DeviceId[] = []

beforeEach(async () => {
  fixture = new StoreFixture()
  store = await fixture.create()
  devices.length = 0
  // One in six hundred is a small share, and the others a large one.
  await fixture.query(
    `with recursive n(i) as (select 1 union all select i + 1 from n where i < 600)
     insert into mailboxes (id, address, domain, upstream, state, created_at) select 'm' || i, 'box' || i || '@${BIG}', '${BIG}', 'main', 'active', i from n`,
  )
  await store.mailboxes.add({ address: ADDRESSES[1], upstream: 'main' })
  for (const [index, address] of ADDRESSES.entries()) {
    const user = `person${index}`
    await store.users.add({ login: user })
    devices.push((await store.devices.add(address, { name: `Phone ${index}`, user })).device.id)
    await store.devices.add(address, { name: `Laptop ${index}` })
  }
  const node = await fixture.openNode()
  const attempt = { protocol: 'imap' as const, app: null, device: null }
  await node.record({
    connections: devices.map((device, index) => ({ device, at: fixture.now + index, ip: '192.0.2.1', protocol: 'imap', app: null, tls: null })),
    activity: ADDRESSES.flatMap((address, index) => [
      { ...attempt, address, device: devices[index] ?? null, at: fixture.now + index, result: 'ok', ip: `192.0.2.${index}` },
      { ...attempt, address, at: fixture.now + 10 + index, result: 'wrong-secret', ip: `2001:db8:${index}::7` },
    ]),
    sessions: [],
    endedSessions: [],
  })
})
afterEach(() => fixture.remove())

/** All of them, page by page of one. */
async function turn<Row>(read: (request: { readonly after: string | undefined; readonly limit: number }) => Promise<Page<Row>>): Promise<Row[]> {
  const rows: Row[] = []
  let after: string | undefined
  do {
    const page = await read({ after, limit: 1 })
    rows.push(...page.rows)
    after = page.next ?? undefined
  } while (after !== undefined)
  return rows
}

test.each([
  [BIG, 0],
  [SMALL, 1],
] as const)('what lies within %s', async (domain, index) => {
  const within = { domains: [domain] }
  const address = ADDRESSES[index]
  expect((await turn(request => store.devices.page({ ...request, filter: { within } }))).map(({ name }) => name)).toEqual([`Laptop ${index}`, `Phone ${index}`])
  const byConnection = await turn(request => store.devices.page({ ...request, sort: 'last-connection', filter: { within } }))
  expect(byConnection.map(({ name }) => name)).toEqual([`Phone ${index}`, `Laptop ${index}`])
  expect((await turn(request => store.activity.page({ ...request, filter: { within } }))).map(({ result }) => result)).toEqual(['wrong-secret', 'ok'])
  expect(await store.activity.count({ within, isRefused: true })).toBe(1)
  const changes = await turn(request => store.audit.page({ ...request, filter: { within } }))
  expect(changes.filter(({ action }) => action === 'device.added').map(({ subject }) => subject)).toEqual([
    `${address}/Laptop ${index}`,
    `${address}/Phone ${index}`,
  ])
  expect((await turn(request => store.users.page({ ...request, filter: { within } }))).map(({ login }) => login)).toEqual([`person${index}`])
  expect(await store.users.count({ all: {}, none: { state: 'blocked' } }, within)).toEqual({ all: 1, none: 0 })
  const whole = { within, orBy: 'nobody' }
  expect(await store.audit.count(whole)).toBe(await store.audit.count({ within }))
})

test('devices of all: by address, and by the latest connection with those that have none last', async () => {
  const names = async (sort: 'mailbox' | 'last-connection') => (await turn(request => store.devices.page({ ...request, sort }))).map(({ name }) => name)
  expect(await names('mailbox')).toEqual(['Laptop 0', 'Phone 0', 'Laptop 1', 'Phone 1'])
  const sorted = await names('last-connection')
  expect(sorted.slice(0, 2)).toEqual(['Phone 1', 'Phone 0'])
  expect(sorted.slice(2).sort()).toEqual(['Laptop 0', 'Laptop 1'])
  expect((await store.devices.page({ sort: 'last-connection', limit: 4 })).next).toBeNull()
})

test('a part of a name, in capitals or not, of few or of nearly all', async () => {
  const find = async (search: string) => (await store.devices.list({ search })).map(({ name }) => name)
  expect(await find('PHONE 0')).toEqual(['Phone 0'])
  expect(await find('%')).toEqual([])
  const mailboxes = async (search: string) => (await turn(request => store.mailboxes.page({ ...request, limit: 400, filter: { search } }))).length
  expect(await mailboxes('BOX@')).toBe(1)
  expect(await mailboxes('box')).toBe(601)
  expect(await mailboxes('nothing')).toBe(0)
})

test('attempts from a network', async () => {
  const from = async (network: string) => (await store.activity.page({ filter: { from: rangesOf(parseCidr(network)) } })).rows.map(({ ip }) => ip)
  expect(await from('192.0.2.0/24')).toEqual(['192.0.2.1', '192.0.2.0'])
  expect(await from('192.0.2.0/31')).toEqual(['192.0.2.1', '192.0.2.0'])
  expect(await from('192.0.2.1/32')).toEqual(['192.0.2.1'])
  expect(await from('192.0.0.0/22')).toEqual(['192.0.2.1', '192.0.2.0'])
  expect(await from('192.1.0.0/16')).toEqual([])
  expect(await from('2001:db8:1::/48')).toEqual(['2001:db8:1::7'])
  expect(await from('0.0.0.0/0')).toHaveLength(4)
})

test('what each domain has is counted in steps', async () => {
  const { sums, next } = await store.mailboxes.sumDomains({ after: undefined, quietSince: 0, endsBefore: 0 })
  expect(next).toBeNull()
  expect(sums.map(({ domain, devices: n, lastConnectionAt }) => [domain, n, lastConnectionAt])).toEqual([
    [BIG, 2, fixture.now],
    [SMALL, 2, fixture.now + 1],
  ])
  const rest = await store.mailboxes.sumDomains({ after: { domain: BIG, address: '~' }, quietSince: 0, endsBefore: 0 })
  expect(rest.sums.map(({ domain }) => domain)).toEqual([SMALL])
  expect(await store.mailboxes.sumConnected(undefined)).toEqual({ sums: [], next: null })
})

test('who made devices, of those that are asked for', async () => {
  const makers = await store.audit.makersOf(devices)
  expect(new Set(makers.keys())).toEqual(new Set(devices))
  expect(await listAll(store.audit.all({ mailbox: ADDRESSES[1] }))).toHaveLength(3)
  expect(await store.audit.count({ subject: `BOX@${SMALL}/phone 1` })).toBe(1)
})
