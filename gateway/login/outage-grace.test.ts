/** Who is let in while the database is away, and who is not. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { MailwicketError } from '../../base/errors.ts'
import type { DeviceId } from '../../base/ids.ts'
import type { Secret } from '../../base/secret.ts'
import type { GatewayStore } from '../../store/gateway-side/gateway-store.ts'
import type { Store } from '../../store/open-store.ts'
import { normaliseSecret } from '../../store/passwords/app-password.ts'
import type { LoginRecord } from '../../store/schema/login-record.ts'
import { StoreFixture, secret } from '../../store/store-fixture.ts'
import { OutageGrace } from './outage-grace.ts'

const anna = 'anna@example.com'
const GRACE_MS = 600_000

let fixture: StoreFixture
let store: Store
let grace: OutageGrace
let failure: MailwicketError | undefined
let elapsedMs: number
let password: Secret
let device: DeviceId

beforeEach(async () => {
  fixture = new StoreFixture()
  store = await fixture.create()
  await store.mailboxes.add({ address: anna, upstream: 'main' })
  await store.users.add({ login: 'anna' })
  const added = await store.devices.add(anna, { name: 'Phone', user: 'anna' })
  device = added.device.id
  password = normaliseSecret(added.password)
  const node = await fixture.openNode()
  failure = undefined
  elapsedMs = 0
  const fallible = new Proxy(node, {
    get: (target, name: keyof typeof node) => {
      const method = target[name]
      return typeof method !== 'function'
        ? method
        : async (...given: never[]) => (failure === undefined ? (method as (...given: never[]) => unknown)(...given) : Promise.reject(failure))
    },
  }) as unknown as GatewayStore
  grace = new OutageGrace(fallible, GRACE_MS, () => elapsedMs)
  await look()
})
afterEach(() => fixture.remove())

const away = new MailwicketError('STORE_UNAVAILABLE', { message: 'nobody there' })
/** What the process does when it sees that the generation moved. */
const look = async () => grace.follow(await grace.store.readGeneration())

async function logIn(found?: LoginRecord): Promise<LoginRecord | undefined> {
  const record = found ?? (await grace.store.findLogin(anna, password))
  const [proved] = record?.devices ?? []
  if (record !== undefined && proved !== undefined) grace.remember(anna, password, { ...record, device: proved })
  return record
}

describe('while the database is away', () => {
  test('whoever was let in is so again, by what was read then, until the time is over; it does not begin anew', async () => {
    const before = await logIn()
    failure = away
    elapsedMs = GRACE_MS - 1
    const again = await logIn()
    expect(again).toEqual(before)
    expect(grace.isFromMemory(again?.devices[0] ?? expect.fail())).toBe(true)
    expect(await grace.store.readGeneration()).toBe(before?.generation)
    elapsedMs = GRACE_MS
    await expect(grace.store.findLogin(anna, password)).rejects.toBe(away)
  })

  test('every other secret and address is told "later", never "wrong"', async () => {
    await logIn()
    failure = away
    await expect(grace.store.findLogin(anna, secret('another secret, long enough'))).rejects.toBe(away)
    await expect(grace.store.findLogin('bert@example.com', password)).rejects.toBe(away)
  })

  test('what it may send is what was read last; of others nothing is known', async () => {
    await logIn()
    await store.sending.set({ mailbox: anna }, { recipientsPerDay: 3 })
    const terms = await grace.store.readSendingTerms(device)
    failure = away
    expect(await grace.store.readSendingTerms(device)).toEqual(terms)
    await expect(grace.store.readSendingTerms('other' as DeviceId)).rejects.toBe(away)
  })

  test('a database that answers, if only to say that it is damaged, is believed', async () => {
    await logIn()
    failure = new MailwicketError('STORE_DAMAGED', { message: 'rubbish' })
    await expect(grace.store.findLogin(anna, password)).rejects.toBe(failure)
  })

  test('nobody is let in whose login is older than the last look at what changed', async () => {
    const read = await grace.store.findLogin(anna, password)
    await store.devices.revoke([device])
    await look()
    await logIn(read)
    failure = away
    await expect(grace.store.findLogin(anna, password)).rejects.toBe(away)
  })
})

describe('what was changed before is known', () => {
  test.each<readonly [string, () => Promise<unknown>]>([
    ['the device revoked', () => store.devices.revoke([device])],
    ['the device disabled', () => store.devices.disable(device)],
    ['a new password', () => store.devices.setPassword(device)],
    ['fewer networks', () => store.devices.set(device, { allowFrom: ['192.0.2.0/24'] })],
    ['the mailbox disabled', () => store.mailboxes.set(anna, { state: 'disabled' })],
    ['the mailbox removed', () => store.mailboxes.remove(anna)],
    ['the user blocked', () => store.users.block('anna')],
    ['a kick', () => store.sessions.kick({ mailbox: anna })],
    [
      'something that this version does not know',
      () => fixture.query(`insert into audit (at, actor, source, action, subject) values (1, 'a', 'cli', 'world.ended', 'all')`),
    ],
    [
      'more than is looked through',
      async () => {
        await fixture.query(`with recursive n(i) as (select 1 union all select i + 1 from n where i < 1001)
        insert into audit (at, actor, source, action, subject) select 1, 'a', 'cli', 'token.added', 'x' from n`)
      },
    ],
  ])('%s: not let in', async (_what, change) => {
    await logIn()
    await change()
    await look()
    failure = away
    await expect(grace.store.findLogin(anna, password)).rejects.toBe(away)
    await expect(grace.store.readSendingTerms(device)).rejects.toBe(away)
  })

  test.each<readonly [string, () => Promise<unknown>]>([
    [
      'another device revoked',
      async () => {
        const other = await store.devices.add('bert@example.com', { name: 'Phone' })
        await store.devices.revoke([other.device.id])
      },
    ],
    ['what was made before it was let in', async () => undefined],
    ['somebody who signed in to the portal', () => store.apiTokens.add('anna', { name: 'A', scopes: ['read'] })],
  ])('%s: let in all the same', async (_what, change) => {
    await store.mailboxes.add({ address: 'bert@example.com', upstream: 'main' })
    const added = await store.devices.add(anna, { name: 'New' })
    password = normaliseSecret(added.password)
    await logIn()
    await change()
    await look()
    failure = away
    expect((await grace.store.findLogin(anna, password))?.devices).toMatchObject([{ id: added.device.id }])
  })

  test('a look that fails is to be done again', async () => {
    await logIn()
    await store.devices.revoke([device])
    failure = away
    await expect(grace.follow(99)).rejects.toBe(away)
    failure = undefined
    await look()
    failure = away
    await expect(grace.store.findLogin(anna, password)).rejects.toBe(away)
  })
})
