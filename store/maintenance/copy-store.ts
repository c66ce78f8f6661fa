/**
 * A whole store as of one moment in another place: as one SQLite file (which is what a backup is), or in an empty database.
 */
import { placeFile } from '../../base/files/durable-file.ts'
import { openBackend, openCopy, type StoreConfig } from '../open-backend.ts'
import type { Backend, OnProgress } from '../schema/backend.ts'
import { createTables } from '../schema/migrations.ts'
import { createDraft, removeSqliteFile } from '../sqlite/sqlite-store-file.ts'
import { type CopiedTable, copyRows } from './copy-rows.ts'

/** Into a new file, 0600, checked, complete or not at all, while others write. Throws ALREADY_EXISTS, STORE_DAMAGED, STORE_UNAVAILABLE. */
export async function copyToFile(backend: Backend, file: string, onProgress: OnProgress): Promise<void> {
  if (backend.copyTo !== undefined) return backend.copyTo(file, onProgress)
  const draft = `${file}.partial`
  createDraft(draft)
  try {
    const copy = await openCopy(draft, 'write-records')
    try {
      await copyInto(backend, copy, onProgress)
      copy.becomeSingleFile()
    } finally {
      await copy.close()
    }
    placeFile(draft, file)
  } finally {
    removeSqliteFile(draft)
  }
}

/** Into a database without a store. Throws ALREADY_EXISTS. */
export async function copyInto(from: Backend, to: Backend, onProgress: OnProgress): Promise<CopiedTable[]> {
  let copied: CopiedTable[] = []
  await from.snapshot(async source => {
    await createTables(to, async target => {
      copied = await copyRows(source, target, to.ddl, onProgress)
    })
  })
  return copied
}

/** The rows of a closed SQLite file of this version, into a place without a store. Throws ALREADY_EXISTS. */
export async function copyFromFile(file: string, store: StoreConfig, onProgress: OnProgress): Promise<CopiedTable[]> {
  const from = await openCopy(file, 'read')
  const to = await openBackend(store, 'write')
  try {
    return await copyInto(from, to, onProgress)
  } finally {
    await from.close()
    await to.close()
  }
}
