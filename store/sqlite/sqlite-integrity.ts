/**
 * The look at the store when a gateway starts: whether the database's structure holds, table by table, the most important first, within a budget.
 * A WAL lets others read and write meanwhile. `mailwicket check` looks at everything, however long it takes.
 */
import { MailwicketError } from '../../base/errors.ts'
import type { Integrity } from '../schema/backend.ts'
import type { Schema } from '../schema/schema.ts'

/** What a login reads comes first. A new table does not compile until it has its place. */
const ORDER = {
  meta: 0,
  generation: 1,
  users: 2,
  roles: 3,
  rights: 4,
  sending_rules: 5,
  mailboxes: 6,
  aliases: 7,
  devices: 8,
  credentials: 9,
  passkeys: 10,
  recovery_codes: 11,
  portal_sessions: 12,
  api_tokens: 13,
  invitations: 14,
  preferences: 15,
  once: 16,
  notices: 17,
  upstream_keywords: 18,
  nodes: 19,
  sessions: 20,
  sent_counts: 21,
  last_connections: 22,
  audit: 23,
  activity: 24,
  failure_counts: 25,
  known_blocks: 26,
} as const satisfies Record<keyof Schema, number>

/** Measured: 0.8 µs from memory; before the first large table was seen, the disk is taken for twice as slow. */
const MS_PER_ROW = 0.002
/** Smaller tables tell nothing about the speed of the disk. */
const TELLING_ROWS = 100_000

/** What it asks of a connection. */
export interface CheckedTables {
  readonly path: string
  /** Whether the structure of one table and its indices holds; not whether indices have what their tables have. */
  isSound(table: string): boolean
  /** The largest row number, without reading the table. */
  countAtMost(table: string): number
}

/** Throws STORE_DAMAGED. `clock` in milliseconds. */
export function checkWithin(tables: CheckedTables, budgetMs: number, clock = () => performance.now()): Integrity {
  const startedAt = clock()
  const unchecked: string[] = []
  let msPerRow = MS_PER_ROW
  for (const table of Object.keys(ORDER)) {
    const rows = tables.countAtMost(table)
    const began = clock()
    if (began - startedAt + rows * msPerRow > budgetMs) {
      unchecked.push(table)
      continue
    }
    if (!tables.isSound(table)) throw new MailwicketError('STORE_DAMAGED', { message: `${tables.path} failed its integrity check: table ${table}` })
    if (rows >= TELLING_ROWS) msPerRow = Math.max(MS_PER_ROW, (clock() - began) / rows)
  }
  return { unchecked, ms: Math.round(clock() - startedAt) }
}
