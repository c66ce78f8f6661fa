/**
 * All rows of a store into the tables of a new one, whatever the two databases are, and the proof that they are the same.
 *
 * Invariants: the source is one snapshot and the target one transaction; rows go in the order of their keys, of which both have one idea.
 */
import { createHash } from 'node:crypto'
import { type InsertQueryBuilder, type InsertResult, type Kysely, type RawBuilder, sql, type Transaction } from 'kysely'
import { MailwicketError } from '../../base/errors.ts'
import type { Ddl, OnProgress } from '../schema/backend.ts'
import { MOVE_MARKS } from '../schema/moved-store.ts'
import type { Schema } from '../schema/schema.ts'

/** In an order in which rows find what they refer to, each with its key. A new table does not compile until it has its place. */
export const KEYS = {
  meta: ['name'],
  generation: ['value'],
  users: ['id'],
  mailboxes: ['id'],
  devices: ['id'],
  aliases: ['address'],
  roles: ['user_id', 'role', 'domain'],
  rights: ['user_id', 'mailbox_id'],
  preferences: ['user_id'],
  credentials: ['user_id'],
  passkeys: ['id'],
  recovery_codes: ['user_id', 'hash'],
  portal_sessions: ['id'],
  once: ['hash'],
  invitations: ['id'],
  api_tokens: ['id'],
  notices: ['id'],
  sending_rules: ['subject_kind', 'subject_id'],
  sent_counts: ['subject_kind', 'subject_id', 'day'],
  upstream_keywords: ['upstream'],
  last_connections: ['device_id'],
  activity: ['id'],
  audit: ['id'],
  failure_counts: ['kind', 'subject'],
  known_blocks: ['mailbox_id', 'block'],
  nodes: ['id'],
  sessions: ['id'],
} as const satisfies { readonly [Table in keyof Schema]: readonly (keyof Schema[Table] & string)[] }

export type Table = keyof typeof KEYS
export type Row = Readonly<Record<string, unknown>>

export const TABLES = Object.keys(KEYS) as Table[]
/** Tables whose rows number themselves. */
export const NUMBERED: readonly Table[] = ['activity', 'audit']
const PAGE_ROWS = 1_000
/** SQLite nests an expression 1,000 times. */
const REMOVED_AT_ONCE = 250
/** SQLite takes 32,766 values a statement. */
const MAX_VALUES = 30_000

export interface CopiedTable {
  readonly table: string
  readonly rows: number
  /** SHA-256 over all rows. */
  readonly digest: string
}

/** Into tables that `createTables` has just made. Throws STORE_DAMAGED when what arrived is not what was sent. */
export async function copyRows(from: Transaction<Schema>, to: Transaction<Schema>, ddl: Ddl, onProgress: OnProgress): Promise<CopiedTable[]> {
  const counts = new Map<Table, number>()
  for (const table of TABLES) counts.set(table, await countRows(from, table))
  const total = [...counts.values()].reduce((sum, rows) => sum + rows, 0)
  let done = 0
  // What a new store has of itself: the version, which is the same, and the first generation.
  for (const table of ['meta', 'generation'] as const) await sql`delete from ${sql.table(table)}`.execute(to)
  const copied: CopiedTable[] = []
  for (const table of TABLES) {
    const sent = await digestOf(from, table, async page => {
      await insertRows(to, table, page)
      done += page.length
      onProgress?.({ done, total })
    })
    if (NUMBERED.includes(table)) for (const statement of ddl.numberFromHere(table)) await statement.execute(to)
    const arrived = await digestOf(to, table)
    if (arrived.digest !== sent.digest || arrived.rows !== counts.get(table))
      throw new MailwicketError('STORE_DAMAGED', { message: `table ${table}: ${sent.rows} rows were copied, and ${arrived.rows} others arrived` })
    copied.push(sent)
  }
  return copied
}

/** One value for all rows of some tables. */
export async function digestTables(db: Kysely<Schema>, tables: readonly Table[]): Promise<string> {
  const digests: string[] = []
  for (const table of tables) digests.push((await digestOf(db, table)).digest)
  return digests.join(' ')
}

export async function digestOf(db: Kysely<Schema>, table: Table, onPage: (page: readonly Row[]) => Promise<void> = async () => {}): Promise<CopiedTable> {
  const digest = createHash('sha256')
  let rows = 0
  for await (const page of pagesOf(db, table)) {
    for (const row of page) digest.update(formatRow(row))
    rows += page.length
    await onPage(page)
  }
  return { table, rows, digest: digest.digest('hex') }
}

/** In the order of their keys. Without what `meta` says of a place, and not of the store. */
export async function* pagesOf(db: Kysely<Schema>, table: Table): AsyncGenerator<readonly Row[]> {
  const key: readonly string[] = KEYS[table]
  const columns = sql.join(key.map(name => sql.ref(name)))
  const kept = table === 'meta' ? sql`name not in (${sql.join(MOVE_MARKS)})` : sql`1 = 1`
  let after: RawBuilder<unknown> = sql`1 = 1`
  for (;;) {
    const { rows } = await sql<Row>`select * from ${sql.table(table)} where ${kept} and ${after} order by ${columns} limit ${sql.lit(PAGE_ROWS)}`.execute(db)
    const last = rows.at(-1)
    if (last === undefined) return
    yield rows
    after = sql`(${columns}) > (${sql.join(key.map(name => last[name]))})`
  }
}

/** The same text for the same row, whatever the order of its columns and the driver. */
export function formatRow(row: Row): string {
  const names = Object.keys(row).sort()
  return `${JSON.stringify(names.map(name => (row[name] instanceof Uint8Array ? Buffer.from(row[name]).toString('hex') : row[name])))}\n`
}

type OnConflict = Parameters<InsertQueryBuilder<Schema, Table, InsertResult>['onConflict']>[0]

export async function insertRows(db: Kysely<Schema>, table: Table, rows: readonly Row[], onConflict?: OnConflict): Promise<void> {
  const size = Math.max(1, Math.floor(MAX_VALUES / Object.keys(rows[0] ?? {}).length))
  for (let at = 0; at < rows.length; at += size) {
    const insert = db.insertInto(table).values(rows.slice(at, at + size) as never)
    await (onConflict === undefined ? insert : insert.onConflict(onConflict)).execute()
  }
}

export async function removeRows(db: Kysely<Schema>, table: Table, rows: readonly Row[]): Promise<void> {
  for (let at = 0; at < rows.length; at += REMOVED_AT_ONCE)
    await sql`delete from ${sql.table(table)} where ${isOneOf(table, rows.slice(at, at + REMOVED_AT_ONCE))}`.execute(db)
}

/** By the keys of the rows. */
export function isOneOf(table: Table, rows: readonly Row[]): RawBuilder<unknown> {
  const [first, ...more]: readonly string[] = KEYS[table]
  if (first !== undefined && more.length === 0) return sql`${sql.ref(first)} in (${sql.join(rows.map(row => row[first]))})`
  // SQLite compares no list of tuples.
  const isRow = (row: Row): RawBuilder<unknown> =>
    sql.join(
      KEYS[table].map(name => sql`${sql.ref(name)} = ${row[name]}`),
      sql` and `,
    )
  return sql`(${sql.join(
    rows.map(row => sql`(${isRow(row)})`),
    sql` or `,
  )})`
}

export async function countRows(db: Kysely<Schema>, table: Table): Promise<number> {
  const { rows } = await sql<{ n: number }>`select count(*) as n from ${sql.table(table)}`.execute(db)
  return Number(rows[0]?.n ?? 0)
}
