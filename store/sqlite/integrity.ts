/**
 * The look at the store when a gateway starts: whether the database's structure holds, table by table, the most important first, within a budget.
 * A WAL lets others read and write meanwhile. `mailwicket check` looks at everything, however long it takes.
 */
import { sql } from 'kysely'
import { MailwicketError } from '../../base/errors.ts'
import type { Backend } from '../schema/backend.ts'
import type { Schema } from '../schema/schema.ts'

export interface Integrity {
  /** Tables that were left out because they would have taken too long. */
  readonly unchecked: readonly string[]
  readonly ms: number
}

/** What a login reads comes first. A new table does not compile until it has its place. */
const ORDER = {
  meta: 0,
  generation: 1,
  users: 2,
  sending_rules: 3,
  mailboxes: 4,
  devices: 5,
  upstream_keywords: 6,
  nodes: 7,
  sessions: 8,
  sent_counts: 9,
  last_connections: 10,
  audit: 11,
  activity: 12,
  failure_counts: 13,
  known_blocks: 14,
} as const satisfies Record<keyof Schema, number>

/** A million mailboxes with a million devices (half a gigabyte) take 1.5 s from memory; a service manager waits 90 s for a start. */
const BUDGET_MS = 10_000
/** Measured: 0.8 µs from memory; before the first large table was seen, the disk is taken for twice as slow. */
const MS_PER_ROW = 0.002
/** Smaller tables tell nothing about the speed of the disk. */
const TELLING_ROWS = 100_000

/** Throws STORE_DAMAGED. `clock` in milliseconds. */
export async function checkWithin(backend: Backend, path: string, budgetMs = BUDGET_MS, clock = () => performance.now()): Promise<Integrity> {
  const startedAt = clock()
  const unchecked: string[] = []
  let msPerRow = MS_PER_ROW
  for (const table of Object.keys(ORDER)) {
    const rows = await countAtMost(backend, table)
    const began = clock()
    if (began - startedAt + rows * msPerRow > budgetMs) {
      unchecked.push(table)
      continue
    }
    if (!backend.isSound('quick', table)) throw new MailwicketError('STORE_DAMAGED', { message: `${path} failed its integrity check: table ${table}` })
    if (rows >= TELLING_ROWS) msPerRow = Math.max(MS_PER_ROW, (clock() - began) / rows)
  }
  return { unchecked, ms: Math.round(clock() - startedAt) }
}

/** Without reading the table: the largest row number. */
async function countAtMost({ db }: Backend, table: string): Promise<number> {
  const { rows } = await sql<{ n: number | null }>`select max(rowid) as n from ${sql.table(table)}`.execute(db)
  return rows[0]?.n ?? 0
}
