/** What only shows with the server itself: that it goes, comes back, only reads, is not the first host, or says no. */
import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { makeId, type NodeId } from '../../base/ids.ts'
import { PostgresServer } from '../postgres-server-fixture.ts'
import { openPostgres } from './postgres-backend.ts'

let server: PostgresServer
let other: PostgresServer
beforeAll(async () => {
  server = await PostgresServer.start()
  other = await PostgresServer.start(['default_transaction_read_only=on'])
  server.sql('postgres', 'create table nodes (id text collate "C" primary key, heartbeat_at bigint)')
  server.sql('postgres', 'create table generation (value bigint)')
  server.sql('postgres', 'insert into generation values (1)')
})
afterAll(() => {
  server?.remove()
  other?.remove()
})

const config = () => server.config('postgres')
const address = (one: PostgresServer) => ({ host: '127.0.0.1', port: one.port })

test('a server that is away is told of within its time, by its address and without the password; when it is back the next query works', async () => {
  const backend = openPostgres({ ...config(), password: 'hunter2' }, server.url('postgres'), 'read')
  const read = () => backend.db.selectFrom('generation').select('value').execute()
  expect(await read()).toEqual([{ value: 1 }])
  server.down()
  const failed = expect.objectContaining({ code: 'STORE_UNAVAILABLE', message: expect.stringContaining(`127.0.0.1:${server.port}/postgres`) })
  for (let tries = 0; tries < 3; tries++) {
    const error = await read().catch((error: unknown) => error)
    expect(error).toEqual(failed)
    expect(JSON.stringify(error) + String(error)).not.toContain('hunter2')
  }
  server.up()
  await vi.waitFor(async () => expect(await read()).toEqual([{ value: 1 }]), 30_000)
  await backend.close()
})

test('who asks while nobody answers hears so at once, and a statement that waits for nobody any more is given up by the server', async () => {
  const backend = openPostgres(config(), 'place', 'read')
  const read = () => backend.db.selectFrom('generation').select('value').execute()
  const holder = openPostgres(config(), 'holder', 'write')
  await holder.change(async db => {
    await sql`lock table generation in access exclusive mode`.execute(db)
    await vi.waitFor(async () => {
      const [first, second] = [await read().catch((error: unknown) => error), await read().catch((error: unknown) => error)]
      expect(first).toMatchObject({ code: 'STORE_UNAVAILABLE' })
      // The same answer, handed on.
      expect(second).toBe(first)
    }, 30_000)
    const waiting = `select count(*) from pg_stat_activity where application_name = 'mailwicket' and wait_event_type = 'Lock'`
    await vi.waitFor(() => expect(server.sql('postgres', waiting).trim()).toBe('0'), 30_000)
  })
  await vi.waitFor(async () => expect(await read()).toEqual([{ value: 1 }]), 30_000)
  await holder.close()
  await backend.close()
})

test('of several hosts the first that answers and writes is taken', async () => {
  const hosts = [{ host: '127.0.0.1', port: 1 }, address(other), address(server)]
  const backend = openPostgres({ ...config(), hosts, mustWrite: true }, 'three hosts', 'write')
  await backend.change(db => db.insertInto('nodes').values({ id: makeId<NodeId>(), heartbeat_at: 1 }).execute())
  await backend.close()
  const nowhere = openPostgres({ ...config(), hosts: hosts.slice(0, 2), mustWrite: true }, 'two hosts', 'write')
  await expect(nowhere.change(async () => {})).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE', message: expect.stringContaining('only reads') })
  await nowhere.close()
})

test.each([
  [{ database: 'no_such' }, 'NOT_FOUND', /createdb/],
  [{ user: 'nobody' }, 'STORE_UNAVAILABLE', /pg_hba/],
])('%o is told with what to do', async (changes, code, remedy) => {
  const backend = openPostgres({ ...config(), ...changes }, 'place', 'write')
  await expect(backend.change(async () => {})).rejects.toMatchObject({ code, remedy: expect.stringMatching(remedy) })
  await backend.close()
})

test('a change waits for the change of another process, and sees it', async () => {
  const [one, two] = [openPostgres(config(), 'one', 'write'), openPostgres(config(), 'two', 'write')]
  const { promise, resolve } = Promise.withResolvers<void>()
  const begun = Promise.withResolvers<void>()
  const order: string[] = []
  const first = one.change(async db => {
    begun.resolve()
    await db.updateTable('generation').set({ value: 7 }).execute()
    await promise
    order.push('first')
  })
  await begun.promise
  const second = two.change(async db => {
    order.push('second')
    return db.selectFrom('generation').select('value').execute()
  })
  while (server.sql('postgres', `select count(*) from pg_locks where locktype = 'advisory' and not granted`).trim() !== '1')
    await new Promise(done => setImmediate(done))
  resolve()
  await first
  expect(await second).toEqual([{ value: 7 }])
  expect(order).toEqual(['first', 'second'])
  await one.close()
  await two.close()
})

test('a change survives a crash, also on a server that is set up to lose its last moments', async () => {
  expect(server.sql('postgres', 'show synchronous_commit').trim()).toBe('off')
  const backend = openPostgres(config(), 'place', 'write')
  await backend.change(db => db.updateTable('generation').set({ value: 99 }).execute())
  await backend.close()
  server.down('immediate')
  server.up()
  await vi.waitFor(() => expect(server.sql('postgres', 'select value from generation').trim()).toBe('99'), 30_000)
})

test('a snapshot sees one moment', async () => {
  const backend = openPostgres(config(), 'place', 'read')
  const values = await backend.snapshot(async db => {
    const before = await db.selectFrom('generation').select('value').execute()
    server.sql('postgres', 'update generation set value = value + 1')
    return [before, await db.selectFrom('generation').select('value').execute()]
  })
  expect(values[0]).toEqual(values[1])
  await backend.close()
})

test('moves are heard, also after the server was restarted', async () => {
  const backend = openPostgres(config(), 'place', 'read')
  const { ddl, db } = openPostgres(config(), 'place', 'write')
  for (const statement of ddl.announceMoves('generation')) await statement.execute(db)
  let heard = Promise.withResolvers<void>()
  const listener = await backend.listen?.(() => heard.resolve())
  const hears = async () => {
    heard = Promise.withResolvers<void>()
    // Until somebody listens, nobody hears.
    let isHeard = false
    void heard.promise.then(() => (isHeard = true))
    while (!isHeard) {
      server.sql('postgres', 'update generation set value = value + 1')
      await new Promise(done => setTimeout(done, 50))
    }
  }
  await hears()
  server.down()
  server.up()
  await hears()
  await listener?.stop()
  await backend.close()
  await db.destroy()
})

test('text is in the order of its bytes, integers have 64 bits', async () => {
  const backend = openPostgres(config(), 'place', 'write')
  const { schema } = backend.ddl.tables(backend.db)
  await schema
    .createTable('kinds')
    .addColumn('id', 'integer', c => backend.ddl.rowNumber(c))
    .addColumn('name', 'text', c => c.notNull().unique())
    .addColumn('count', 'integer')
    .execute()
  await sql`insert into kinds (name, count) values ('b', 4611686018427), ('a', 1), ('B', 2), ('_', 3), ('ä', 4)`.execute(backend.db)
  const { rows } = await sql<{ name: string; count: number; id: number }>`select * from kinds order by name`.execute(backend.db)
  expect(rows.map(({ name }) => name)).toEqual(['B', '_', 'a', 'b', 'ä'])
  expect(rows[3]).toEqual({ id: 1, name: 'b', count: 4611686018427 })
  await backend.close()
})
