/**
 * The one place where a database is opened: the store that the configuration names, or a copy of a store in a file.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { MailwicketError } from '../base/errors.ts'
import { Problem } from '../base/problems.ts'
import type { Config } from '../config/config.ts'
import { POSTGRES_FEATURES } from './postgres/postgres-features.ts'
import type { Backend, BackendMode } from './schema/backend.ts'
import type { BackendFeatures } from './schema/backend-features.ts'
import { openSqlite, SQLITE_FEATURES, type SqliteBackend } from './sqlite/sqlite-backend.ts'
import { createDraft, placeSqliteFile, removeSqliteFile } from './sqlite/sqlite-store-file.ts'

export type StoreConfig = Config['store']

/** Somebody who closes a store as the last one has it for himself for a moment. */
const OPEN_WAIT_MS = 30_000
const RETRY_MS = 50

/** What the database of this store can do, before it is opened. */
export function featuresOf(store: StoreConfig): BackendFeatures {
  return store.postgres === undefined ? SQLITE_FEATURES : POSTGRES_FEATURES
}

/**
 * Opens the store; PostgreSQL is connected to when it is first asked. 'read' needs a writing connection that was opened before, in any thread or process.
 * Throws NOT_FOUND, STORE_BUSY, STORE_DAMAGED, STORE_UNAVAILABLE.
 */
export async function openBackend(store: StoreConfig, mode: BackendMode): Promise<Backend> {
  if (store.postgres !== undefined) {
    // Commands on a file load no driver of PostgreSQL.
    const { openPostgres } = await import('./postgres/postgres-backend.ts')
    return openPostgres(store.postgres, store.url, mode)
  }
  return openInTurn(() => openSqlite(store.sqlitePath, mode))
}

/** Makes a place for a new store and hands it to `fill`. A file appears complete or not at all; elsewhere `fill` is to be one change. Throws ALREADY_EXISTS. */
export async function createBackend(store: StoreConfig, fill: (backend: Backend) => Promise<void>): Promise<void> {
  if (store.postgres !== undefined) {
    const backend = await openBackend(store, 'write')
    return fill(backend).finally(() => backend.close())
  }
  const draft = `${store.sqlitePath}.creating`
  createDraft(draft)
  try {
    const backend = await openStoreFile(draft)
    try {
      await fill(backend)
      backend.becomeSingleFile()
    } finally {
      await backend.close()
    }
    placeSqliteFile(draft, store.sqlitePath, null)
  } finally {
    removeSqliteFile(draft)
  }
}

/** Where the file of a store lies. Throws BAD_INPUT when it is none. */
export function filePathOf(store: StoreConfig): string {
  if (store.sqlitePath !== undefined) return store.sqlitePath
  throw new Problem('database.no-file', { place: store.url })
}

/** A store that can be set aside, and have another put in its place: `BackendFeatures.isFile`. */
export function openStoreFile(path: string): Promise<SqliteBackend> {
  return openInTurn(() => openSqlite(path, 'write'))
}

/** A copy of a store: a backup, a draft, a rehearsal. Nobody else has it open. What it is said to be lies at `path`. */
export async function openCopy(path: string, mode: BackendMode): Promise<SqliteBackend> {
  return openSqlite(path, mode)
}

async function openInTurn<Opened>(open: () => Opened): Promise<Opened> {
  const until = performance.now() + OPEN_WAIT_MS
  for (;;) {
    try {
      return open()
    } catch (error) {
      if (!(error instanceof MailwicketError && error.code === 'STORE_BUSY') || performance.now() > until) throw error
      await wait(RETRY_MS)
    }
  }
}
