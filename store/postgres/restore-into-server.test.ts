/** A restore over a store on a server, as far as it is special: while others write, and when it fails. What it gives back is told by the contract's `restore*.test.ts`. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { DeviceId, SessionId } from '../../base/ids.ts'
import { prepareRestore, restoreStore } from '../maintenance/restore.ts'
import type { Store } from '../open-store.ts'
import { ACTOR, StoreFixture, type TestNode } from '../store-fixture.ts'

const anna = 'anna@example.com'
let fixture: StoreFixture
let store: Store
let node: TestNode
let file: string
let device: DeviceId

beforeEach(async () => {
  fixture = new StoreFixture()
  store = await fixture.create()
  file = join(fixture.dir, 'backup.db')
  await store.mailboxes.add({ address: anna, upstream: 'main' })
  device = (await store.devices.add(anna, { name: 'Phone' })).device.id
  node = await fixture.openNode()
  await connected(1)
})
afterEach(() => fixture.remove())

const options = () => ({ config: fixture.config, keyring: fixture.loadKeyring(), actor: ACTOR, file, now: fixture.clock })
const connected = (at: number) =>
  node.record({
    connections: [{ device, at, ip: '192.0.2.1', protocol: 'imap', app: null, tls: null }],
    activity: [{ at: fixture.now, address: anna, device, result: 'ok', protocol: 'imap', ip: '192.0.2.1', app: String(at) }],
    sessions: [{ id: 's1' as SessionId, device, protocol: 'imap', ip: '192.0.2.1', app: null, since: 1, bytesIn: at, bytesOut: 0 }],
    endedSessions: [],
    sent: [{ device, recipients: 1, at: fixture.now }],
  })

test('what gateways record between the look and the yes stays', async () => {
  await store.backup(file)
  await store.devices.rename(device, 'Handy')
  const prepared = await prepareRestore(options())
  await connected(9)
  expect(await prepared.apply()).toMatchObject({ kept: { count: 0 } })
  await prepared.close()
  expect(await store.devices.get(device)).toMatchObject({ name: 'Phone', lastConnection: { at: 9 } })
  expect(await store.activity.list()).toHaveLength(2)
  expect(await store.sessions.list()).toMatchObject([{ id: 's1', bytesIn: 9 }])
  expect(await store.sending.get({ device })).toMatchObject({ sentToday: 2 })
  await connected(10)
  expect(await store.activity.list()).toHaveLength(3)
})

test('what commands and people change between the look and the yes is held against the backup too', async () => {
  await store.users.add({ login: 'anna' })
  await store.credentials.setPassword('anna', 'phc')
  const [code] = await store.recoveryCodes.replace('anna')
  const invited = await store.invitations.add({ kind: 'start', user: 'anna' })
  await store.backup(file)
  const prepared = await prepareRestore(options())
  expect(prepared.plan).toMatchObject({ kept: { count: 0 } })
  await store.devices.revoke([device])
  await store.recoveryCodes.take('anna', code ?? expect.fail())
  await store.invitations.revoke(invited.invitation.id)
  expect(await prepared.apply()).toMatchObject({ kept: { names: [`${anna}/Phone (revoked)`] } })
  await prepared.close()
  expect((await store.devices.get(device)).state).toBe('revoked')
  expect(await store.recoveryCodes.take('anna', code ?? expect.fail())).toBe(false)
  expect(await store.invitations.find(invited.token ?? expect.fail())).toBeUndefined()
})

test('names that change places, also with who was revoked, are no conflict', async () => {
  const other = (await store.devices.add(anna, { name: 'Tablet' })).device.id
  await store.users.add({ login: 'anna' })
  await store.users.add({ login: 'bert' })
  await store.backup(file)
  await store.devices.revoke([device])
  await store.devices.rename(other, 'Phone')
  await store.users.remove('anna')
  await store.users.remove('bert')
  await store.users.add({ login: 'bert' })
  await restoreStore({ ...options(), rights: 'undo' })
  expect((await store.devices.list()).map(({ id, name }) => [id, name])).toEqual([
    [device, 'Phone'],
    [other, 'Tablet'],
  ])
  expect((await store.users.list()).map(({ login }) => login)).toEqual(['anna', 'bert'])
})

test('that fails half-way leaves everything as it was, and no files', async () => {
  await store.backup(file)
  await store.devices.add(anna, { name: 'Later' })
  await fixture.query(`create function boom() returns trigger language plpgsql as $$ begin raise exception 'power cut'; end $$`)
  await fixture.query('create trigger boom before insert on audit for each row execute function boom()')
  await expect(restoreStore(options())).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE', message: expect.stringContaining('power cut') })
  expect((await store.devices.list()).map(({ name }) => name)).toEqual(['Later', 'Phone'])
  expect(readdirSync(fixture.config.dataDir)).toEqual([])
  await fixture.query('drop trigger boom on audit')
  await restoreStore(options())
  expect((await store.devices.list()).map(({ name }) => name)).toEqual(['Phone'])
})
