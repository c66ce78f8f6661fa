/**
 * The steps that bring a store from version to version, forward only, each in one transaction under the write lock.
 *
 * A step that was once released is never edited. It may not import queries or the schema's present shape: it must do the same in ten years.
 */
import type { Kysely, Transaction } from 'kysely'
import { MailwicketError } from '../../base/errors.ts'
import { Problem } from '../../base/problems.ts'
import type { Backend, Ddl } from './backend.ts'
import { makeListIndices, makePeopleIndices } from './list-indices.ts'
import {
  addUserState,
  announceGeneration,
  makeAuditIndex,
  makeFirstTables,
  makeLimitTables,
  makeMigrationDeviceIndex,
  makeSendingTables,
} from './mail-tables.ts'
import { addDomains, makeAliases, makeInvitations, makeRoles, makeSignIn } from './portal-tables.ts'
import type { MetaName, Schema } from './schema.ts'

export interface Migration {
  readonly name: string
  /** The first Mailwicket that has this step; named to whoever meets a store newer than his program. */
  readonly since: string
  run(db: Kysely<unknown>, ddl: Ddl): Promise<void>
}

/** Version n of a store has seen the first n steps. */
export const MIGRATIONS: readonly Migration[] = [
  { name: 'mailboxes, devices, sessions, activity, audit', since: '0.1.0', run: makeFirstTables },
  { name: 'users, sending rules', since: '0.1.0', run: makeSendingTables },
  { name: 'limits', since: '0.1.0', run: makeLimitTables },
  { name: 'cut-over', since: '0.1.0', run: makeMigrationDeviceIndex },
  { name: 'blocked users', since: '0.1.0', run: addUserState },
  { name: 'domains and notes of mailboxes', since: '0.1.0', run: addDomains },
  { name: 'aliases', since: '0.1.0', run: makeAliases },
  { name: 'roles, rights, preferences', since: '0.1.0', run: makeRoles },
  { name: 'sign-in', since: '0.1.0', run: makeSignIn },
  { name: 'invitations, tokens, notices', since: '0.1.0', run: makeInvitations },
  { name: 'audit by subject', since: '0.1.0', run: makeAuditIndex },
  { name: 'moves of the generation are told', since: '0.1.0', run: announceGeneration },
  { name: 'long lists', since: '0.1.0', run: makeListIndices },
  { name: 'people of mailboxes, servers that were away', since: '0.1.0', run: makePeopleIndices },
]

export interface StoreVersion {
  /** Steps the store has seen; 0: no tables yet. */
  readonly version: number
  /** The oldest Mailwicket that can use the store. */
  readonly needsProgram: string
  /** Where the store is now; undefined: here. */
  readonly movedTo?: string | undefined
  /** Set while a move into this place is not finished (`moved-store.ts`). */
  readonly unfinishedMove?: string | undefined
}

export async function readVersion(backend: Backend): Promise<StoreVersion> {
  const tables = await backend.ddl.findTable('meta').execute(backend.db)
  if (tables.rows.length === 0) return { version: 0, needsProgram: '' }
  const names: readonly MetaName[] = ['schema_version', 'needs_program', 'moved_to', 'unfinished_move']
  const rows = await backend.db.selectFrom('meta').select(['name', 'value']).where('name', 'in', names).execute()
  const value = (name: MetaName): string | undefined => rows.find(row => row.name === name)?.value
  return {
    version: Number(value('schema_version') ?? 0),
    needsProgram: value('needs_program') ?? '',
    movedTo: value('moved_to'),
    unfinishedMove: value('unfinished_move'),
  }
}

/** Throws NOT_FOUND, STORE_DAMAGED (no store at all), STORE_MOVED, STORE_INCOMPLETE, STORE_TOO_OLD, STORE_TOO_NEW. */
export async function checkVersion(backend: Backend): Promise<void> {
  const found = await readVersion(backend)
  checkIsHere(found, backend)
  checkForm(found, backend)
}

