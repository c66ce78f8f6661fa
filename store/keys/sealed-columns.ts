/**
 * Every column that holds sealed values, row by row: what a rotation seals again, and what tells which keys a backup needs.
 * The pepper, the one sealed value of the store itself, stands in `meta`.
 */
import { type Kysely, sql } from 'kysely'
import type { Schema } from '../schema/schema.ts'
import type { Keyring } from './master-key.ts'
import { keyIdOf, openSealed, type Place } from './seal.ts'
import { getStoreKeyId, sealForStore, totpPlace, upstreamSecretPlace } from './store-keys.ts'

export interface SealedColumn {
  readonly table: 'mailboxes' | 'credentials'
  /** Names the row. */
  readonly id: string
  readonly column: string
  place(id: string): Place
}

/** A new sealed column belongs here, or a rotation would throw its key away. */
export const SEALED_COLUMNS: readonly SealedColumn[] = [
  { table: 'mailboxes', id: 'id', column: 'sealed_secret', place: upstreamSecretPlace },
  { table: 'credentials', id: 'user_id', column: 'sealed_totp', place: totpPlace },
]

export async function countSealed(db: Kysely<Schema>): Promise<number> {
  let count = 0
  for (const { table, column } of SEALED_COLUMNS) {
    const { rows } = await sql<{ n: number }>`select count(*) as n from ${sql.table(table)} where ${sql.ref(column)} is not null`.execute(db)
    count += Number(rows[0]?.n ?? 0)
  }
  return count
}

/** The ids of the keys that values are sealed under, in hexadecimal. */
export async function findKeysInUse(db: Kysely<Schema>): Promise<readonly string[]> {
  const ids = new Set<string>()
  for (const { table, column } of SEALED_COLUMNS) {
    const { rows } = await sql<{ key: Uint8Array }>`
      select distinct substr(${sql.ref(column)}, 2, 4) as key from ${sql.table(table)} where ${sql.ref(column)} is not null`.execute(db)
    for (const { key } of rows) ids.add(Buffer.from(key).toString('hex'))
  }
  return [...ids]
}

/** Seals up to `limit` values of a column again that stand under another key than the store's. `last`: where to go on; undefined: nothing is left. */
export async function resealSome(
  db: Kysely<Schema>,
  keyring: Keyring,
  { table, id, column, place }: SealedColumn,
  { after, limit }: { readonly after: string; readonly limit: number },
): Promise<{ readonly rows: number; readonly last: string | undefined }> {
  const storeKeyId = await getStoreKeyId(db)
  const { rows } = await sql<{ id: string; sealed: Uint8Array }>`
    select ${sql.ref(id)} as id, ${sql.ref(column)} as sealed from ${sql.table(table)}
    where ${sql.ref(id)} > ${after} and ${sql.ref(column)} is not null order by ${sql.ref(id)} limit ${limit}`.execute(db)
  for (const row of rows) {
    if (keyIdOf(row.sealed) === storeKeyId) continue
    const resealed = await sealForStore(db, keyring, openSealed(keyring, row.sealed, place(row.id)), place(row.id))
    await sql`update ${sql.table(table)} set ${sql.ref(column)} = ${resealed} where ${sql.ref(id)} = ${row.id}`.execute(db)
  }
  return { rows: rows.length, last: rows.at(-1)?.id }
}
