import { join } from 'node:path'
import type { Kysely } from 'kysely'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { MailboxId } from '../../base/ids.ts'
import { openBackend } from '../open-backend.ts'
import type { Backend } from '../schema/backend.ts'
import { createTables } from '../schema/migrations.ts'
import type { Schema } from '../schema/schema.ts'
import { createSqliteFile } from '../sqlite/sqlite-store-file.ts'
import { StoreFixture } from '../store-fixture.ts'
import { digestOf, insertRows, removeRows, type Table } from './copy-rows.ts'
import { syncTable } from './sync-rows.ts'

let fixture: StoreFixture
let from: Backend
let to: Backend

beforeEach(async () => {
  fixture = new StoreFixture()
  const open = async (name: string) => {
    const path = join(fixture.dir, name)
    createSqliteFile(path)
    const backend = await openBackend({ url: `sqlite:${path}`, sqlitePath: path }, 'write')
    await createTables(backend, async () => {})
    await insertRows(backend.db, 'mailboxes', [mailbox])
    return backend
  }
  ;[from, to] = [await open('from.db'), await open('to.db')]
})
afterEach(async () => {
  await from.close()
  await to.close()
  await fixture.remove()
})

const nothing = { login: null, sealed_secret: null, note: null }
const mailbox = { id: 'm1', address: 'anna@example.com', upstream: 'main', state: 'active', created_at: 1, domain: 'example.com', ...nothing }
const activity = (id: number, cursor = id, count = 1) => ({
  ...{ id, cursor, address: 'ünï@example.com', device_id: '', result: 'ok', protocol: 'imap', ip: '192.0.2.1', app: '', first_at: 1, last_at: 2, count },
})
const network = (n: number, last_at = 1) => ({ mailbox_id: 'm1' as MailboxId, block: `192.0.${n % 7}.${n}`, last_at })
const numbers = (count: number) => Array.from({ length: count }, (_, n) => n + 1)

async function sync(table: Table) {
  const written = { removed: 0, added: 0, told: 0 }
  const write = (act: (db: Kysely<Schema>) => Promise<void>) => to.change(act)
  const writer = {
    remove: async (_: Table, rows: readonly object[]) => {
      written.removed += rows.length
      await write(db => removeRows(db, table, rows as never))
    },
    add: async (_: Table, rows: readonly object[]) => {
      written.added += rows.length
      await write(db => insertRows(db, table, rows as never))
    },
  }
  const synced = await syncTable(from.db, to.db, table, { writer, onRows: rows => (written.told += rows) })
  const { isChanged, ...copied } = synced
  expect(await digestOf(to.db, table)).toEqual(copied)
  expect(await digestOf(from.db, table)).toEqual(copied)
  expect(written.told).toBe(copied.rows)
  expect(isChanged).toBe(written.removed + written.added > 0)
  return [written.removed, written.added]
}

test('what is there already is only read, what differs is written, whatever pages it is on', async () => {
  const rows = numbers(2_500)
  await insertRows(
    from.db,
    'activity',
    rows.map(n => activity(n)),
  )
  expect(await sync('activity')).toEqual([0, 2_500])
  expect(await sync('activity')).toEqual([0, 0])
  // Rows that come, go, and change; and a number that must be unique goes from a late row to an early one.
  await removeRows(from.db, 'activity', [activity(2_500), activity(7), activity(1_000)])
  await from.db.updateTable('activity').set({ cursor: 2_500 }).where('id', '=', 3).execute()
  await from.db.updateTable('activity').set({ count: 5 }).where('id', 'in', [1, 1_001, 2_000]).execute()
  await insertRows(from.db, 'activity', [activity(3_000), activity(3_001)])
  expect(await sync('activity')).toEqual([7, 6])
})

test('rows are told apart by the whole of their key', async () => {
  await insertRows(
    from.db,
    'known_blocks',
    numbers(1_200).map(n => network(n)),
  )
  await insertRows(
    to.db,
    'known_blocks',
    numbers(1_500)
      .filter(n => n > 700)
      .map(n => network(n, n % 2)),
  )
  // 701 to 1,500 are there, of which half differ and 300 are too many.
  expect(await sync('known_blocks')).toEqual([250 + 300, 700 + 250])
})

test('more that is missing than is remembered', async () => {
  await insertRows(
    from.db,
    'activity',
    numbers(7_000).map(n => activity(n)),
  )
  await insertRows(to.db, 'activity', [activity(1), activity(2, 7_000), activity(9_000)])
  expect(await sync('activity')).toEqual([2, 6_999])
})
