/**
 * How SQLite answers each list, with every filter, order and reach: never by a look through a table of many rows. What it may do: go through an index
 * in the order of the list until a page is full, and look for a part of a name in an index of names.
 */
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import type { UserId } from '../../base/ids.ts'
import { parseCidr, rangesOf } from '../../base/network.ts'
import type { DeviceSet } from '../accounts/mailbox-set.ts'
import type { Store } from '../open-store.ts'
import type { Page } from '../schema/keyset.ts'
import { StoreFixture } from '../store-fixture.ts'
import { SqliteConnection } from './sqlite-connection.ts'

/** Those that grow with the number of mailboxes, devices, logins and changes. */
const LONG = ['mailboxes', 'aliases', 'devices', 'last_connections', 'activity', 'audit', 'sessions', 'users', 'rights', 'invitations', 'here', 'earlier']
const BIG = 'big.example'
const SMALL = 'small.example'
const BOX = `box1@${BIG}`

let fixture: StoreFixture
let store: Store

beforeAll(async () => {
  fixture = new StoreFixture()
  store = await fixture.create()
  await store.users.add({ login: 'anna' })
  await store.mailboxes.add({ address: `box@${SMALL}`, upstream: 'main' })
  // So many that the small domain is a small part of them.
  await fixture.query(
    `with recursive n(i) as (select 1 union all select i + 1 from n where i < 600)
     insert into mailboxes (id, address, domain, upstream, state, created_at) select 'm' || i, 'box' || i || '@${BIG}', '${BIG}', 'main', 'active', i from n`,
  )
  await fixture.query(
    `insert into devices (id, mailbox_id, name, name_key, state, kind, phc, tag, bucket, scopes, allow_from, password_version, created_at, password_changed_at)
     select 'd' || id, id, 'phone', 'phone', 'active', 'generated', '', x'', 1, 'imap', '', 1, 1, 1 from mailboxes`,
  )
})
afterAll(() => fixture.remove())

const REACHES: Readonly<Record<string, DeviceSet | undefined>> = {
  all: undefined,
  'a large domain': { domains: [BIG] },
  'a small domain': { domains: [SMALL] },
  'one mailbox': { addresses: [BOX] },
  'own devices': { addresses: [], own: { user: 'u' as UserId, addresses: [BOX] } },
}

interface List {
  readonly filters: readonly object[]
  readonly sorts?: readonly string[]
  /** Of whole mailboxes only. */
  readonly hasNoOwn?: true
  read(input: { readonly filter: object; readonly sort?: string; readonly after?: string }): Promise<Page<unknown>>
}

const LISTS: Readonly<Record<string, List>> = {
  mailboxes: {
    filters: [
      {},
      { domain: BIG },
      { search: 'box' },
      { search: 'nothing' },
      { domain: BIG, search: 'nothing' },
      { state: 'disabled' },
      { domain: BIG, state: 'disabled' },
      { hasSecret: true },
      { domain: BIG, hasDevices: false },
      { domain: BIG, isConnected: true },
      { isConnected: false },
      { domain: BIG, quietSince: 5 },
      { upstream: 'main' },
    ],
    sorts: ['address', 'created'],
    hasNoOwn: true,
    read: input => store.mailboxes.page(input as never),
  },
  devices: {
    filters: [
      {},
      { mailbox: BOX },
      { user: 'anna' },
      { search: 'phone' },
      { search: 'nothing', revoked: true },
      { state: 'disabled' },
      { unusedSince: 5 },
      { endsBefore: Number.MAX_SAFE_INTEGER },
      { isConnected: true },
      { isConnected: false },
      { mailbox: BOX, revoked: true, search: 'phone' },
    ],
    sorts: ['mailbox', 'last-connection'],
    read: input => store.devices.page(input as never),
  },
  activity: {
    filters: [
      {},
      { mailbox: BOX },
      { results: ['ok'] },
      { isRefused: true },
      { isUnreachable: true, since: 1 },
      { since: 1, until: 2 },
      { endedBefore: 5 },
      { from: rangesOf(parseCidr('192.0.2.0/24')) },
      { from: rangesOf(parseCidr('2001:db8::/32')), isRefused: true },
      { anyOf: { addresses: [BOX], devices: ['d1'] } },
      { anyOf: { addresses: [], devices: [] }, since: 1 },
      { mailbox: BOX, isRefused: true, since: 1 },
    ],
    read: input => store.activity.page(input as never),
  },
  audit: {
    filters: [{}, { mailbox: BOX }, { subject: `${BOX}/Phone` }, { since: 1, until: 2 }, { action: 'device' }, { mailbox: BOX, action: 'device.added' }],
    hasNoOwn: true,
    read: ({ filter, after }) => store.audit.page({ after, filter: { ...filter, ...('within' in filter && { orBy: 'anna' }) } }),
  },
  sessions: { filters: [{}, { mailbox: BOX }, { protocol: 'imap' }], read: input => store.sessions.page(input as never) },
  users: {
    filters: [{}, { search: 'anna' }, { state: 'blocked' }, { maySend: false }, { role: 'admin' }, { isWithoutFactor: true }],
    hasNoOwn: true,
    read: input => store.users.page(input as never),
  },
  invitations: {
    filters: [{}, { stage: 'open' }, { kind: 'device', stage: 'accepted' }, { stage: 'ended' }, { state: 'revoked' }, { mailbox: BOX }, { user: 'anna' }],
    hasNoOwn: true,
    read: input => store.invitations.page(input as never),
  },
}

