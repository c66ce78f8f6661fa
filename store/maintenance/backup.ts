/**
 * Backup: a copy of the database as one file. The master key is not in it: whoever has only the file can open nothing that is sealed.
 * Bringing it back is `restore.ts`.
 *
 * Invariants: a copy appears under its name complete or not at all; nothing is overwritten.
 */
import { existsSync, rmSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { placeFile } from '../../base/durable-file.ts'
import { MailwicketError } from '../../base/errors.ts'
import { getStoreKeyId } from '../keys/store-keys.ts'
import type { Backend } from '../schema/backend.ts'
import { createSqliteFile, openSqlite } from '../sqlite/sqlite-backend.ts'
import type { StoreContext } from '../store-context.ts'
import type { Progress } from './key-rotation.ts'

export type OnProgress = ((progress: Progress) => void) | undefined

export interface Backup {
  readonly file: string
  readonly bytes: number
  /** The master key that a restore will need. */
  readonly keyId: string
}

/** What SQLite keeps beside a database. */
export const COMPANIONS = ['-wal', '-shm', '-journal'] as const

/** Copies the store into a new file while gateways go on. Progress counts pages. Throws ALREADY_EXISTS, STORE_UNAVAILABLE. */
export async function makeBackup(context: StoreContext, file: string, onProgress: OnProgress): Promise<Backup> {
  const path = resolve(file)
  if (existsSync(path))
    throw new MailwicketError('ALREADY_EXISTS', {
      message: `there is already a file ${path}`,
      remedy: 'Name a file that does not exist yet; a backup never overwrites.',
    })
  if (!existsSync(dirname(path)))
    throw new MailwicketError('NOT_FOUND', { message: `there is no folder ${dirname(path)}`, remedy: 'Make it first, or name another.' })
  await copyDatabase(context.backend, path, onProgress)
  const keyId = await getStoreKeyId(context.db)
  await context.change(change =>
    change.audit({ action: 'store.backed-up', subject: 'store', subjectId: null, before: null, after: { file: path, key: keyId } }),
  )
  return { file: path, bytes: statSync(path).size, keyId }
}

/** The whole database as of one moment, checked, as one private file of its own. Throws ALREADY_EXISTS, STORE_DAMAGED, STORE_UNAVAILABLE. */
export async function copyDatabase(backend: Backend, path: string, onProgress: OnProgress): Promise<void> {
  const draft = `${path}.partial`
  removeDatabase(draft)
  createSqliteFile(draft)
  try {
    await backend.backupTo(draft, (done, total) => onProgress?.({ done, total }))
    const copy = openSqlite(draft, 'write')
    try {
      if (!copy.isSound('quick')) throw new MailwicketError('STORE_DAMAGED', { message: 'the copy failed its integrity check, so the store is damaged too' })
      copy.becomeSingleFile()
    } finally {
      copy.close()
    }
    placeFile(draft, path)
  } finally {
    removeDatabase(draft)
  }
}

/** Removes a database file with what SQLite keeps beside it. */
export function removeDatabase(path: string): void {
  for (const suffix of ['', ...COMPANIONS]) rmSync(`${path}${suffix}`, { force: true })
}
