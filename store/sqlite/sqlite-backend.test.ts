import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, copyFileSync, renameSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { sql } from 'kysely'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { NodeId } from '../../base/ids.ts'
import { StoreFixture } from '../store-fixture.ts'
import { openSqlite } from './sqlite-backend.ts'
import { SqliteConnection } from './sqlite-connection.ts'

const anna = 'anna@example.com'
let fixture: StoreFixture
beforeEach(async () => {
  fixture = new StoreFixture()
  const store = await fixture.create()
  await store.mailboxes.add({ address: anna, upstream: 'main' })
  await store.close()
})
afterEach(() => fixture.remove())

/** Adds devices as fast as it can and names each one once it is committed. */
const CHILD = `
  const { openStore } = await import(process.argv[1] + '/../open-store.ts')
  const { loadKeyring } = await import(process.argv[1] + '/../keys/master-key.ts')
  const [dir, sqlitePath] = process.argv.slice(2)
  const config = { store: { sqlitePath }, generatedOnly: false }
  const opened = await openStore({ config, keyring: loadKeyring({ dataDir: dir, env: {} }) })
  const store = opened.as({ name: 'child', source: 'test' })
  for (let n = 0; ; n++) console.log((await store.devices.add('${anna}', { name: 'Device ' + n })).device.id)
`

