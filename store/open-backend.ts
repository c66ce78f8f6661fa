/**
 * The one place where a database is opened: the store that the configuration names, or a copy of a store in a file.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { MailwicketError } from '../base/errors.ts'
import type { Config } from '../config/config.ts'
import type { Backend, BackendMode } from './schema/backend.ts'
import { openSqlite, type SqliteBackend } from './sqlite/sqlite-backend.ts'

export type StoreConfig = Config['store']

/** Somebody who closes a store as the last one has it for himself for a moment. */
const OPEN_WAIT_MS = 30_000
const RETRY_MS = 50

/**
 * Opens the store. 'read' needs a writing connection that was opened before, in any thread or process.
 * Throws NOT_FOUND, STORE_BUSY, STORE_DAMAGED, STORE_UNAVAILABLE.
 */
export function openBackend(store: StoreConfig, mode: BackendMode): Promise<Backend> {
  return openInTurn(() => openSqlite(store.sqlitePath, mode))
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
