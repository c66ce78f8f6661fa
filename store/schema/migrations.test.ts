import { existsSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { sql } from 'kysely'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createStore, migrateStore, readStoreVersion } from '../open-store.ts'
import { openSqlite } from '../sqlite/sqlite-backend.ts'
import { createSqliteFile } from '../sqlite/sqlite-store-file.ts'
import { ACTOR, StoreFixture } from '../store-fixture.ts'
import { MIGRATIONS, type Migration, migrate, readVersion } from './migrations.ts'

let fixture: StoreFixture
beforeEach(() => {
  fixture = new StoreFixture({ origin: 'new' })
})
afterEach(() => fixture.remove())

/** The next release’s step, for a store made by this one. */
const next: Migration = {
  name: 'notes',
  since: '0.2.0',
  run: async db => {
    await db.schema.createTable('notes').addColumn('text', 'text').execute()
    await sql`insert into notes select name from devices`.execute(db)
  },
}
const migrations = [...MIGRATIONS, next]
const newest = MIGRATIONS.length
const setVersion = async (version: number): Promise<void> => {
  await fixture.query(`update meta set value = ? where name = 'schema_version'`, [String(version)])
  await fixture.query(`update meta set value = '7.8.9' where name = 'needs_program'`)
}

test('a new store is at the newest version, private, one file once it is closed', async () => {
  const store = await fixture.create()
  expect(await readStoreVersion(fixture.config)).toEqual({ version: MIGRATIONS.length, newest: MIGRATIONS.length })
  for (const suffix of ['', '-wal', '-shm']) expect(statSync(`${fixture.path}${suffix}`).mode & 0o777, suffix).toBe(0o600)
  expect(statSync(`${fixture.dir}/data`).mode & 0o777).toBe(0o700)
  await store.close()
  expect(readdirSync(`${fixture.dir}/data`)).toEqual(['mailwicket.db'])
})

test('a store is never made over something that is there', async () => {
  const store = await fixture.create()
  await store.mailboxes.add({ address: 'anna@example.com', upstream: 'main' })
  await expect(fixture.create()).rejects.toMatchObject({ code: 'ALREADY_EXISTS' })
  expect(await store.mailboxes.list()).toHaveLength(1)
})

test('what a run that was killed left behind is no obstacle', async () => {
  await (await fixture.create()).close()
  rmSync(fixture.path)
  writeFileSync(`${fixture.path}.creating`, 'half a database')
  const store = await fixture.create()
  expect(await store.mailboxes.list()).toEqual([])
})

test('without a database there is no store', async () => {
  await expect(fixture.open()).rejects.toMatchObject({ code: 'NOT_FOUND', reason: 'database.unknown', facts: { path: fixture.path } })
})

test('a newer store is refused with the version that can use it, and not touched', async () => {
  await (await fixture.create()).close()
  await setVersion(99)
  for (const open of [() => fixture.open(), () => migrateStore({ config: fixture.config, actor: ACTOR })]) {
    await expect(open()).rejects.toMatchObject({ code: 'STORE_TOO_NEW', message: expect.stringMatching(/version 99.*install Mailwicket 7\.8\.9 or newer/) })
  }
  expect((await readStoreVersion(fixture.config)).version).toBe(99)
})

test('an older store is refused until it is migrated', async () => {
  await (await fixture.create()).close()
  await setVersion(0)
  await expect(fixture.open()).rejects.toMatchObject({ code: 'STORE_TOO_OLD', reason: 'store.too-old', facts: { version: 0, newest } })
})

test('a migration keeps what is there, tells its steps, and runs once', async () => {
  const store = await fixture.create()
  await store.mailboxes.add({ address: 'anna@example.com', upstream: 'main' })
  await store.devices.add('anna@example.com', { name: 'Phone' })
  await store.close()
  const backend = openSqlite(fixture.path, 'write')
  const steps: unknown[] = []
  expect(await migrate(backend, { migrations, onStep: step => void steps.push(step) })).toEqual({ from: newest, to: newest + 1 })
  expect(await migrate(backend, { migrations, onStep: step => void steps.push(step) })).toEqual({ from: newest + 1, to: newest + 1 })
  expect(steps).toEqual([{ version: newest + 1, name: 'notes' }])
  expect(await readVersion(backend)).toEqual({ version: newest + 1, needsProgram: '0.2.0' })
  expect((await sql<{ text: string }>`select text from notes`.execute(backend.db)).rows).toEqual([{ text: 'Phone' }])
  await backend.close()
  await expect(fixture.open()).rejects.toMatchObject({ code: 'STORE_TOO_NEW', message: expect.stringContaining('0.2.0') })
})

