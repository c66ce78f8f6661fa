/**
 * The rows in which a store as it will be (`main`, a SQLite file) differs from the store as it was (`before`, attached beside it), written into the store itself.
 * Rows that stay keep their place, so that nothing that refers to them goes with them, and whoever reads is not held up.
 */
import { type Kysely, type RawBuilder, sql, type Transaction } from 'kysely'
import type { Schema } from '../schema/schema.ts'
import { insertRows, isOneOf, KEYS, type Row, removeRows, type Table } from './copy-rows.ts'
import { columnsOf, rowsReplacedIn } from './restore-rows.ts'

/** Gateways write them without a lock: rows only move forward. */
const FORWARD: Partial<Readonly<Record<Table, string>>> = { last_connections: 'at', sent_counts: 'recipients' }
/** Must differ from each other at every moment, and may have changed places: rows that change let go of it first. */
const UNIQUE: Partial<Readonly<Record<Table, string>>> = { users: 'login', mailboxes: 'address', devices: 'name_key' }
const PAGE_ROWS = 1_000

/** Within the change in which the store is found to be as it was; nobody else adds to the activity meanwhile. */
export async function applyDifferences(from: Kysely<Schema>, to: Transaction<Schema>): Promise<void> {
  // In the order in which rows find what they refer to.
  const tables = (Object.keys(KEYS) as Table[]).filter(rowsReplacedIn)
  for (const table of tables.toReversed()) {
    if (FORWARD[table] !== undefined) continue
    const { key } = await columnsOf(from, table)
    const gone = sql`select ${key} from ${named('before', table)} where (${key}) not in (select ${key} from ${named('main', table)})`
    for await (const rows of pagesOf(from, gone)) await removeRows(to, table, rows)
  }
  for (const table of tables) await letGo(from, to, table)
  for (const table of tables) for await (const rows of pagesOf(from, await differing(from, table))) await upsert(to, table, rows)
  await sql`delete from portal_sessions`.execute(to)
  await addActivity(from, to)
  for await (const rows of pagesOf(from, sql`select * from main.audit where id > (select coalesce(max(id), 0) from before.audit) order by id`))
    await insertRows(to, 'audit', rows.map(unnumbered))
  const { value } = await from.selectFrom('generation').select('value').executeTakeFirstOrThrow()
  await to.updateTable('generation').set({ value }).execute()
}

async function differing(from: Kysely<Schema>, table: Table): Promise<RawBuilder<unknown>> {
  const { all } = await columnsOf(from, table)
  return sql`select ${all} from ${named('main', table)} except select ${all} from ${named('before', table)}`
}

async function letGo(from: Kysely<Schema>, to: Transaction<Schema>, table: Table): Promise<void> {
  const column = UNIQUE[table]
  if (column === undefined) return
  const changed = sql`select id from (${await differing(from, table)}) where id in (select id from ${named('before', table)})`
  for await (const rows of pagesOf(from, changed))
    await sql`update ${sql.table(table)} set ${sql.ref(column)} = ' ' || id where ${isOneOf(table, rows)}`.execute(to)
}

async function upsert(to: Transaction<Schema>, table: Table, rows: readonly Row[]): Promise<void> {
  const key: readonly string[] = KEYS[table]
  const others = Object.keys(rows[0] ?? {}).filter(name => !key.includes(name))
  const forward = FORWARD[table]
  await insertRows(to, table, rows, conflict => {
    const met = conflict.columns(key as never)
    if (others.length === 0) return met.doNothing()
    const update = met.doUpdateSet(Object.fromEntries(others.map(name => [name, sql.ref(`excluded.${name}`)])) as never)
    return forward === undefined ? update : update.where(sql<boolean>`${sql.ref(`excluded.${forward}`)} > ${sql.ref(`${table}.${forward}`)}`)
  })
}

/** With numbers behind all that there are by now. */
async function addActivity(from: Kysely<Schema>, to: Transaction<Schema>): Promise<void> {
  const newest = await to
    .selectFrom('activity')
    .select(({ fn }) => fn.max('cursor').as('cursor'))
    .executeTakeFirst()
  let cursor = Number(newest?.cursor ?? 0)
  const added = sql`select * from main.activity where id not in (select id from before.activity) order by cursor`
  for await (const rows of pagesOf(from, added))
    await insertRows(
      to,
      'activity',
      rows.map(row => ({ ...unnumbered(row), cursor: ++cursor })),
    )
}

let differences = 0

/** The rows of a query, which is asked once. */
async function* pagesOf(from: Kysely<Schema>, query: RawBuilder<unknown>): AsyncGenerator<readonly Row[]> {
  const name = sql.table(`temp.difference_${++differences}`)
  await sql`create table ${name} as ${query}`.execute(from)
  for (let after = 0; ; after += PAGE_ROWS) {
    const { rows } = await sql<Row>`select * from ${name} where rowid > ${after} order by rowid limit ${sql.lit(PAGE_ROWS)}`.execute(from)
    if (rows.length === 0) break
    yield rows
  }
  await sql`drop table ${name}`.execute(from)
}

function named(schema: 'main' | 'before', table: Table): RawBuilder<unknown> {
  return sql.table(`${schema}.${table}`)
}

function unnumbered({ id: _, ...row }: Row): Row {
  return row
}
