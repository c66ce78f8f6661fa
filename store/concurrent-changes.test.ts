/** Several who change the store at once, each with a connection of its own as each process has: who looks before he inserts must find what is so. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Store } from './open-store.ts'
import { StoreFixture, secret } from './store-fixture.ts'

const anna = 'anna@example.com'
const OTHERS = 4
let fixture: StoreFixture
let stores: Store[]

beforeEach(async () => {
  fixture = new StoreFixture()
  const first = await fixture.create()
  await first.mailboxes.add({ address: anna, upstream: 'main' })
  stores = [first]
  for (let more = 0; more < OTHERS; more++) stores.push(await fixture.open())
})
afterEach(() => fixture.remove())

/** How it ended for each: `done`, or the code of the error. */
async function all(act: (store: Store, index: number) => Promise<unknown>): Promise<string[]> {
  const ends = await Promise.allSettled(stores.map(act))
  return ends.map(end => (end.status === 'fulfilled' ? 'done' : String(end.reason.code ?? end.reason))).sort()
}

const oneDone = ['ALREADY_EXISTS', 'ALREADY_EXISTS', 'ALREADY_EXISTS', 'ALREADY_EXISTS', 'done']

test.each<[string, (store: Store) => Promise<unknown>]>([
  ['the same mailbox', store => store.mailboxes.add({ address: 'new@example.com', upstream: 'main' })],
  ['the same device', store => store.devices.add(anna, { name: 'Phone' })],
  ['the same user', store => store.users.add({ login: 'anna' })],
  ['the same name for devices', async store => store.devices.rename((await store.devices.add(anna, { name: `Phone ${Math.random()}` })).device.id, 'Phone')],
])('%s: one makes it, the others are told that it exists', async (_, act) => {
  expect(await all(act)).toEqual(oneDone)
})

test('the same address for an alias: one mailbox has it', async () => {
  const [first] = stores
  for (let n = 0; n < stores.length; n++) await first?.mailboxes.add({ address: `m${n}@example.com`, upstream: 'main' })
  expect(await all((store, n) => store.aliases.add(`m${n}@example.com`, 'team@example.com'))).toEqual(oneDone)
})

test('different devices: all are made, each with its entry in the audit', async () => {
  expect(await all((store, n) => store.devices.add(anna, { name: `Phone ${n}` }))).toEqual(stores.map(() => 'done'))
  expect(await stores[0]?.devices.count()).toBe(stores.length)
  expect(await stores[0]?.audit.count({ action: 'device.added' })).toBe(stores.length)
})

test('the bound of chosen passwords holds', async () => {
  for (let n = 0; n < 10; n++) await stores[0]?.devices.add(anna, { name: `Chosen ${n}`, password: secret(`a-chosen-password-${n}`) })
  const ends = await all((store, n) => store.devices.add(anna, { name: `More ${n}`, password: secret(`another-password-${n}`) }))
  expect(ends).toEqual(['BAD_INPUT', 'BAD_INPUT', 'BAD_INPUT', 'done', 'done'])
})

test('a migration password begins once', async () => {
  const until = fixture.now + 1_000_000
  expect(await all(store => store.mailboxes.set(anna, { migrationPasswordUntil: until }))).toEqual(stores.map(() => 'done'))
  expect(await stores[0]?.audit.count({ mailbox: anna, action: 'mailbox.changed' })).toBe(1)
})

test('a mailbox that is removed while devices are added leaves no device behind', async () => {
  const ends = await all((store, n) => (n === 0 ? store.mailboxes.remove(anna) : store.devices.add(anna, { name: `Phone ${n}` })))
  expect(ends).toContain('done')
  expect(ends.filter(end => end !== 'done' && end !== 'NOT_FOUND')).toEqual([])
  expect(await stores[0]?.devices.count({ revoked: true })).toBe(0)
  const { rows } = await fixture.query('select count(*) as n from devices')
  expect(Number(rows[0]?.['n'])).toBe(0)
})

test('each change moves the generation by one', async () => {
  const node = await fixture.openNode()
  for (let n = 0; n < stores.length; n++) await stores[0]?.devices.add(anna, { name: `Phone ${n}` })
  const before = await node.readGeneration()
  await all((store, n) => store.devices.revoke([`${anna}/Phone ${n}`]))
  expect(await node.readGeneration()).toBe(before + stores.length)
})
