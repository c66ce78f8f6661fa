/**
 * A restore of a store that is one file: the rows of the backup in the place of the store's, in one transaction, while gateways run.
 * A store that is missing or damaged is replaced as a file instead, and then no gateway may run on it.
 *
 * Invariants: a crash at any moment leaves the old store or the new one; what was there is kept beside it; a database never meets the -wal file of another.
 */
import { existsSync, rmSync } from 'node:fs'
import { MailwicketError } from '../../base/errors.ts'
import { filePathOf, openStoreFile } from '../open-backend.ts'
import type { Backend } from '../schema/backend.ts'
import { checkVersion, readVersion } from '../schema/migrations.ts'
import { liveSince } from '../schema/node-liveness.ts'
import type { SqliteBackend } from '../sqlite/sqlite-backend.ts'
import { createDraft, placeSqliteFile, removeSqliteFile } from '../sqlite/sqlite-store-file.ts'
import { StoreContext } from '../store-context.ts'
import { type KeyIds, takeBackup } from './backup-file.ts'
import {
  type AloneWork,
  auditRestore,
  checkKeysStay,
  checkSameStore,
  inUse,
  keptName,
  MAX_COPIES,
  makeReadyAlone,
  NOBODY,
  type PreparedRestore,
  type Restoration,
  type RestoreOptions,
  stateOf,
} from './restoration.ts'
import { planRestore, type RightsSince } from './restore-plan.ts'
import { recordChanged, replaceRows } from './restore-rows.ts'

/** Throws STORE_DAMAGED, STORE_TOO_NEW, STORE_TOO_OLD (the present store), KEY_WRONG with the id needed, STORE_IN_USE. */
export async function prepareFileRestore(options: RestoreOptions, source: string, now: () => number): Promise<PreparedRestore> {
  const { config, keyring, rights = 'keep', onProgress } = options
  const path = filePathOf(config.store)
  const draft = `${path}.restoring`
  createDraft(draft)
  let present: SqliteBackend | undefined
  const close = async (): Promise<void> => {
    await present?.close()
    removeSqliteFile(draft)
  }
  try {
    const keyIds = await takeBackup(source, draft, keyring, onProgress)
    const [keyId] = keyIds
    present = await openPresent(path)
    if (present === undefined) {
      const apply = (): Promise<Restoration> => replaceDatabase({ ...options, source, draft, keyId, now })
      return { plan: undefined, keyId, apply, close }
    }
    present.attach(draft, 'copy')
    await checkSameStore(present, draft, keyring, now())
    const work = { ...options, present, source, draft, keyIds, rights, now }
    return { plan: await planRestore(present.db, rights), keyId, apply: () => replaceInside(work), close }
  } catch (error) {
    await close()
    throw error
  }
}

type Work = RestoreOptions & {
  readonly present: SqliteBackend
  readonly source: string
  readonly draft: string
  readonly keyIds: KeyIds
  readonly rights: RightsSince
  readonly now: () => number
}

async function replaceInside({ config, keyring, actor, present, source, draft, keyIds, rights, now, onProgress }: Work): Promise<Restoration> {
  const keptAs = keptName(filePathOf(config.store), now())
  const context = new StoreContext({ backend: present, now, keyring: () => keyring, generatedOnly: false }, actor)
  for (let copies = 1; copies <= MAX_COPIES; copies++) {
    const state = await stateOf(present.db)
    // Long for a large store, and so without the lock: both hold as long as the state does.
    const plan = await planRestore(present.db, rights)
    await recordChanged(present.db)
    await present.copyTo(keptAs, onProgress)
    const restoration = await context
      .change(async change => {
        // Somebody was faster: what is kept would lack that change.
        if ((await stateOf(change.db)) !== state) return undefined
        await checkSameStore({ ...present, db: change.db }, draft, keyring, change.at)
        checkKeysStay(keyring, keyIds)
        await replaceRows(change.db, rights, change.at)
        const [keyId] = keyIds
        await auditRestore(change, { source, keyId, keptAs, rights, plan })
        return { ...plan, keptAs, keyId }
      })
      .catch(error => {
        rmSync(keptAs, { force: true })
        throw error
      })
    if (restoration !== undefined) return restoration
    rmSync(keptAs, { force: true })
  }
  throw inUse('other commands changed the store all the time')
}

/** The store that is there, when it can be asked and changed; undefined: missing, damaged, or no store. Throws STORE_TOO_OLD, STORE_TOO_NEW, STORE_UNAVAILABLE. */
async function openPresent(path: string): Promise<SqliteBackend | undefined> {
  if (!existsSync(path)) return undefined
  let present: SqliteBackend | undefined
  try {
    present = await openStoreFile(path)
    if (!present.isSound('quick') || (await readVersion(present)).version === 0) return await closed(present)
    await checkVersion(present)
    return present
  } catch (error) {
    await present?.close()
    // What cannot be read is why people restore.
    if (error instanceof MailwicketError && error.code === 'STORE_DAMAGED') return undefined
    throw error
  }
}

async function closed(backend: Backend): Promise<undefined> {
  await backend.close()
}

/** For a store that is missing or cannot be read: the copy becomes the database, and the old file stays beside it. */
async function replaceDatabase(work: AloneWork): Promise<Restoration> {
  const { config, rights = 'keep', draft, keyId, now } = work
  const path = filePathOf(config.store)
  const isReplaced = existsSync(path)
  if (isReplaced) await leaveDamaged(path, now())
  const keptAs = isReplaced ? keptName(path, now()) : null
  await makeReadyAlone({ ...work, rights }, keptAs)
  placeSqliteFile(draft, path, keptAs)
  return { ...NOBODY, keptAs, keyId }
}

/** A damaged store is left as it lies, if no gateway works on what can still be read of it. Throws STORE_IN_USE. */
async function leaveDamaged(path: string, now: number): Promise<void> {
  let present: SqliteBackend | undefined
  try {
    present = await openStoreFile(path)
    const alive = await present.db.selectFrom('nodes').select('id').where('heartbeat_at', '>', liveSince(now)).execute()
    if (alive.length > 0) throw inUse(`the store is damaged, and gateways run on it (node ${alive.map(({ id }) => id).join(', ')})`)
  } catch (error) {
    if (error instanceof MailwicketError && error.code === 'STORE_IN_USE') throw error
    // It cannot even say who uses it.
  } finally {
    await present?.close()
  }
}