test('a store of the first release gets users and sending rules; its devices stay, linked to nobody', async () => {
  createSqliteFile(fixture.path)
  const backend = openSqlite(fixture.path, 'write')
  await migrate(backend, { migrations: MIGRATIONS.slice(0, 1) })
  await sql`insert into mailboxes values ('m1', 'anna@example.com', 'main', null, null, 'active', 1)`.execute(backend.db)
  const device = [
    `'d1'`,
    `'m1'`,
    `'Phone'`,
    `'phone'`,
    `'active'`,
    `'generated'`,
    `'phc'`,
    'null',
    '0',
    `'imap,smtp'`,
    'null',
    `''`,
    '1',
    'null',
    '1',
    '1',
    'null',
  ]
  await sql.raw(`insert into devices values (${device.join(',')})`).execute(backend.db)
  await backend.close()
  await expect(fixture.open()).rejects.toMatchObject({ code: 'STORE_TOO_OLD' })
  expect(await migrateStore({ config: fixture.config, actor: ACTOR })).toEqual({ from: 1, to: newest })
  const store = await fixture.open()
  expect(await store.devices.list()).toMatchObject([{ name: 'Phone', mailbox: 'anna@example.com', user: null }])
  await store.users.add({ login: 'anna' })
  expect(await store.devices.set('anna@example.com/Phone', { user: 'anna' })).toMatchObject({ user: 'anna' })
  expect(await store.sending.get({ device: 'd1' })).toMatchObject({ maySend: true, senders: null })
})

test('a migration that fails leaves the store as it was', async () => {
  await (await fixture.create()).close()
  const backend = openSqlite(fixture.path, 'write')
  const failing: Migration = {
    ...next,
    run: async db => {
      await db.schema.createTable('notes').addColumn('text', 'text').execute()
      throw new Error('no space left')
    },
  }
  await expect(migrate(backend, { migrations: [...MIGRATIONS, failing] })).rejects.toThrow('no space left')
  expect((await readVersion(backend)).version).toBe(newest)
  expect(await migrate(backend, { migrations })).toEqual({ from: newest, to: newest + 1 })
  await backend.close()
})

test('the store at its newest version is left alone by `migrate`', async () => {
  const store = await fixture.create()
  expect(await migrateStore({ config: fixture.config, actor: ACTOR })).toEqual({ from: newest, to: newest })
  expect((await store.audit.list()).map(({ action }) => action)).toEqual(['store.created'])
})

test('a file that is no database is called damaged, another database no store', async () => {
  await (await fixture.create()).close()
  rmSync(fixture.path)
  writeFileSync(fixture.path, 'this is no database, however long one looks at it'.repeat(100), { mode: 0o600 })
  await expect(fixture.open()).rejects.toMatchObject({ code: 'STORE_DAMAGED' })
  rmSync(fixture.path)
  createSqliteFile(fixture.path)
  await expect(migrateStore({ config: fixture.config, actor: ACTOR })).rejects.toMatchObject({
    code: 'STORE_DAMAGED',
    message: expect.stringContaining('holds no Mailwicket store'),
  })
  await expect(createStore({ config: fixture.config, keyring: fixture.keyring, actor: ACTOR })).rejects.toMatchObject({ code: 'ALREADY_EXISTS' })
  expect(existsSync(`${fixture.path}.creating`)).toBe(false)
})

test('users of a store that knew no blocking are active', async () => {
  createSqliteFile(fixture.path)
  const backend = openSqlite(fixture.path, 'write')
  const before = MIGRATIONS.findIndex(({ name }) => name === 'blocked users')
  await migrate(backend, { migrations: MIGRATIONS.slice(0, before) })
  await sql`insert into users (id, login, name, created_at) values ('u1', 'anna', null, 1)`.execute(backend.db)
  await backend.close()
  await migrateStore({ config: fixture.config, actor: ACTOR })
  expect(await (await fixture.open()).users.get('anna')).toMatchObject({ state: 'active' })
})
