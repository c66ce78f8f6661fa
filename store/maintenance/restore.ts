/**
 * Restore: the rows of a backup in the place of the store's, in one transaction, while gateways run; they notice by the generation.
 * A store that is missing or damaged is replaced as a file instead, and then no gateway may run on it.
 *
 * Invariants: nothing of the store changes before the backup was checked whole, migrated and found to open under the keys at hand;
 * a crash at any moment leaves the old store or the new one; what was there is kept beside it; a database never meets the -wal file of another.
 */
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { sql } from 'kysely'
import { type ErrorCode, MailwicketError } from '../../base/errors.ts'
import { Problem } from '../../base/problems.ts'
import type { Config } from '../../config/config.ts'
import type { Keyring } from '../keys/master-key.ts'
import { openPepper } from '../keys/store-keys.ts'
import { featuresOf, filePathOf, openBackend, openCopy, openStoreFile } from '../open-backend.ts'
import type { Backend, OnProgress } from '../schema/backend.ts'
import { checkVersion, isNoStore, readVersion } from '../schema/migrations.ts'
import { liveSince } from '../schema/node-liveness.ts'
import type { SqliteBackend } from '../sqlite/sqlite-backend.ts'
import { createDraft, placeSqliteFile, removeSqliteFile } from '../sqlite/sqlite-store-file.ts'
import { type Actor, type Change, StoreContext } from '../store-context.ts'
import { checkIsThere, type KeyIds, takeBackup } from './backup-file.ts'
import { copyFromFile } from './copy-store.ts'
import { planRestore, type RestorePlan, type RightsSince } from './restore-plan.ts'
import { recordChanged, replaceRows } from './restore-rows.ts'
import { endUnknown } from './restore-sign-in.ts'

export interface RestoreOptions {
  readonly config: Pick<Config, 'store'>
  readonly keyring: Keyring
  readonly actor: Actor
  readonly file: string
  /** `keep` unless told. */
  readonly rights?: RightsSince | undefined
  readonly now?: (() => number) | undefined
  /** Counts bytes of the file, then pages of the copy that is kept of the present store. */
  readonly onProgress?: OnProgress
}

export interface Restoration extends RestorePlan {
  /** Where the replaced store lies now; null: there was none. */
  readonly keptAs: string | null
  readonly keyId: string
}

/** A backup that was checked and waits to be put in place; `close` it whatever happens. */
export interface PreparedRestore {
  /** Undefined: there is no sound store to compare with. */
  readonly plan: RestorePlan | undefined
  readonly keyId: string
  apply(): Promise<Restoration>
  close(): Promise<void>
}

const NONE = { count: 0, names: [] }
const NOBODY: RestorePlan = { kept: NONE, revived: NONE, lost: NONE, movedBack: NONE }
/** A change between copy and transaction makes another copy necessary; commands are rarely that many. */
const MAX_COPIES = 5
/** An audit row is read by people: more names are in the answer of the command. */
const MAX_AUDITED_NAMES = 100

export async function restoreStore(options: RestoreOptions): Promise<Restoration> {
  const prepared = await prepareRestore(options)
  try {
    return await prepared.apply()
  } finally {
    await prepared.close()
  }
}

