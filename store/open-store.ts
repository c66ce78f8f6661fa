/**
 * The store for what administers it: opened for writing in the process of the command or of the portal. The gateway opens it differently
 * (`open-gateway-store.ts`). Who changes something belongs to the change: `as(actor)` gives the nouns that record it.
 */
import { MailwicketError } from '../base/errors.ts'
import type { Config } from '../config/config.ts'
import { Aliases } from './accounts/aliases.ts'
import { Devices } from './accounts/devices/devices.ts'
import { Mailboxes } from './accounts/mailboxes.ts'
import { MigrationPasswords } from './accounts/migration-passwords.ts'
import { Names } from './accounts/names.ts'
import { Preferences } from './accounts/people/preferences.ts'
import { Rights } from './accounts/people/rights.ts'
import { Roles } from './accounts/people/roles.ts'
import { Users } from './accounts/people/users.ts'
import { SendingRules } from './accounts/sending-rules.ts'
import { ActivityLog } from './history/activity.ts'
import { AuditLog } from './history/audit.ts'
import { Sessions } from './history/sessions.ts'
import { Unnoticed } from './history/unnoticed.ts'
import type { Keyring } from './keys/master-key.ts'
import { initialiseKeys } from './keys/store-keys.ts'
import { Limits } from './limits/limits.ts'
import { type Backup, makeBackup } from './maintenance/backup.ts'
import { Keys } from './maintenance/key-rotation.ts'
import { createBackend, openBackend, type StoreConfig } from './open-backend.ts'
import type { Backend, OnProgress, ServerState, StoreSpace } from './schema/backend.ts'
import { checkIsHere, checkVersion, createTables, isNoStore, MIGRATIONS, type MigrationStep, migrate, noStore, readVersion } from './schema/migrations.ts'
import { ServerClock } from './server-clock.ts'
import { type SignInNouns, signInNounsOver } from './sign-in/sign-in-nouns.ts'
import { type Actor, StoreContext, type StoreContextParts } from './store-context.ts'
import { Transfer } from './transfer/transfer.ts'

/** What is kept, each by its noun. */
export interface Nouns extends SignInNouns {
  readonly mailboxes: Mailboxes
  readonly aliases: Aliases
  readonly devices: Devices
  readonly users: Users
  readonly roles: Roles
  readonly rights: Rights
  readonly names: Names
  readonly preferences: Preferences
  readonly sending: SendingRules
  readonly sessions: Sessions
  readonly limits: Limits
  readonly activity: ActivityLog
  readonly audit: AuditLog
  readonly unnoticed: Unnoticed
}

/** A store whose changes are recorded as those of one actor. */
export interface Store extends Nouns, OpenedStore {
  readonly migrationPasswords: MigrationPasswords
  readonly keys: Keys
  readonly transfer: Transfer
  /**
   * One change of several nouns: all of it or, when anything fails, nothing. In `act` only the nouns that it is given may be used: the store's own
   * would wait for the change to end. Hash passwords and ask other servers before.
   */
  change<Result>(act: (nouns: Nouns) => Promise<Result>): Promise<Result>
  /** Writes a copy, 0600, that `restoreStore` takes. Throws ALREADY_EXISTS. */
  backup(file: string, options?: { readonly onProgress?: OnProgress }): Promise<Backup>
  /** Looks through the whole database: seconds for each gigabyte; nothing where that is the work of a database server. Throws STORE_DAMAGED. */
  checkIntegrity(): Promise<void>
  /** What is to be known of the server that the store lies in; undefined: it is a file. */
  examineServer(): Promise<ServerState | undefined>
  /** Writes something that changes nothing. Throws what a change would throw now. */
  checkWritable(): Promise<void>
  /** Of the disk that it lies on; undefined where that is the business of a database server. */
  readSpace(): Promise<StoreSpace | undefined>
}

export interface OpenedStore {
  /** The same store for somebody else. */
  as(actor: Actor): Store
  close(): Promise<void>
}

export interface StoreOptions {
  readonly config: Pick<Config, 'store' | 'generatedOnly'>
  /** A function is called when a command first needs the keys. */
  readonly keyring: Keyring | (() => Keyring)
  readonly now?: (() => number) | undefined
}

/** Opens the store. Throws NOT_FOUND, STORE_TOO_OLD, STORE_TOO_NEW, STORE_UNAVAILABLE. */
export async function openStore(options: StoreOptions): Promise<OpenedStore> {
  const backend = await openBackend(options.config.store, 'write')
  try {
    await checkVersion(backend)
    const { now } = await ServerClock.open(backend, options.now ?? Date.now)
    return openedOver(backend, { ...options, now })
  } catch (error) {
    await backend.close()
    throw error
  }
}