const CASES = Object.entries(LISTS).flatMap(([list, { filters, sorts = [undefined], hasNoOwn }]) =>
  Object.keys(REACHES)
    .filter(reach => hasNoOwn === undefined || reach !== 'own devices')
    .flatMap(reach => sorts.map(sort => ({ list, reach, sort, filters }))),
)

test.each(CASES)('$list, $reach, by $sort', async ({ list, reach, sort, filters }) => {
  const within = REACHES[reach]
  const wrong: string[] = []
  for (const filter of filters) {
    const statements = await recorded(async () => {
      const input = { filter: { ...filter, ...(within !== undefined && { within }) }, ...(sort !== undefined && { sort }) }
      const { read } = LISTS[list] as List
      const { next } = await read(input)
      if (next !== null) await read({ ...input, after: next })
    })
    for (const statement of statements) for (const step of await findSlowSteps(statement)) wrong.push(`${JSON.stringify(filter)}: ${step}\n  ${statement}`)
  }
  expect(wrong).toEqual([])
})

test.each([
  ['the people of a small domain', 'devices_linked', () => store.users.page({ filter: { within: { domains: [SMALL] } } })],
  ['how many people of a domain there are', 'devices_linked', () => store.users.count({ all: {} }, { domains: [BIG] })],
  ['which servers could not be reached of late', 'activity_unreachable', () => store.activity.page({ filter: { isUnreachable: true, since: 1 } })],
])('%s: an index made for it, %s', async (_, index, read) => {
  const statements = await recorded(async () => void (await read()))
  const plans: string[] = []
  for (const statement of statements) plans.push(...(await planOf(statement)))
  expect(plans.join('\n')).toContain(index)
})

async function recorded(act: () => Promise<void>): Promise<string[]> {
  const prepare = vi.spyOn(SqliteConnection.prototype, 'prepare')
  try {
    await act()
    return prepare.mock.calls.map(([text]) => text).filter(text => text.startsWith('select'))
  } finally {
    prepare.mockRestore()
  }
}

async function findSlowSteps(statement: string): Promise<string[]> {
  // What is never true is not looked for.
  if (/ 1 = 0 /.test(statement)) return []
  const steps = await planOf(statement)
  const isSorted = steps.some(step => step.startsWith('USE TEMP B-TREE FOR ORDER BY'))
  return steps.filter(step => {
    const [, table = '', index] = /^SCAN (\w+)(?: USING (?:COVERING )?INDEX (\w+))?/.exec(step) ?? []
    // Only their names and notes say whether a part of one is in them.
    if (!LONG.includes(table) || (table === 'aliases' && / like \? /.test(statement))) return false
    // Until a page is full, or enough is found. Rows of devices are long, and so are many of them.
    return isSorted || !/ limit \?/.test(statement) || (index === undefined && table === 'devices')
  })
}

async function planOf(statement: string): Promise<string[]> {
  const { rows } = await fixture.query(
    `explain query plan ${statement}`,
    Array.from(statement.matchAll(/\?/g), () => null),
  )
  return rows.map(({ detail }) => String(detail))
}