/** Throws STORE_MOVED, STORE_INCOMPLETE. */
export function checkIsHere({ movedTo, unfinishedMove }: StoreVersion, { place }: Pick<Backend, 'place'>): void {
  if (unfinishedMove !== undefined) throw new Problem('store.incomplete', { place })
  if (movedTo !== undefined) throw new Problem('store.moved', { to: movedTo })
}

/** Wherever the store is now. Throws NOT_FOUND, STORE_DAMAGED (no store at all), STORE_TOO_OLD, STORE_TOO_NEW. */
export function checkForm({ version, needsProgram }: StoreVersion, backend: Backend, migrations: readonly Migration[] = MIGRATIONS): void {
  if (isNoStore({ version, needsProgram })) throw noStore(backend)
  if (version > migrations.length) throw tooNew(version, needsProgram, migrations)
  if (version < migrations.length) {
    throw new Problem('store.too-old', { version, newest: migrations.length })
  }
}

/**
 * Runs the missing steps; `onStep` is told before each. Several processes may call it at once: one does the work, the others find it done.
 * `inTransaction` runs in the last transaction, with the newest tables. Throws STORE_TOO_NEW.
 */
export async function migrate(
  backend: Backend,
  {
    migrations = MIGRATIONS,
    onStep,
    inTransaction,
  }: { migrations?: readonly Migration[]; onStep?: MigrationStep; inTransaction?: (db: Backend['db']) => Promise<void> } = {},
): Promise<{ from: number; to: number }> {
  const from = (await readVersion(backend)).version
  for (;;) {
    const isDone = await backend.change(async db => {
      const { version, needsProgram } = await readVersion({ ...backend, db })
      if (version > migrations.length) throw tooNew(version, needsProgram, migrations)
      const migration = migrations[version]
      if (migration === undefined) return true
      onStep?.({ version: version + 1, name: migration.name })
      await migration.run(backend.ddl.tables(db as unknown as Kysely<unknown>), backend.ddl)
      await setMeta(db, 'schema_version', String(version + 1))
      await setMeta(db, 'needs_program', migration.since)
      if (version + 1 < migrations.length) return false
      await inTransaction?.(db)
      return true
    })
    if (isDone) return { from, to: migrations.length }
  }
}

/** Makes all tables of a new store in one change, and what `inTransaction` adds. Throws ALREADY_EXISTS. */
export async function createTables(backend: Backend, inTransaction: (db: Transaction<Schema>) => Promise<void>): Promise<void> {
  await backend.change(async db => {
    if (!isNoStore(await readVersion({ ...backend, db }))) throw new Problem('database.has-store', { place: backend.place })
    for (const migration of MIGRATIONS) await migration.run(backend.ddl.tables(db as unknown as Kysely<unknown>), backend.ddl)
    await setMeta(db, 'schema_version', String(MIGRATIONS.length))
    await setMeta(db, 'needs_program', MIGRATIONS.at(-1)?.since ?? '')
    await inTransaction(db)
  })
}

/** Whether there are no tables of ours. */
export function isNoStore({ version, needsProgram }: StoreVersion): boolean {
  return version === 0 && needsProgram === ''
}

export function noStore({ features, place }: Backend): MailwicketError {
  return new Problem(features.isFile ? 'database.no-store' : 'database.empty', { place })
}

export type MigrationStep = (step: { readonly version: number; readonly name: string }) => void

export async function setMeta(db: Backend['db'], name: MetaName, value: string): Promise<void> {
  await db
    .insertInto('meta')
    .values({ name, value })
    .onConflict(conflict => conflict.column('name').doUpdateSet({ value }))
    .execute()
}

function tooNew(version: number, needsProgram: string, migrations: readonly Migration[]): MailwicketError {
  return new MailwicketError('STORE_TOO_NEW', {
    message: `the store has version ${version}, this Mailwicket knows versions up to ${migrations.length}: install Mailwicket ${needsProgram} or newer`,
  })
}
