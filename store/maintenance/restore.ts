/**
 * Restore: brings back what a backup holds. Where the store is one file: `restore-into-file.ts`; where it lies on a database server: `restore-into-server.ts`.
 *
 * Invariants: nothing of the store changes before the backup was checked whole, migrated and found to open under the keys at hand; all of it changes or
 * nothing; what was there is kept as a file.
 */
import { resolve } from 'node:path'
import { featuresOf } from '../open-backend.ts'
import { checkIsThere } from './backup-file.ts'
import type { PreparedRestore, Restoration, RestoreOptions } from './restoration.ts'
import { prepareFileRestore } from './restore-into-file.ts'
import { prepareServerRestore } from './restore-into-server.ts'

export async function restoreStore(options: RestoreOptions): Promise<Restoration> {
  const prepared = await prepareRestore(options)
  try {
    return await prepared.apply()
  } finally {
    await prepared.close()
  }
}

/** Throws NOT_FOUND, STORE_DAMAGED, STORE_TOO_NEW, STORE_TOO_OLD (the present store), KEY_WRONG with the id needed, STORE_IN_USE, STORE_UNAVAILABLE. */
export async function prepareRestore(options: RestoreOptions): Promise<PreparedRestore> {
  const source = resolve(options.file)
  checkIsThere(source)
  const prepare = featuresOf(options.config.store).isFile ? prepareFileRestore : prepareServerRestore
  return prepare(options, source, options.now ?? Date.now)
}
