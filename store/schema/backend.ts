/**
 * What a database has to offer to the store. One file implements it for each (`sqlite-backend.ts`); nothing else knows which it is.
 */
import type { ColumnDefinitionBuilder, Kysely, RawBuilder } from 'kysely'
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
}

export interface Backend {
  readonly db: Kysely<Schema>
  readonly ddl: Ddl
  /** Copies the whole database as of one moment into `file`; units of progress are pages. */
  backupTo(file: string, onProgress: (done: number, total: number) => void): Promise<void>
  /** Makes another database readable and writable beside this one as `name`; what is written there survives no crash, and foreign keys are not held any more. Not within a transaction. */
  attach(file: string, name: string): void
  /** Whether the structure holds. 'quick' leaves out the comparison of indices with their tables. Of one table, or of everything. */
  isSound(depth: 'quick' | 'full', table?: string): boolean
  /** Folds everything pending into the one file, so that it may be renamed. Throws STORE_UNAVAILABLE when others have it open. */
  becomeSingleFile(): void
  /** Throws STORE_UNAVAILABLE when the database that was opened is no longer the one at its place: what others write would never be seen. */
  checkInPlace(): void
  close(): void
}
