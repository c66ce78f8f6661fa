/**
 * Backup and restore: a copy of the database as one file. The master key is not in it: whoever has only the file can open nothing that is sealed.
 *
 * Invariants: a copy appears under its name complete or not at all; nothing is overwritten; a database never meets the -wal file of another.
 */
import { createReadStream, createWriteStream, existsSync, renameSync, rmSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { sql } from 'kysely'
import type { Config } from '../base/config.ts'
import { MailwicketError } from '../base/errors.ts'
import type { Backend } from './backend.ts'
import { placeFile, replaceFile } from './durable-file.ts'
import type { Progress } from './keys.ts'
import type { Keyring } from './master-key.ts'
import { migrate, readVersion } from './migrations.ts'
import { liveSince } from './sessions.ts'
import { createSqliteFile, openSqlite } from './sqlite-backend.ts'
import { type Actor, StoreContext } from './store-context.ts'
import { getStoreKeyId, openPepper } from './store-keys.ts'

type OnProgress = ((progress: Progress) => void) | undefined

export interface Backup {
  readonly file: string
  readonly bytes: number
  /** The master key that a restore will need. */
  readonly keyId: string
}

export interface Restoration {
  /** Where the replaced database lies now; null: there was none. */
  readonly keptAs: string | null
  readonly keyId: string
  /** `ADDR/NAME` of devices that work again although they had been revoked or removed since the backup. */
  readonly revived: readonly string[]
}

/** What SQLite keeps beside a database. */
const COMPANIONS = ['-wal', '-shm', '-journal'] as const

/** Copies the store into a new file while gateways go on. Progress counts pages. Throws ALREADY_EXISTS, STORE_UNAVAILABLE. */
export async function makeBackup(context: StoreContext, file: string, onProgress: OnProgress): Promise<Backup> {
  const path = resolve(file)
  if (existsSync(path))
    throw new MailwicketError('ALREADY_EXISTS', {
      message: `there is already a file ${path}`,
      remedy: 'Name a file that does not exist yet; a backup never overwrites.',
    })
  if (!existsSync(dirname(path))) throw new MailwicketError('NOT_FOUND', { message: `there is no folder ${dirname(path)}` })
  const draft = `${path}.partial`
  removeDatabase(draft)
  createSqliteFile(draft)
  try {
    await context.backend.backupTo(draft, (done, total) => onProgress?.({ done, total }))
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
  const keyId = await getStoreKeyId(context.db)
  await context.change(change =>
    change.audit({ action: 'store.backed-up', subject: 'store', subjectId: null, before: null, after: { file: path, key: keyId } }),
  )
  return { file: path, bytes: statSync(path).size, keyId }
}

export interface RestoreOptions {
  readonly config: Pick<Config, 'store'>
  readonly keyring: Keyring
  readonly actor: Actor
  readonly file: string
  readonly now?: (() => number) | undefined
  /** Counts octets of the file. */
  readonly onProgress?: OnProgress
}

/**
 * Puts a backup in the place of the store, which stays beside it under another name. An older backup is migrated.
 * Throws NOT_FOUND, STORE_DAMAGED, STORE_TOO_NEW, KEY_WRONG with the id needed, STORE_IN_USE.
 */
export async function restoreStore({ config, keyring, actor, file, now = Date.now, onProgress }: RestoreOptions): Promise<Restoration> {
  const path = config.store.sqlitePath
  const source = resolve(file)
  if (!existsSync(source)) throw new MailwicketError('NOT_FOUND', { message: `there is no file ${source}` })
  const draft = `${path}.restoring`
  removeDatabase(draft)
  createSqliteFile(draft)
  try {
    await copyFile(source, draft, onProgress)
    const copy = openSqlite(draft, 'write')
    try {
      const keyId = await checkCopy(copy, keyring, source)
      const replaced = existsSync(path) ? await leavePresent(path, now()) : undefined
      const active = await listActive(copy)
      const revived = replaced === undefined ? [] : active.filter(device => !replaced.active.has(device.id)).map(device => device.label)
      const keptAs = existsSync(path) ? `${path}.before-restore-${new Date(now()).toISOString().replace(/[-:]|\.\d+/g, '')}` : null
      const context = new StoreContext({ backend: copy, actor, now, keyring, generatedOnly: false })
      await context.change(async ({ db }) => {
        await db.deleteFrom('sessions').execute()
        await db.deleteFrom('nodes').execute()
        // Never back: a gateway that saw the replaced store must notice this one.
        const { value } = await db.selectFrom('generation').select('value').executeTakeFirstOrThrow()
        await db
          .updateTable('generation')
          .set({ value: Math.max(value, replaced?.generation ?? 0) + 1 })
          .execute()
      })
      await context.change(change =>
        change.audit({ action: 'store.restored', subject: 'store', subjectId: null, before: null, after: { file: source, key: keyId, keptAs, revived } }),
      )
      copy.becomeSingleFile()
      copy.close()
      if (keptAs === null) placeFile(draft, path)
      else {
        // Those of a damaged store; a sound one was folded into its file.
        for (const suffix of COMPANIONS) if (existsSync(`${path}${suffix}`)) renameSync(`${path}${suffix}`, `${keptAs}${suffix}`)
        replaceFile(draft, path, keptAs)
      }
      return { keptAs, keyId, revived }
    } catch (error) {
      copy.close()
      throw error
    }
  } finally {
    removeDatabase(draft)
  }
}

/** Whether the copy is a store that these keys open; migrates it. Returns its key id. */
async function checkCopy(copy: Backend, keyring: Keyring, source: string): Promise<string> {
  if (!copy.isSound('full')) throw new MailwicketError('STORE_DAMAGED', { message: `${source} failed its integrity check`, remedy: 'Take another backup.' })
  if ((await readVersion(copy)).version === 0)
    throw new MailwicketError('STORE_DAMAGED', { message: `${source} is a database, but no backup of a Mailwicket store`, remedy: 'Take another file.' })
  await migrate(copy)
  const keyId = await getStoreKeyId(copy.db)
  await openPepper(copy.db, keyring)
  // A backup made during a rotation needs two keys.
  const needed = await copy.db
    .selectFrom('mailboxes')
    .select(sql<Uint8Array>`substr(sealed_secret, 2, 4)`.as('key'))
    .where('sealed_secret', 'is not', null)
    .distinct()
    .execute()
  for (const { key } of needed) keyring.get(Buffer.from(key).toString('hex'))
  return keyId
}

/** Looks at the store that is to be replaced and folds it into its one file. A damaged one is left as it lies. Throws STORE_IN_USE. */
async function leavePresent(path: string, now: number): Promise<{ generation: number; active: ReadonlySet<string> } | undefined> {
  let present: Backend | undefined
  try {
    present = openSqlite(path, 'write')
    if ((await readVersion(present)).version === 0) return undefined
    const alive = await present.db.selectFrom('nodes').select('id').where('heartbeat_at', '>', liveSince(now)).execute()
    if (alive.length > 0)
      throw inUse(
        `${alive.length === 1 ? 'a gateway is' : `${alive.length} gateways are`} running on this store (node ${alive.map(({ id }) => id).join(', ')})`,
      )
    const { value: generation } = await present.db.selectFrom('generation').select('value').executeTakeFirstOrThrow()
    const active = new Set((await listActive(present)).map(({ id }) => id as string))
    try {
      present.becomeSingleFile()
    } catch (error) {
      throw inUse('another process has this store open', error)
    }
    return { generation, active }
  } catch (error) {
    // What cannot be read is why people restore.
    if (error instanceof MailwicketError && error.code === 'STORE_DAMAGED') return undefined
    throw error
  } finally {
    present?.close()
  }
}

async function listActive({ db }: Backend): Promise<{ id: string; label: string }[]> {
  const rows = await db
    .selectFrom('devices')
    .innerJoin('mailboxes', 'mailboxes.id', 'devices.mailbox_id')
    .select(['devices.id', 'devices.name', 'mailboxes.address'])
    .where('devices.state', '=', 'active')
    .orderBy('mailboxes.address')
    .orderBy('devices.name_key')
    .execute()
  return rows.map(({ id, name, address }) => ({ id, label: `${address}/${name}` }))
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
    throw new MailwicketError('STORE_UNAVAILABLE', { message: `${source} could not be copied: ${(error as Error).message}`, cause: error })
  }
}

function inUse(message: string, cause?: unknown): MailwicketError {
  return new MailwicketError('STORE_IN_USE', { message, cause })
}

function removeDatabase(path: string): void {
  for (const suffix of ['', ...COMPANIONS]) rmSync(`${path}${suffix}`, { force: true })
}
