/** A store goes from one database into the other, by backup and restore: nothing is lost, and it goes on there. */
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { makeId, type SessionId } from '../../base/ids.ts'
import { restoreStore } from '../maintenance/restore.ts'
import type { StoreConfig } from '../open-backend.ts'
import { createStore, openStore, type Store } from '../open-store.ts'
import { normaliseSecret } from '../passwords/app-password.ts'
import { ACTOR, StoreFixture, secret } from '../store-fixture.ts'

const anna = 'anna@example.com'
let fixture: StoreFixture
let sqlite: StoreConfig
let file: string

beforeEach(() => {
  fixture = new StoreFixture()
  sqlite = { url: 'sqlite:other.db', sqlitePath: join(fixture.dir, 'other', 'mailwicket.db') }
  file = join(fixture.dir, 'backup.db')
})
afterEach(() => fixture.remove())

const restore = (store: StoreConfig) =>
  restoreStore({ config: { store, dataDir: fixture.config.dataDir }, keyring: fixture.loadKeyring(), actor: ACTOR, file, now: fixture.clock })

/** One of everything that is kept, in capitals, umlauts and bytes. */
async function fill(store: Store) {
  await store.users.add({ login: 'anna', name: 'Anna Ærø' })
  await store.mailboxes.add({ address: anna, upstream: 'main', secret: secret('upstream-marker'), note: 'Zoë’s "desk"' })
  await store.aliases.add(anna, 'info@example.com')
  const added = await store.devices.add(anna, { name: 'Büro', user: 'anna', allowFrom: ['192.0.2.0/24'] })
  await store.devices.add(anna, { name: 'chosen', password: secret('a-chosen-password-1') })
  await store.sending.set({ mailbox: anna }, { recipientsPerDay: 7 })
  return added
}

async function contentsOf(store: Store) {
  const { mailboxes, devices, users, aliases, sending, audit } = store
  const entries = (await audit.list()).filter(({ action }) => !/^store\.(restored|backed-up)$/.test(action))
  return [
    await mailboxes.list(),
    await devices.list({ revoked: true }),
    await users.list(),
    await aliases.of(anna),
    await sending.get({ mailbox: anna }),
    entries,
  ]
}

async function openSqliteStore(): Promise<Store> {
  return (await openStore({ config: { store: sqlite, generatedOnly: false }, keyring: fixture.loadKeyring(), now: fixture.clock })).as(ACTOR)
}

test('a backup of PostgreSQL is a private SQLite file, and becomes a store of that kind', async () => {
  const store = await fixture.create()
  await fill(store)
  const steps: number[] = []
  const backup = await store.backup(file, { onProgress: ({ done, total }) => steps.push(done / total) })
  expect(backup).toEqual({ file, bytes: statSync(file).size, keyId: fixture.keyring.currentId })
  expect(statSync(file).mode & 0o777).toBe(0o600)
  expect(steps.at(-1)).toBe(1)
  await restore(sqlite)
  const copy = await openSqliteStore()
  expect(await contentsOf(copy)).toEqual(await contentsOf(store))
  expect((await copy.mailboxes.openSecret(anna))?.reveal().toString()).toBe('upstream-marker')
  await copy.close()
})

test('a backup of SQLite is restored into an empty database, where it goes on, and over a store', async () => {
  const made = await createStore({ config: { store: sqlite, generatedOnly: false }, keyring: fixture.loadKeyring(), actor: ACTOR, now: fixture.clock })
  const old = made.as(ACTOR)
  const { device, password } = await fill(old)
  await old.backup(file)
  await fixture.makePlace()
  expect(await restore(fixture.config.store)).toMatchObject({ keptAs: null, keyId: fixture.keyring.currentId })
  const store = await fixture.open()
  expect(await contentsOf(store)).toEqual(await contentsOf(old))
  const node = await fixture.openNode()
  expect((await node.findLogin(anna, normaliseSecret(password)))?.devices.map(({ id }) => id)).toContain(device.id)
  // Rows that number themselves go on behind those that were brought.
  await store.devices.rename(device.id, 'Office')
  await node.record({
    connections: [],
    activity: [],
    sessions: [{ id: makeId<SessionId>(), device: device.id, protocol: 'imap', ip: '192.0.2.1', app: null, since: 1, bytesIn: 0, bytesOut: 0 }],
    endedSessions: [],
  })
  expect((await store.audit.list()).at(-1)).toMatchObject({ action: 'device.renamed' })
  await store.devices.revoke([device.id])
  const again = await restore(fixture.config.store)
  expect(again).toMatchObject({ kept: { count: 1, names: [`${anna}/Büro (revoked)`] } })
  expect(await store.devices.get(device.id)).toMatchObject({ name: 'Büro', state: 'revoked' })
  // What was there is kept as a file, which is a backup as any other.
  file = again.keptAs ?? ''
  await restore(sqlite)
  const kept = await openSqliteStore()
  expect(await kept.devices.get(device.id)).toMatchObject({ name: 'Office', state: 'revoked' })
  await kept.close()
  await old.close()
})
