/**
 * A store that has moved into another database (`maintenance/move-store.ts`), as the old place knows it: its last generation is below zero, which every login
 * and every look of a gateway sees, and triggers refuse whatever anybody would still write, so that nothing is lost there unnoticed.
 */
import { type Kysely, type RawBuilder, sql, type Transaction } from 'kysely'
import { Problem } from '../../base/problems.ts'
import type { Ddl } from './backend.ts'
import type { MoveMark, Schema } from './schema.ts'

/** Rows of `meta` that say something of a place. */
export const MOVE_MARKS: readonly MoveMark[] = ['moved_to', 'unfinished_move']

const VALUE = sql.ref('value')

export function isOfMovedStore(generation: number): boolean {
  return generation < 0
}

export async function movedAway(db: Kysely<Schema>): Promise<Problem<'store.moved'>> {
  const row = await db.selectFrom('meta').select('value').where('name', '=', 'moved_to').executeTakeFirst()
  return new Problem('store.moved', { to: row?.value ?? '' })
}

/** Within the change that held all writers. From its end on nothing can be written here. */
export async function closeMoved(db: Transaction<Schema>, ddl: Ddl, tables: readonly string[], to: string): Promise<void> {
  await db.insertInto('meta').values({ name: 'moved_to', value: to }).execute()
  await setGeneration(db, sql`-abs(${VALUE})`)
  for (const table of tables) for (const statement of ddl.refuseWrites(table, to)) await statement.execute(db)
}

/** Of a copy that becomes a store of its own. */
export async function openAgain(db: Transaction<Schema>, ddl: Ddl, tables: readonly string[]): Promise<void> {
  for (const table of tables) for (const statement of ddl.allowWrites(table)) await statement.execute(db)
  await openGeneration(db)
  await db.deleteFrom('meta').where('name', '=', 'moved_to').execute()
}

/** Of a store that is in use, whatever the one says that it was copied from. */
export function openGeneration(db: Transaction<Schema>): Promise<void> {
  return setGeneration(db, sql`abs(${VALUE})`)
}

async function setGeneration(db: Transaction<Schema>, value: RawBuilder<number>): Promise<void> {
  await db.updateTable('generation').set({ value }).execute()
}
