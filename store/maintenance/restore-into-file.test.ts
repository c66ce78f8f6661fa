/** Restoring where the store is a file: a store that is damaged, and a failure half-way. What holds for every store: `restore.test.ts`. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Batch } from '../gateway-side/gateway-store.ts'
import type { Store } from '../open-store.ts'
import { ACTOR, StoreFixture, secret, type TestNode } from '../store-fixture.ts'
import { restoreStore } from './restore.ts'

const anna = 'anna@example.com'
let fixture: StoreFixture
let store: Store
let file: string

beforeEach(async () => {
  fixture = new StoreFixture()
  store = await fixture.create()
  file = join(fixture.dir, 'backup.db')
  await store.mailboxes.add({ address: anna, upstream: 'main', secret: secret('upstream-marker') })
})
afterEach(() => fixture.remove())

const restore = () => restoreStore({ config: fixture.config, keyring: fixture.loadKeyring(), actor: ACTOR, file, now: fixture.clock })
const record = (gateway: TestNode, more: Partial<Batch> = {}) => gateway.record({ connections: [], activity: [], sessions: [], endedSessions: [], ...more })

/** Rows of every table that others may look at, to compare a store before and after. */
async function contents(): Promise<unknown> {
  const tables = ['mailboxes', 'devices', 'users', 'sending_rules', 'last_connections', 'generation', 'audit', 'nodes', 'sessions', 'meta']
  return Promise.all(tables.map(async table => (await fixture.query(`select * from ${table} order by 1`)).rows))
}

test('that fails half-way leaves everything as it was', async () => {
  await store.devices.add(anna, { name: 'Phone' })
  await store.backup(file)
  await store.devices.add(anna, { name: 'Later' })
  await fixture.query(`create trigger boom before delete on devices begin select raise(abort, 'power cut'); end`)
  const before = await contents()
  await expect(restore()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE', message: expect.stringContaining('power cut') })
  expect(await contents()).toEqual(before)
  expect(readdirSync(join(fixture.dir, 'data')).filter(name => !name.startsWith('mailwicket.db-'))).toEqual(['mailwicket.db'])
  await fixture.query('drop trigger boom')
  await restore()
  expect(await store.devices.list()).toHaveLength(1)
})

test('replaces a damaged store without mixing in its journal', async () => {
  await store.backup(file)
  await store.close()
  writeFileSync(fixture.path, Buffer.alloc(20_000, 0xa5))
  writeFileSync(`${fixture.path}-wal`, Buffer.alloc(20_000, 0x5a))
  const { keptAs } = await restore()
  expect(readdirSync(join(fixture.dir, 'data'))).not.toContain('mailwicket.db-wal')
  expect(readFileSync(keptAs ?? '')[0]).toBe(0xa5)
  expect(await (await fixture.open()).mailboxes.list()).toHaveLength(1)
})

test('a damaged store is not replaced under a gateway that runs on it', async () => {
  await store.devices.add(anna, { name: 'Phone' })
  await store.backup(file)
  const gateway = await fixture.openNode()
  await record(gateway)
  await fixture.query('pragma wal_checkpoint(truncate)')
  // An index that is rubbish: who is connected can still be read, the check fails.
  const bytes = readFileSync(fixture.path)
  const { rows } = await fixture.query(`select rootpage from sqlite_schema where name = 'devices_by_bucket'`)
  const page = Number(rows[0]?.['rootpage'])
  writeFileSync(fixture.path, bytes.fill(0xa5, (page - 1) * 4096 + 100, page * 4096))
  await expect(restore()).rejects.toMatchObject({ code: 'STORE_IN_USE', message: expect.stringContaining('damaged') })
  fixture.now += 10_000
  const { keptAs } = await restore()
  expect(existsSync(keptAs ?? '')).toBe(true)
  expect(await (await fixture.open()).devices.list()).toHaveLength(1)
})
