/** What a restore does to rights that were taken away since the backup in less usual ways: through people, rules of sending, the end of a migration. */
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Device } from '../accounts/devices/device-rows.ts'
import type { Store } from '../open-store.ts'
import { ACTOR, StoreFixture } from '../store-fixture.ts'
import { restoreStore } from './restore.ts'

const mailbox = 'office@example.com'
let fixture: StoreFixture
let store: Store
let file: string
let device: Device

beforeEach(async () => {
  fixture = new StoreFixture()
  store = await fixture.create()
  file = join(fixture.dir, 'backup.db')
  await store.mailboxes.add({ address: mailbox, upstream: 'main' })
  device = (await store.devices.add(mailbox, { name: 'Phone' })).device
})
afterEach(() => fixture.remove())

const restore = (changes = {}) => restoreStore({ config: fixture.config, keyring: fixture.loadKeyring(), actor: ACTOR, file, now: fixture.clock, ...changes })

async function status() {
  const gateway = await fixture.openNode()
  return (await gateway.findDeviceStatuses([device.id])).get(device.id)
}

const kept = { kept: { count: 1, names: [`${mailbox}/Phone (user blocked)`] }, revived: { count: 0 } }

test('a device that was given to somebody after the backup stays his when he is blocked', async () => {
  await store.users.add({ login: 'anna' })
  await store.backup(file)
  await store.devices.set(device.id, { user: 'anna' })
  await store.users.block('anna')
  expect(await restore()).toMatchObject(kept)
  expect(await status()).toMatchObject({ state: 'active', userState: 'blocked' })
})

test('a device that was taken over from a colleague stays with him who is blocked', async () => {
  await store.users.add({ login: 'anna' })
  await store.users.add({ login: 'bert' })
  await store.devices.set(device.id, { user: 'bert' })
  await store.backup(file)
  await store.devices.set(device.id, { user: 'anna' })
  await store.users.block('anna')
  expect(await restore()).toMatchObject(kept)
  expect(await status()).toMatchObject({ userState: 'blocked' })
  expect((await store.users.get('bert')).state).toBe('active')
})

test('somebody who was made and blocked since the backup stays, and stays blocked', async () => {
  await store.backup(file)
  await store.users.add({ login: 'anna' })
  await store.devices.set(device.id, { user: 'anna' })
  await store.users.block('anna')
  expect(await restore()).toMatchObject(kept)
  expect(await status()).toMatchObject({ userState: 'blocked' })
  expect((await store.users.get('anna')).state).toBe('blocked')
})

test('somebody made anew under the same login: his device is disabled, for the backup has another person there', async () => {
  await store.users.add({ login: 'anna' })
  await store.backup(file)
  await store.users.remove('anna')
  await store.users.add({ login: 'anna' })
  await store.devices.set(device.id, { user: 'anna' })
  await store.users.block('anna')
  expect(await restore()).toMatchObject(kept)
  expect(await status()).toMatchObject({ state: 'disabled' })
})

test('`undo` lets them in again, and says so', async () => {
  await store.users.add({ login: 'anna' })
  await store.backup(file)
  await store.devices.set(device.id, { user: 'anna' })
  await store.users.block('anna')
  expect(await restore({ rights: 'undo' })).toMatchObject({ kept: { count: 0 }, revived: { count: 1, names: [`${mailbox}/Phone (user blocked)`] } })
  expect(await status()).toMatchObject({ state: 'active', userState: null })
})

test('the right to send is not given back to a device that came to somebody without it', async () => {
  await store.users.add({ login: 'anna' })
  await store.backup(file)
  await store.devices.set(device.id, { user: 'anna' })
  await store.users.set('anna', { maySend: false })
  await restore()
  const gateway = await fixture.openNode()
  expect((await gateway.readSendingTerms(device.id)).rules.some(({ maySend }) => !maySend)).toBe(true)
})

test('limits of sending that were set or drawn closer since the backup stay; wider ones go back', async () => {
  await store.sending.set({ mailbox }, { recipientsPerDay: 100, recipientsPerMessage: 5, senders: ['own'] })
  await store.backup(file)
  await store.sending.set({ mailbox }, { recipientsPerDay: 10, recipientsPerMessage: 50, senders: null, checksFrom: true })
  await store.sending.set({ device: device.id }, { senders: ['own'], recipientsPerDay: 1 })
  await restore()
  expect(await store.sending.get({ mailbox })).toMatchObject({
    maySend: true,
    senders: ['own'],
    checksFrom: true,
    recipientsPerMessage: 5,
    recipientsPerDay: 10,
  })
  expect(await store.sending.get({ device: device.id })).toMatchObject({ senders: ['own'], recipientsPerMessage: null, recipientsPerDay: 1 })
})

test('the migration password is not accepted again that was ended long ago, whose device is not known any more', async () => {
  await store.mailboxes.set(mailbox, { migrationPasswordUntil: fixture.now + 90 * 86_400_000 })
  await store.backup(file)
  await store.mailboxes.set(mailbox, { migrationPasswordUntil: null })
  await fixture.query("delete from devices where kind = 'legacy'")
  expect(await restore()).toMatchObject({ kept: { names: [`${mailbox}/legacy (revoked)`] }, revived: { count: 0 } })
  expect((await store.mailboxes.get(mailbox)).migrationPasswordUntil).toBeNull()
})

test('a mailbox that gets an earlier login or upstream back is named, with what it gets', async () => {
  await store.mailboxes.add({ address: 'moved@example.com', upstream: 'main', login: 'before' })
  await store.backup(file)
  expect(await restore()).toMatchObject({ movedBack: { count: 0, names: [] } })
  await store.mailboxes.set('moved@example.com', { login: 'after' })
  await store.mailboxes.set(mailbox, { upstream: 'other' })
  const names = ['moved@example.com (upstream main, login before)', `${mailbox} (upstream main, login ${mailbox})`]
  expect(await restore()).toMatchObject({ movedBack: { count: 2, names } })
})