/** Starts a writing process and kills it in the middle of its work. Returns the devices it had told of. */
async function writeAndKill(count: number): Promise<string[]> {
  const child = spawn(process.execPath, ['--input-type=module', '-e', CHILD, import.meta.dirname, fixture.dir, fixture.path], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const told: string[] = []
  for await (const line of createInterface({ input: child.stdout })) {
    told.push(line)
    if (told.length === count) child.kill('SIGKILL')
  }
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  return told
}

test('kill -9 of a writing process loses no device that was told, and the store opens', async () => {
  const told = await writeAndKill(20)
  const backend = openSqlite(fixture.path, 'write')
  expect(backend.isSound('full')).toBe(true)
  await backend.close()
  const ids = new Set((await (await fixture.open()).devices.list()).map(({ id }) => id as string))
  expect(told.filter(id => !ids.has(id))).toEqual([])
  expect(told.length).toBeGreaterThanOrEqual(20)
}, 30_000)

test('a gateway is the first to open the store after a kill -9', async () => {
  const told = await writeAndKill(3)
  const gateway = await fixture.openGateway()
  const statuses = await gateway.findDeviceStatuses(told as never[])
  expect([...statuses.keys()].sort()).toEqual(told.toSorted())
}, 30_000)

test('a disk that is full in the middle of a transaction is told as such, and the next transaction works', async () => {
  const { db, close } = openSqlite(fixture.path, 'write-records')
  const { rows } = await sql<{ page_count: number }>`pragma page_count`.execute(db)
  const limit = (pages: number) => sql.raw(`pragma max_page_count = ${pages}`).execute(db)
  await limit((rows[0]?.page_count ?? 0) + 1)
  const write = (count: number) =>
    db.transaction().execute(async transaction => {
      for (let id = 0; id < count; id++)
        await transaction
          .insertInto('nodes')
          .values({ id: `node ${count} ${id}` as NodeId, heartbeat_at: 0 })
          .execute()
    })
  await expect(write(10_000)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE', message: expect.stringContaining('database or disk is full') })
  await limit(1_000_000)
  await write(10)
  expect(await db.selectFrom('nodes').select('id').execute()).toHaveLength(10)
  close()
})

test('a reader sees what a writer committed, at once, and cannot write', async () => {
  const [writer, reader] = [openSqlite(fixture.path, 'write'), openSqlite(fixture.path, 'read')]
  await writer.db.updateTable('generation').set({ value: 77 }).execute()
  expect(await reader.db.selectFrom('generation').select('value').execute()).toEqual([{ value: 77 }])
  await expect(reader.db.updateTable('generation').set({ value: 78 }).execute()).rejects.toMatchObject({
    code: 'STORE_UNAVAILABLE',
    cause: { code: 'SQLITE_READONLY' },
  })
  await reader.close()
  await writer.close()
})

test('a reader does not wait for a transaction that writes', async () => {
  const [writer, reader] = [openSqlite(fixture.path, 'write'), openSqlite(fixture.path, 'read')]
  await writer.db.transaction().execute(async db => {
    await db.updateTable('generation').set({ value: 77 }).execute()
    expect(await reader.db.selectFrom('generation').select('value').execute()).not.toEqual([{ value: 77 }])
  })
  expect(await reader.db.selectFrom('generation').select('value').execute()).toEqual([{ value: 77 }])
  await reader.close()
  await writer.close()
})

test('a change waits its turn without holding up its thread; a lock that is not to be had says "busy", not "look at the disk"', async () => {
  const [other, waiting] = [new SqliteConnection(fixture.path, 'write'), openSqlite(fixture.path, 'write')]
  other.prepare('begin').run([])
  let isDone = false
  const change = waiting.change(db => db.updateTable('generation').set({ value: 77 }).execute()).then(() => (isDone = true))
  const third = new SqliteConnection(fixture.path, 'write')
  // Several times as long as the thread itself waits, and this test goes on meanwhile.
  for (let tries = 0; tries < 5; tries++) {
    await new Promise(resolve => setImmediate(resolve))
    expect(() => third.prepare('begin').run([])).toThrow(expect.objectContaining({ code: 'STORE_BUSY' }))
  }
  expect(isDone).toBe(false)
  other.prepare('commit').run([])
  await change
  expect(await waiting.db.selectFrom('generation').select('value').execute()).toEqual([{ value: 77 }])
  third.close()
  other.close()
  await waiting.close()
})

test('a transaction that fails leaves nothing behind', async () => {
  const backend = openSqlite(fixture.path, 'write')
  const failing = backend.db.transaction().execute(async db => {
    await db.deleteFrom('mailboxes').execute()
    throw new Error('no')
  })
  await expect(failing).rejects.toThrow('no')
  expect(await backend.db.selectFrom('mailboxes').select('address').execute()).toEqual([{ address: anna }])
  await backend.close()
})

test('administrative commits reach the disk, records the operating system', async () => {
  for (const [mode, level] of [
    ['write', 2],
    ['write-records', 1],
  ] as const) {
    const backend = openSqlite(fixture.path, mode)
    const { rows } = await backend.db.executeQuery<{ synchronous: number }>({
      ...backend.db.selectFrom('meta').selectAll().compile(),
      sql: 'pragma synchronous',
      parameters: [],
    })
    expect(rows).toEqual([{ synchronous: level }])
    await backend.close()
  }
})

test('what the driver says comes as an error of ours with its cause', async () => {
  const backend = openSqlite(fixture.path, 'write')
  await expect(
    backend.db
      .selectFrom('no_such_table' as 'meta')
      .selectAll()
      .execute(),
  ).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE', cause: { message: 'no such table: no_such_table' } })
  await backend.close()
  chmodSync(fixture.path, 0o600)
  expect(() => openSqlite(fixture.dir, 'write')).toThrow(expect.objectContaining({ code: 'STORE_UNAVAILABLE' }))
  expect(() => openSqlite(`${fixture.path}x`, 'write')).toThrow(expect.objectContaining({ code: 'NOT_FOUND' }))
})

test('a gateway notices that its database was replaced or removed under it', async () => {
  const other = new StoreFixture({ origin: 'new' })
  await other.create()
  const running = await other.openGateway()
  await running.readGeneration()
  const path = other.path
  copyFileSync(path, `${path}.copy`)
  renameSync(`${path}.copy`, path)
  // It looks at most four times a second.
  await vi.waitFor(() => expect(running.readGeneration()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE', message: expect.stringContaining('replaced') }), {
    timeout: 60_000,
  })
  await running.close()
  await other.remove()
})
