/**
 * A store that has moved into another database (`maintenance/move-store.ts`), as the old place knows it: its last generation is below zero, which every login
 * and every look of a gateway sees, and triggers refuse whatever anybody would still write, so that nothing is lost there unnoticed.
 */
import type { Kysely, Transaction } from 'kysely'
import { Problem } from '../../base/problems.ts'
import type { Ddl } from './backend.ts'
import type { MoveMark, Schema } from './schema.ts'

/** Rows of `meta` that say something of a place. */
export const MOVE_MARKS: readonly MoveMark[] = ['moved_to', 'unfinished_move']

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
  await negateGeneration(db)
  for (const table of tables) for (const statement of ddl.refuseWrites(table, to)) await statement.execute(db)
}

/** Of a copy that becomes a store of its own. */
export async function openAgain(db: Transaction<Schema>, ddl: Ddl, tables: readonly string[]): Promise<void> {
  for (const table of tables) for (const statement of ddl.allowWrites(table)) await statement.execute(db)
  await negateGeneration(db)
  await db.deleteFrom('meta').where('name', '=', 'moved_to').execute()
}

async function negateGeneration(db: Transaction<Schema>): Promise<void> {
  await db
    .updateTable('generation')
    .set(row => ({ value: row.neg(row.ref('value')) }))
    .execute()
}
