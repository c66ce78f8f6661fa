/**
 * A file that is said to be a backup: copied, checked whole, brought to the present version, opened under the keys at hand.
 */
import { createReadStream, createWriteStream, existsSync, statSync } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { MailwicketError } from '../../base/errors.ts'
import { checkEnds, reasonOf, remedyOf } from '../../base/files/file-errors.ts'
import { Problem } from '../../base/problems.ts'
import type { Keyring } from '../keys/master-key.ts'
import { findKeysInUse } from '../keys/sealed-columns.ts'
import { getStoreKeyId, openPepper } from '../keys/store-keys.ts'
import { openCopy } from '../open-backend.ts'
import type { OnProgress } from '../schema/backend.ts'
import { migrate, readVersion } from '../schema/migrations.ts'
import { openAgain } from '../schema/moved-store.ts'
import type { SqliteBackend } from '../sqlite/sqlite-backend.ts'
import { TABLES } from './copy-rows.ts'

/** What the backup needs to be opened; the store's own key first. */
export type KeyIds = readonly [string, ...string[]]

/** Throws NOT_FOUND. */
export function checkIsThere(source: string): void {
  if (!existsSync(source)) throw new Problem('backup.unknown', { file: source })
  checkEnds(source)
}

/** Copies the backup into `draft`, which is there and private, and leaves it there as one file of the present version. Throws STORE_DAMAGED, STORE_TOO_NEW, KEY_WRONG, STORE_UNAVAILABLE. */
export async function takeBackup(source: string, draft: string, keyring: Keyring, onProgress: OnProgress): Promise<KeyIds> {
  await copyFile(source, draft, onProgress)
  return checkCopy(draft, keyring, source)
}

/** Whether the copy is a store that these keys open; migrates it and leaves it as one file. Returns the ids of its keys. */
async function checkCopy(draft: string, keyring: Keyring, source: string): Promise<KeyIds> {
  const copy = await openDraft(draft, source)
  try {
    if (!copy.isSound('full')) throw new MailwicketError('STORE_DAMAGED', { message: `${source} failed its integrity check`, remedy: 'Take another backup.' })
    const { version, movedTo, unfinishedMove } = await readVersion(copy)
    if (version === 0)
      throw new MailwicketError('STORE_DAMAGED', { message: `${source} is a database, but no backup of a Mailwicket store`, remedy: 'Take another file.' })
    if (unfinishedMove !== undefined) throw new Problem('store.incomplete', { place: source })
    // The file that a store has moved out of is one too.
    if (movedTo !== undefined) await copy.change(db => openAgain(db, copy.ddl, TABLES))
    await migrate(copy)
    const keyId = await getStoreKeyId(copy.db)
    await openPepper(copy.db, keyring)
    // A backup made during a rotation needs two keys.
    const others = await findKeysInUse(copy.db)
    for (const id of others) keyring.get(id)
    copy.becomeSingleFile()
    return [keyId, ...others]
  } catch (error) {
    if (!(error instanceof MailwicketError && error.code === 'KEY_WRONG')) throw error
    throw new Problem('backup.key', { wrong: error.message }, error)
  } finally {
    await copy.close()
  }
}

/** Whoever names a wrong file hears of that file, not of our copy of it. */
async function openDraft(draft: string, source: string): Promise<SqliteBackend> {
  try {
    return await openCopy(draft, 'write')
  } catch (error) {
    if (!(error instanceof MailwicketError && error.code === 'STORE_DAMAGED')) throw error
    throw new MailwicketError('STORE_DAMAGED', {
      message: `${source} is no database, and so no backup`,
      remedy: 'Nothing was changed. Take another file.',
      cause: error,
    })
  }
}

/** Into a file that is there and private already. Throws STORE_UNAVAILABLE. */
async function copyFile(source: string, target: string, onProgress: OnProgress): Promise<void> {
  const total = statSync(source).size
  let done = 0
  const reading = createReadStream(source, { highWaterMark: 1024 * 1024 })
  reading.on('data', chunk => {
    done += chunk.length
    onProgress?.({ done, total: Math.max(total, done) })
  })
  try {
    await pipeline(reading, createWriteStream(target, { flags: 'r+' }))
  } catch (error) {
    throw new MailwicketError('STORE_UNAVAILABLE', {
      message: `${source} could not be copied: ${reasonOf(error, source)}`,
      remedy: remedyOf(error, source),
      cause: error,
    })
  }
}
