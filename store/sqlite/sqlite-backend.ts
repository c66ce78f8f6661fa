/**
 * SQLite as a backend: one file, which any number of processes of one machine read while one writes.
 *
 * Invariants: the database and its -wal and -shm are 0600; an administrative change waits for the lock without holding up its thread.
 */
import { existsSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import { Kysely, sql, type Transaction } from 'kysely'
import { MailwicketError } from '../../base/errors.ts'
import { placeFile } from '../../base/files/durable-file.ts'
import { Problem } from '../../base/problems.ts'
import type { Backend, BackendMode, Ddl, Integrity, OnProgress } from '../schema/backend.ts'
import type { BackendFeatures } from '../schema/backend-features.ts'
import type { Schema } from '../schema/schema.ts'
import { PlanningOnce } from './plan-once.ts'
import { isOutOfSpace, MOVED, SqliteConnection } from './sqlite-connection.ts'
import { checkWithin } from './sqlite-integrity.ts'
import { SqliteReserve } from './sqlite-reserve.ts'
import { createDraft, removeSqliteFile } from './sqlite-store-file.ts'

export const SQLITE_FEATURES: BackendFeatures = { blocksItsThread: true, listens: false, checksIntegrity: true, isFile: true, keepsReserve: true }

const WRITES = ['insert', 'update', 'delete'] as const
const quoted = (text: string): string => `'${text.replaceAll("'", "''")}'`

const DDL: Ddl = {
  bytes: sql`blob`,
  rowNumber: column => column.primaryKey().autoIncrement(),
  findTable: table => sql`select 1 from sqlite_schema where type = 'table' and name = ${table}`,
  appendOnly: table =>
    [
      `create trigger ${table}_no_update before update on ${table}`,
      `create trigger ${table}_no_delete before delete on ${table}`,
      // REPLACE deletes without asking the trigger above, unless the connection says otherwise.
      `create trigger ${table}_no_replace before insert on ${table} when exists (select 1 from ${table} where id = new.id)`,
    ].map(trigger => sql.raw(`${trigger} begin select raise(abort, '${table} is append only'); end`)),
  announceMoves: () => [],
  numberFromHere: () => [],
  holdWriters: () => [],
  refuseWrites: (table, to) =>
    WRITES.map(write => sql.raw(`create trigger ${table}_moved_${write} before ${write} on ${table} begin select raise(abort, ${quoted(MOVED + to)}); end`)),
  allowWrites: table => WRITES.map(write => sql.raw(`drop trigger ${table}_moved_${write}`)),
  tables: db => db,
}

/** As long as an administrator waits for others who change something. */
const TURN_WAIT_MS = 30_000
/** Between two tries for the lock, at random, so that many who wait do not ask all at once. */
const RETRY_MS = 25

/** What only a file can do. */
export interface SqliteBackend extends Backend {
  copyTo(file: string, onProgress: OnProgress): Promise<void>
  checkIntegrity(limits?: { readonly budgetMs: number }): Promise<Integrity>
  /** Whether the structure holds. 'quick' leaves out the comparison of indices with their tables. */
  isSound(depth: 'quick' | 'full'): boolean
  /** See `SqliteConnection`. */
  attach(file: string, name: string): void
  becomeSingleFile(): void
}

/**
 * Opens an existing database. 'read' needs a writing connection that was opened before (in any thread or process):
 * only a writer may make the -wal and -shm files and clean up after a crash.
 * Throws NOT_FOUND, STORE_BUSY, STORE_DAMAGED, STORE_UNAVAILABLE.
 */
export function openSqlite(path: string, mode: BackendMode): SqliteBackend {
  if (!existsSync(path)) throw new Problem('database.unknown', { path })
  const reserve = new SqliteReserve(path)
  const connection = mode === 'write' ? connectWithReserve(path, reserve) : new SqliteConnection(path, mode)
  const db = new Kysely<Schema>({ dialect: new PlanningOnce({ database: connection }) })
  return {
    features: SQLITE_FEATURES,
    db,
    ddl: DDL,
    place: path,
    change: async (act, endsAccess) => {
      try {
        return await changeInTurn(db, act)
      } catch (error) {
        if (!isOutOfSpace(error) || endsAccess?.() !== true || !reserve.release()) throw error
        return await changeInTurn(db, act).finally(() => reserve.takeBack())
      }
    },
    reserve,
    // Whoever writes is the only one.
    serialise: async () => {},
    snapshot: act => db.transaction().execute(act),
    checkIntegrity: async limits => {
      if (limits !== undefined)
        return checkWithin({ path, isSound: table => connection.isSound('quick', table), countAtMost: table => connection.countAtMost(table) }, limits.budgetMs)
      if (!connection.isSound('quick')) throw new MailwicketError('STORE_DAMAGED', { message: `${path} failed its integrity check` })
      return { unchecked: [], ms: 0 }
    },
    copyTo: (file, onProgress) => copyTo(connection, file, onProgress),
    isSound: depth => connection.isSound(depth),
    attach: (file, name) => connection.attach(file, name),
    becomeSingleFile: () => connection.becomeSingleFile(),
    close: async () => connection.close(),
  }
}

/** On a full disk the first of all connections finds no room for the -wal and -shm files. */
function connectWithReserve(path: string, reserve: SqliteReserve): SqliteConnection {
  try {
    return new SqliteConnection(path, 'write')
  } catch (error) {
    if (!isOutOfSpace(error) || !reserve.release()) throw error
    try {
      return new SqliteConnection(path, 'write')
    } finally {
      reserve.takeBack()
    }
  }
}

/** Others may hold the lock: asks for it again and again, and leaves the thread to others meanwhile. */
async function changeInTurn<Result>(db: Kysely<Schema>, act: (db: Transaction<Schema>) => Promise<Result>): Promise<Result> {
  const until = performance.now() + TURN_WAIT_MS
  for (;;) {
    let hasBegun = false
    try {
      return await db.transaction().execute(transaction => {
        hasBegun = true
        return act(transaction)
      })
    } catch (error) {
      const isBusy = error instanceof MailwicketError && error.code === 'STORE_BUSY'
      if (hasBegun || !isBusy || performance.now() > until) throw error
      await wait(Math.random() * RETRY_MS)
    }
  }
}

/** Under its name complete or not at all. */
async function copyTo(connection: SqliteConnection, file: string, onProgress: OnProgress): Promise<void> {
  const draft = `${file}.partial`
  createDraft(draft)
  try {
    await connection.copyInto(draft, onProgress)
    const copy = new SqliteConnection(draft, 'write')
    try {
      if (!copy.isSound('quick')) throw new MailwicketError('STORE_DAMAGED', { message: 'the copy failed its integrity check, so the store is damaged too' })
      copy.becomeSingleFile()
    } finally {
      copy.close()
    }
    placeFile(draft, file)
  } finally {
    removeSqliteFile(draft)
  }
}
