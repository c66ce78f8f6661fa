/**
 * What a database has to offer to the store. One folder implements it for each (`sqlite/`); nothing else knows which it is:
 * where they differ there is a flag (`backend-features.ts`) or a statement (`Ddl`). `open-backend.ts` opens one.
 */
import type { ColumnDefinitionBuilder, Kysely, RawBuilder, Transaction } from 'kysely'
import type { BackendFeatures } from './backend-features.ts'
import type { Schema } from './schema.ts'

/** Where the databases write a table differently. */
export interface Ddl {
  readonly bytes: RawBuilder<unknown>
  /** Makes an integer column number its rows; a number is never used twice. */
  rowNumber(column: ColumnDefinitionBuilder): ColumnDefinitionBuilder
  /** A query with one row if there is such a table, else none. */
  findTable(table: string): RawBuilder<unknown>
  /** Statements after which rows of the table can neither be changed nor deleted. */
  appendOnly(table: string): readonly RawBuilder<unknown>[]
  /** Statements after which a change of the table's row is told at once to whoever listens; none where nobody can. */
  announceMoves(table: string): readonly RawBuilder<unknown>[]
  /** Statements after which new rows are numbered from those on that were inserted with their numbers. */
  numberFromHere(table: string): readonly RawBuilder<unknown>[]
  /** Statements after which, until the transaction ends, nobody else writes into these tables; none where whoever changes is the only one who writes. */
  holdWriters(tables: readonly string[]): readonly RawBuilder<unknown>[]
  /** Statements after which nobody can write into the table; whoever tries is told that the store has moved `to` another place. */
  refuseWrites(table: string, to: string): readonly RawBuilder<unknown>[]
  /** Undoes `refuseWrites`. */
  allowWrites(table: string): readonly RawBuilder<unknown>[]
  /** For making tables: columns get the types that this database has for them. */
  tables<Tables>(db: Kysely<Tables>): Kysely<Tables>
}

/** Counts pages, rows or bytes. */
export interface Progress {
  readonly done: number
  readonly total: number
}

export type OnProgress = ((progress: Progress) => void) | undefined

export type BackendMode =
  /** Administrative changes: a commit survives a power failure. */
  | 'write'
  /** The gateway's records: a commit survives a crash of the process; a power failure may cost the last seconds. */
  | 'write-records'
  /** One query on the loop that serves sessions is short, and waits for no writer. */
  | 'read'

/** What a look at the structure found. */
export interface Integrity {
  /** Tables that were left out because they would have taken too long. */
  readonly unchecked: readonly string[]
  readonly ms: number
}

/** Of the disk that a store lies on. */
export interface StoreSpace {
  readonly freeBytes: number
  /** Kept for changes that end access; 0: used up, or not made yet. */
  readonly reserveBytes: number
  /** Somebody should make room now. */
  readonly isLow: boolean
}

/** Work in which rows get numbers that grow, over all nodes. */
export type SerialWork = 'activity' | 'limits'

/** A database server, as `check` tells of it. */
export interface ServerState {
  /** `PostgreSQL 15.18`. */
  readonly version: string
  /** Older than what is relied on. */
  readonly isTooOld: boolean
  /** Milliseconds that its clock is before ours; negative: behind. */
  readonly clockAheadMs: number
  /** Whether a migration could make tables. */
  readonly mayMakeTables: boolean
  readonly standbys: number
  /** Of the standby that is furthest behind; null: none, or not known. */
  readonly replayLagMs: number | null
}

export interface Backend {
  readonly features: BackendFeatures
  readonly db: Kysely<Schema>
  readonly ddl: Ddl
  /** How messages call it: a path, or an address without a password. */
  readonly place: string
  /**
   * Runs one change as a transaction that holds, from its beginning, the lock under which nobody else changes anything:
   * what it has looked at stays so until it is committed. Waits its turn. Throws STORE_BUSY.
   * When the disk is full and `endsAccess` says so of what `act` has done, it is undone and done once more with the room that is kept in reserve.
   */
  change<Result>(act: (db: Transaction<Schema>) => Promise<Result>, endsAccess?: () => boolean): Promise<Result>
  /** Within a transaction of records: until it ends, nobody else is at the same work. */
  serialise(db: Transaction<Schema>, work: SerialWork): Promise<void>
  /** Runs queries that all see one moment, and hold up nobody. On a backend opened to read. */
  snapshot<Result>(act: (db: Transaction<Schema>) => Promise<Result>): Promise<Result>
  /** `features.listens`: calls whenever the generation moved, until it is stopped. */
  listen?(onMoved: () => void): Promise<{ stop(): Promise<void> }>
  /** `features.keepsReserve`: `keep` makes it whole where there is room. */
  readonly reserve?: { keep(): void; readSpace(): Promise<StoreSpace> }
  /** `features.checksIntegrity`: looks at everything, or, the most important first, at what fits in a time. Throws STORE_DAMAGED. */
  checkIntegrity?(limits?: { readonly budgetMs: number }): Promise<Integrity>
  /** Where there is a server. */
  examineServer?(): Promise<ServerState>
  /** Where there is a server: how far its clock is before this machine's; negative: behind. */
  readClockAheadMs?(): Promise<number>
  /** Where that is quicker than row by row: writes the whole store as of one moment, checked, into a new SQLite file, 0600, without holding up writers. Throws ALREADY_EXISTS, STORE_DAMAGED. */
  copyTo?(file: string, onProgress: OnProgress): Promise<void>
  close(): Promise<void>
}
