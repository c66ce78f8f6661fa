/**
 * A restore of a store that lies on a database server. It is rehearsed in files: the store as it is and the backup become, by the statements of every restore, the
 * store as it will be; then the rows in which that differs change on the server, in one transaction. So there is one list of what is never given back.
 *
 * Invariants: gateways read and write meanwhile; if anybody else changed anything since the rehearsal, it is held again; what gateways wrote since stays.
 */
import { copyFileSync, existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { placeFile } from '../../base/files/durable-file.ts'
import { makeFolder } from '../../base/files/file-errors.ts'
import { openBackend, openCopy } from '../open-backend.ts'
import type { Backend } from '../schema/backend.ts'
import { checkVersion, isNoStore, readVersion } from '../schema/migrations.ts'
import { ServerClock } from '../server-clock.ts'
import type { SqliteBackend } from '../sqlite/sqlite-backend.ts'
import { createDraft, removeSqliteFile } from '../sqlite/sqlite-store-file.ts'
import { StoreContext } from '../store-context.ts'
import { type KeyIds, takeBackup } from './backup-file.ts'
import { digestTables } from './copy-rows.ts'
import { copyFromFile, copyToFile } from './copy-store.ts'
import {
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
import { planRestore, type RestorePlan, type RightsSince } from './restore-plan.ts'
import { recordChanged, replaceRows } from './restore-rows.ts'
import { applyDifferences } from './row-differences.ts'

/** What changes without an entry in the audit, and must not be set back: codes that were taken, keys that were rotated. */
const CHANGE_SILENTLY = ['meta', 'credentials', 'recovery_codes', 'passkeys', 'invitations'] as const

/** Throws STORE_DAMAGED, STORE_TOO_NEW, STORE_TOO_OLD (the present store), KEY_WRONG with the id needed, STORE_IN_USE, STORE_UNAVAILABLE. */
export async function prepareServerRestore(options: RestoreOptions, source: string, machineNow: () => number): Promise<PreparedRestore> {
  const { config, keyring, rights = 'keep', onProgress } = options
  makeFolder(config.dataDir, 0o700)
  const files = new RestoreFiles(join(config.dataDir, 'mailwicket.db'))
  const target = await openBackend(config.store, 'write')
  let rehearsal: Rehearsal | undefined
  const close = async (): Promise<void> => {
    await rehearsal?.result.close()
    await target.close()
    files.remove()
  }
  try {
    const { now } = await ServerClock.open(target, machineNow)
    const version = await readVersion(target)
    if (!isNoStore(version)) await checkVersion(target)
    createDraft(files.backup)
    const keyIds = await takeBackup(source, files.backup, keyring, onProgress)
    const [keyId] = keyIds
    if (isNoStore(version)) return { plan: undefined, keyId, apply: () => fillEmpty({ ...options, source, draft: files.backup, keyId, now }), close }
    await checkSameStore(target, files.backup, keyring, now())
    const work: Work = { ...options, target, files, source, keyIds, rights, now }
    rehearsal = await rehearse(work)
    const apply = async (): Promise<Restoration> => {
      for (let rehearsals = 1; rehearsals <= MAX_COPIES; rehearsals++) {
        rehearsal ??= await rehearse(work)
        const restoration = await perform(work, rehearsal)
        if (restoration !== undefined) return restoration
        await rehearsal.result.close()
        rehearsal = undefined
      }
      throw inUse('other commands changed the store all the time')
    }
    return { plan: rehearsal.plan, keyId, apply, close }
  } catch (error) {
    await close()
    throw error
  }
}

/** Beside where a file of the store would lie; what a run that was killed left there is removed by the next. */
class RestoreFiles {
  readonly path: string

  constructor(path: string) {
    this.path = path
  }

  /** The backup, checked and migrated. */
  get backup(): string {
    return `${this.path}.restoring`
  }

  /** A copy of it, which a rehearsal makes ready. */
  get readied(): string {
    return `${this.path}.restoring-readied`
  }

  /** The store as it was. */
  get before(): string {
    return `${this.path}.restoring-before`
  }

  /** The store as it will be. */
  get result(): string {
    return `${this.path}.restoring-result`
  }

  remove(): void {
    for (const file of [this.backup, this.readied, this.before, this.result]) removeSqliteFile(file)
  }
}

type Work = RestoreOptions & {
  readonly target: Backend
  readonly files: RestoreFiles
  readonly source: string
  readonly keyIds: KeyIds
  readonly rights: RightsSince
  readonly now: () => number
}

interface Rehearsal {
  /** Of the store when it was held. */
  readonly state: string
  readonly plan: RestorePlan
  /** The store as it will be; as `before` the store as it was. */
  readonly result: SqliteBackend
}

async function rehearse({ target, files, rights, now, onProgress }: Work): Promise<Rehearsal> {
  const state = await stateOfAll(target.db)
  for (const file of [files.before, files.readied, files.result]) removeSqliteFile(file)
  await copyToFile(target, files.before, onProgress)
  for (const [from, to] of [
    [files.before, files.result],
    [files.backup, files.readied],
  ] as const) {
    createDraft(to)
    copyFileSync(from, to)
  }
  const result = await openCopy(files.result, 'write-records')
  try {
    result.attach(files.readied, 'copy')
    const plan = await planRestore(result.db, rights)
    await recordChanged(result.db)
    await result.change(db => replaceRows(db, rights, now()))
    result.attach(files.before, 'before')
    return { state, plan, result }
  } catch (error) {
    await result.close()
    throw error
  }
}

/** Undefined: somebody changed something since the rehearsal. */
async function perform(work: Work, { state, plan, result }: Rehearsal): Promise<Restoration | undefined> {
  const { keyring, actor, target, files, source, keyIds, rights, now } = work
  const keptAs = keptName(files.path, now())
  copyDraft(files.before, keptAs)
  try {
    const restoration = await new StoreContext({ backend: target, now, keyring: () => keyring, generatedOnly: false }, actor).change(async change => {
      if ((await stateOfAll(change.db)) !== state) return undefined
      await checkSameStore({ db: change.db }, files.backup, keyring, change.at)
      checkKeysStay(keyring, keyIds)
      await target.serialise(change.db, 'activity')
      await applyDifferences(result.db, change.db)
      const [keyId] = keyIds
      await auditRestore(change, { source, keyId, keptAs, rights, plan })
      return { ...plan, keptAs, keyId }
    })
    if (restoration === undefined) rmSync(keptAs, { force: true })
    return restoration
  } catch (error) {
    rmSync(keptAs, { force: true })
    throw error
  }
}

/** Under its name complete or not at all. */
function copyDraft(from: string, to: string): void {
  const draft = `${to}.partial`
  createDraft(draft)
  try {
    copyFileSync(from, draft)
    placeFile(draft, to)
  } finally {
    if (existsSync(draft)) removeSqliteFile(draft)
  }
}

async function stateOfAll(db: Backend['db']): Promise<string> {
  return `${await stateOf(db)} ${await digestTables(db, CHANGE_SILENTLY)}`
}

/** A database without a store: there is nothing to compare with. Throws ALREADY_EXISTS. */
async function fillEmpty(work: Parameters<typeof makeReadyAlone>[0]): Promise<Restoration> {
  await makeReadyAlone(work, null)
  await copyFromFile(work.draft, work.config.store, work.onProgress)
  return { ...NOBODY, keptAs: null, keyId: work.keyId }
}