/** Throws NOT_FOUND, STORE_DAMAGED, STORE_TOO_NEW, STORE_TOO_OLD (the present store), KEY_WRONG with the id needed, STORE_IN_USE. */
export async function prepareRestore(options: RestoreOptions): Promise<PreparedRestore> {
  const { config, keyring, file, rights = 'keep', now = Date.now, onProgress } = options
  const source = resolve(file)
  checkIsThere(source)
  if (!featuresOf(config.store).isFile) return prepareServerRestore(options, source, now)
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

type AloneWork = RestoreOptions & { readonly source: string; readonly draft: string; readonly keyId: string; readonly now: () => number }

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
    const state = await stateOf(present)
    // Long for a large store, and so without the lock: both hold as long as the state does.
    const plan = await planRestore(present.db, rights)
    await recordChanged(present.db)
    await present.copyTo(keptAs, onProgress)
    const restoration = await context
      .change(async change => {
        // Somebody was faster: what is kept would lack that change.
        if ((await stateOf({ ...present, db: change.db })) !== state) return undefined
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

/** Moves with every change that a command makes. */
async function stateOf({ db }: Pick<Backend, 'db'>): Promise<string> {
  const { rows } = await sql<{ state: string }>`
    select (select value from main.generation) || ' ' || (select coalesce(max(id), 0) from main.audit) as state`.execute(db)
  return rows[0]?.state ?? ''
}

async function auditRestore(
  change: Change,
  { source, keyId, keptAs, rights, plan }: { source: string; keyId: string; keptAs: string | null; rights: RightsSince; plan: RestorePlan },
): Promise<void> {
  const { kept, revived, lost, movedBack } = plan
  const after = {
    file: source,
    key: keyId,
    keptAs,
    rightsSince: rights,
    kept: kept.count,
    lost: lost.count,
    revived: revived.names.slice(0, MAX_AUDITED_NAMES),
    movedBack: movedBack.names.slice(0, MAX_AUDITED_NAMES),
  }
  await change.audit({ action: 'store.restored', subject: 'store', subjectId: null, before: null, after })
}

/** A rotation that finished since has removed what it replaced. Under the lock, which a rotation takes for that too. Throws KEY_WRONG. */
function checkKeysStay(keyring: Keyring, needed: KeyIds): void {
  keyring.refresh()
  const gone = needed.find(id => !keyring.ids.includes(id))
  if (gone === undefined) return
  throw new MailwicketError('KEY_WRONG', {
    message: `the backup needs the master key ${gone}, which a rotation has removed meanwhile: put it on a second line`,
  })
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

/** A gateway reads the pepper when it starts: it cannot go on with the passwords of another store. Throws STORE_IN_USE. */
async function checkSameStore(present: Pick<Backend, 'db'>, draft: string, keyring: Keyring, now: number): Promise<void> {
  const alive = await present.db.selectFrom('nodes').select('id').where('heartbeat_at', '>', liveSince(now)).execute()
  if (alive.length === 0 || (await hasSamePepper(present, draft, keyring))) return
  throw inUse(`the backup is of another store than the one that gateways run on (node ${alive.map(({ id }) => id).join(', ')})`)
}

async function hasSamePepper(present: Pick<Backend, 'db'>, draft: string, keyring: Keyring): Promise<boolean> {
  const copy = await openCopy(draft, 'read')
  try {
    const [ours, theirs] = [await openPepper(present.db, keyring), await openPepper(copy.db, keyring)]
    return ours.reveal().equals(theirs.reveal())
  } catch (error) {
    // The present store's key is not at hand: nobody can say that they are the same.
    if (isOf(error, 'KEY_WRONG')) return false
    throw error
  } finally {
    await copy.close()
  }
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

/** The copy as the store that it will be where no other can be asked: without sessions, and without what may have ended since. */
async function makeReadyAlone({ keyring, actor, rights = 'keep', source, draft, keyId, now }: AloneWork, keptAs: string | null): Promise<void> {
  const copy = await openCopy(draft, 'write')
  try {
    const context = new StoreContext({ backend: copy, now, keyring: () => keyring, generatedOnly: false }, actor)
    await context.change(async change => {
      await change.db.deleteFrom('sessions').execute()
      await change.db.deleteFrom('nodes').execute()
      await endUnknown(change.db, change.at)
      await change.moveGeneration()
      await auditRestore(change, { source, keyId, keptAs, rights, plan: NOBODY })
    })
    copy.becomeSingleFile()
  } finally {
    await copy.close()
  }
}

/** A database on a server has to be without a store: there is nothing to compare with, and nothing is replaced. Throws ALREADY_EXISTS. */
async function prepareServerRestore(options: RestoreOptions, source: string, now: () => number): Promise<PreparedRestore> {
  const { config, keyring, onProgress } = options
  const folder = mkdtempSync(join(tmpdir(), 'mailwicket-'))
  const close = async (): Promise<void> => rmSync(folder, { recursive: true, force: true })
  try {
    const target = await openBackend(config.store, 'write')
    const { place } = target
    const isTaken = await readVersion(target)
      .then(version => !isNoStore(version))
      .finally(() => target.close())
    if (isTaken) throw new Problem('database.has-store', { place })
    const draft = join(folder, 'restoring.db')
    createDraft(draft)
    const [keyId] = await takeBackup(source, draft, keyring, onProgress)
    const apply = async (): Promise<Restoration> => {
      await makeReadyAlone({ ...options, source, draft, keyId, now }, null)
      await copyFromFile(draft, config.store, onProgress)
      return { ...NOBODY, keptAs: null, keyId }
    }
    return { plan: undefined, keyId, apply, close }
  } catch (error) {
    await close()
    throw error
  }
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

/** A name that is free. */
function keptName(path: string, now: number): string {
  const name = `${path}.before-restore-${new Date(now).toISOString().replace(/[-:]|\.\d+/g, '')}`
  let free = name
  for (let again = 2; existsSync(free); again++) free = `${name}-${again}`
  return free
}

function isOf(error: unknown, code: ErrorCode): error is MailwicketError {
  return error instanceof MailwicketError && error.code === code
}

function inUse(message: string): MailwicketError {
  return new MailwicketError('STORE_IN_USE', { message })
}