/** Makes a store at the newest version, with its own pepper, sealed under the current key. It appears complete or not at all. Throws ALREADY_EXISTS. */
export async function createStore(options: StoreOptions & { readonly keyring: Keyring; readonly actor: Actor }): Promise<OpenedStore> {
  await createBackend(options.config.store, backend =>
    createTables(backend, async db => {
      await initialiseKeys(db, options.keyring)
      await new StoreContext(partsOver({ ...backend, change: act => act(db) }, options), options.actor).change(change =>
        change.audit({
          action: 'store.created',
          subject: 'store',
          subjectId: null,
          before: null,
          after: { version: MIGRATIONS.length, key: options.keyring.currentId },
        }),
      )
    }),
  )
  return openStore(options)
}

/** Brings an older store to the newest version; a store that is there already is left alone. Throws NOT_FOUND, STORE_TOO_NEW. */
export async function migrateStore({
  config,
  actor,
  onStep,
  now = Date.now,
}: Omit<StoreOptions, 'keyring'> & { readonly actor: Actor; readonly onStep?: MigrationStep | undefined }): Promise<{
  readonly from: number
  readonly to: number
}> {
  const backend = await openBackend(config.store, 'write')
  try {
    const found = await readVersion(backend)
    if (isNoStore(found)) throw noStore(backend)
    checkIsHere(found, backend)
    const steps = await migrate(backend, onStep === undefined ? {} : { onStep })
    if (steps.from < steps.to) {
      const context = new StoreContext(partsOver(backend, { config, now, keyring: noKeyring }), actor)
      await context.change(change =>
        change.audit({ action: 'store.migrated', subject: 'store', subjectId: null, before: { version: steps.from }, after: { version: steps.to } }),
      )
    }
    return steps
  } finally {
    await backend.close()
  }
}

/** Whether a database that is there holds a store, of whatever version. Throws NOT_FOUND (no such database), STORE_UNAVAILABLE. */
export async function findStore(store: StoreConfig): Promise<boolean> {
  const backend = await openBackend(store, 'write')
  try {
    return !isNoStore(await readVersion(backend))
  } finally {
    await backend.close()
  }
}

/** The version of the store and the newest that this program knows; a difference is the caller's to judge. Throws NOT_FOUND, STORE_UNAVAILABLE. */
export async function readStoreVersion(config: Pick<Config, 'store'>): Promise<{ readonly version: number; readonly newest: number }> {
  const backend = await openBackend(config.store, 'write')
  try {
    return { version: (await readVersion(backend)).version, newest: MIGRATIONS.length }
  } finally {
    await backend.close()
  }
}

function openedOver(backend: Backend, options: StoreOptions): OpenedStore {
  const parts = partsOver(backend, options)
  const as = (actor: Actor): Store => {
    const context = new StoreContext(parts, actor)
    return {
      ...nounsOver(context),
      migrationPasswords: new MigrationPasswords(context),
      keys: new Keys(context),
      transfer: new Transfer(context, options.config.store),
      change: act => context.changeTogether(joined => act(nounsOver(joined))),
      backup: (file, { onProgress } = {}) => makeBackup(context, file, onProgress),
      checkIntegrity: async () => void (await backend.checkIntegrity?.()),
      examineServer: async () => backend.examineServer?.(),
      checkWritable: () =>
        context.change(
          async ({ db }) =>
            void (await db
              .updateTable('generation')
              .set(row => ({ value: row.ref('value') }))
              .execute()),
        ),
      readSpace: async () => backend.reserve?.readSpace(),
      as,
      close,
    }
  }
  const close = () => backend.close()
  return { as, close }
}

function nounsOver(context: StoreContext): Nouns {
  return {
    mailboxes: new Mailboxes(context),
    aliases: new Aliases(context),
    devices: new Devices(context),
    names: new Names(context),
    users: new Users(context),
    roles: new Roles(context),
    rights: new Rights(context),
    preferences: new Preferences(context),
    sending: new SendingRules(context),
    sessions: new Sessions(context),
    limits: new Limits(context),
    activity: new ActivityLog(context),
    audit: new AuditLog(context),
    unnoticed: new Unnoticed(context),
    ...signInNounsOver(context),
  }
}

/** The keys are read once, whoever needs them first. */
function partsOver(backend: Backend, { config, keyring, now = Date.now }: StoreOptions): StoreContextParts {
  let loaded: Keyring | undefined
  const loadOnce = () => (loaded ??= typeof keyring === 'function' ? keyring() : keyring)
  return { backend, now, keyring: loadOnce, generatedOnly: config.generatedOnly }
}

function noKeyring(): Keyring {
  throw new MailwicketError('KEY_UNREADABLE', { message: 'a migration has no keys' })
}
