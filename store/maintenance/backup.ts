/**
 * Backup: a copy of the store as one file, whatever database it is in. The master key is not in it: whoever has only the file can open
 * nothing that is sealed. Bringing it back is `restore.ts`.
 *
 * Invariants: a copy appears under its name complete or not at all; nothing is overwritten.
 */
import { existsSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { MailwicketError } from '../../base/errors.ts'
import { getStoreKeyId } from '../keys/store-keys.ts'
import type { OnProgress } from '../schema/backend.ts'
import type { StoreContext } from '../store-context.ts'
import { copyToFile } from './copy-store.ts'

export interface Backup {
  readonly file: string
  readonly bytes: number
  /** The master key that a restore will need. */
  readonly keyId: string
}

/** Copies the store into a new file while gateways go on. Throws ALREADY_EXISTS, STORE_UNAVAILABLE. */
export async function makeBackup(context: StoreContext, file: string, onProgress: OnProgress): Promise<Backup> {
  const path = resolve(file)
  if (existsSync(path))
    throw new MailwicketError('ALREADY_EXISTS', {
      message: `there is already a file ${path}`,
      remedy: 'Name a file that does not exist yet; a backup never overwrites.',
    })
  if (!existsSync(dirname(path)))
    throw new MailwicketError('NOT_FOUND', { message: `there is no folder ${dirname(path)}`, remedy: 'Make it first, or name another.' })
  await copyToFile(context.backend, path, onProgress)
  const keyId = await getStoreKeyId(context.db)
  await context.change(change =>
    change.audit({ action: 'store.backed-up', subject: 'store', subjectId: null, before: null, after: { file: path, key: keyId } }),
  )
  return { file: path, bytes: statSync(path).size, keyId }
}
