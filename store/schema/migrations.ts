/**
 * The steps that bring a store from version to version, forward only, each in one transaction under the write lock.
 *
 * A step that was once released is never edited. It may not import queries or the schema's present shape: it must do the same in ten years.
 */
import { type Kysely, sql, type Transaction } from 'kysely'
import { MailwicketError } from '../../base/errors.ts'
import { Problem } from '../../base/problems.ts'
import type { Backend, Ddl } from './backend.ts'
import { makeListIndices, makePeopleIndices } from './list-indices.ts'
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

async function makeFirstTables(db: Kysely<unknown>, ddl: Ddl): Promise<void> {
  const { schema } = db
  await schema
    .createTable('meta')
    .addColumn('name', 'text', c => c.primaryKey())
    .addColumn('value', 'text', c => c.notNull())
    .execute()
  await schema
    .createTable('generation')
    .addColumn('value', 'bigint', c => c.notNull())
    .execute()
  await sql`insert into generation (value) values (1)`.execute(db)

  await schema
    .createTable('mailboxes')
    .addColumn('id', 'text', c => c.primaryKey())
    .addColumn('address', 'text', c => c.notNull().unique())
    .addColumn('upstream', 'text', c => c.notNull())
    .addColumn('login', 'text')
    .addColumn('sealed_secret', ddl.bytes)
    .addColumn('state', 'text', c => c.notNull())
    .addColumn('created_at', 'bigint', c => c.notNull())
    .execute()

  await schema
    .createTable('devices')
    .addColumn('id', 'text', c => c.primaryKey())
    .addColumn('mailbox_id', 'text', c => c.notNull().references('mailboxes.id').onDelete('cascade'))
    .addColumn('name', 'text', c => c.notNull())
    .addColumn('name_key', 'text', c => c.notNull())
    .addColumn('state', 'text', c => c.notNull())
    .addColumn('kind', 'text', c => c.notNull())
    .addColumn('phc', 'text', c => c.notNull())
    .addColumn('tag', ddl.bytes)
    .addColumn('bucket', 'integer', c => c.notNull())
    .addColumn('scopes', 'text', c => c.notNull())
    .addColumn('expires_at', 'bigint')
    .addColumn('allow_from', 'text', c => c.notNull())
    .addColumn('password_version', 'integer', c => c.notNull())
    .addColumn('kicked_at', 'bigint')
    .addColumn('created_at', 'bigint', c => c.notNull())
    .addColumn('password_changed_at', 'bigint', c => c.notNull())
    .addColumn('revoked_at', 'bigint')
    .execute()
  // The login reads exactly the rows it needs, whatever the number of devices of the mailbox or the store.
  await schema.createIndex('devices_by_bucket').on('devices').columns(['mailbox_id', 'bucket']).execute()
  await schema
    .createIndex('devices_by_name')
    .unique()
    .on('devices')
    .columns(['mailbox_id', 'name_key'])
    .where(sql.ref('state'), '<>', sql.lit('revoked'))
    .execute()
  await schema.createIndex('devices_by_revocation').on('devices').column('revoked_at').where(sql.ref('revoked_at'), 'is not', null).execute()

  await schema
    .createTable('last_connections')
    .addColumn('device_id', 'text', c => c.primaryKey().references('devices.id').onDelete('cascade'))
    .addColumn('at', 'bigint', c => c.notNull())
    .addColumn('ip', 'text', c => c.notNull())
    .addColumn('protocol', 'text', c => c.notNull())
    .addColumn('app', 'text')
    .addColumn('tls', 'text')
    .addColumn('node_id', 'text', c => c.notNull())
    .execute()

  await schema
    .createTable('activity')
    .addColumn('id', 'integer', c => ddl.rowNumber(c))
    .addColumn('cursor', 'bigint', c => c.notNull().unique())
    .addColumn('address', 'text', c => c.notNull())
    .addColumn('device_id', 'text', c => c.notNull())
    .addColumn('result', 'text', c => c.notNull())
    .addColumn('protocol', 'text', c => c.notNull())
    .addColumn('ip', 'text', c => c.notNull())
    .addColumn('app', 'text', c => c.notNull())
    .addColumn('first_at', 'bigint', c => c.notNull())
    .addColumn('last_at', 'bigint', c => c.notNull())
    .addColumn('count', 'integer', c => c.notNull())
    .execute()
  await schema.createIndex('activity_by_repeat').on('activity').columns(['address', 'device_id', 'ip', 'result', 'protocol', 'app', 'first_at']).execute()
  await schema.createIndex('activity_by_device').on('activity').columns(['device_id', 'cursor']).execute()
  await schema.createIndex('activity_by_time').on('activity').column('last_at').execute()

  await schema
    .createTable('nodes')
    .addColumn('id', 'text', c => c.primaryKey())
    .addColumn('heartbeat_at', 'bigint', c => c.notNull())
    .execute()

  await schema
    .createTable('sessions')
    .addColumn('id', 'text', c => c.primaryKey())
    .addColumn('node_id', 'text', c => c.notNull())
    .addColumn('device_id', 'text', c => c.notNull())
    .addColumn('protocol', 'text', c => c.notNull())
    .addColumn('ip', 'text', c => c.notNull())
    .addColumn('app', 'text')
    .addColumn('since', 'bigint', c => c.notNull())
    .addColumn('bytes_in', 'bigint', c => c.notNull())
    .addColumn('bytes_out', 'bigint', c => c.notNull())
    .addColumn('kicked_at', 'bigint')
    .execute()
  await schema.createIndex('sessions_by_node').on('sessions').column('node_id').execute()
  await schema.createIndex('sessions_by_device').on('sessions').column('device_id').execute()
  await schema.createIndex('sessions_kicked').on('sessions').column('node_id').where(sql.ref('kicked_at'), 'is not', null).execute()

  await schema
    .createTable('audit')
    .addColumn('id', 'integer', c => ddl.rowNumber(c))
    .addColumn('at', 'bigint', c => c.notNull())
    .addColumn('actor', 'text', c => c.notNull())
    .addColumn('source', 'text', c => c.notNull())
    .addColumn('action', 'text', c => c.notNull())
    .addColumn('subject', 'text', c => c.notNull())
    .addColumn('subject_id', 'text')
    .addColumn('before', 'text')
    .addColumn('after', 'text')
    .execute()
  for (const statement of ddl.appendOnly('audit')) await statement.execute(db)
}

async function makeSendingTables(db: Kysely<unknown>): Promise<void> {
  const { schema } = db
  await schema
    .createTable('users')
    .addColumn('id', 'text', c => c.primaryKey())
    .addColumn('login', 'text', c => c.notNull().unique())
    .addColumn('name', 'text')
    .addColumn('created_at', 'bigint', c => c.notNull())
    .execute()
  await schema
    .alterTable('devices')
    .addColumn('user_id', 'text', c => c.references('users.id').onDelete('set null'))
    .execute()
  await schema.createIndex('devices_by_user').on('devices').column('user_id').where(sql.ref('user_id'), 'is not', null).execute()

  await schema
    .createTable('sending_rules')
    .addColumn('subject_kind', 'text', c => c.notNull())
    .addColumn('subject_id', 'text', c => c.notNull())
    .addColumn('may_send', 'integer', c => c.notNull())
    .addColumn('senders', 'text')
    .addColumn('checks_from', 'integer', c => c.notNull())
    .addColumn('recipients_per_message', 'bigint')
    .addColumn('recipients_per_day', 'bigint')
    .addPrimaryKeyConstraint('sending_rules_key', ['subject_kind', 'subject_id'])
    .execute()
  await schema
    .createTable('sent_counts')
    .addColumn('subject_kind', 'text', c => c.notNull())
    .addColumn('subject_id', 'text', c => c.notNull())
    .addColumn('day', 'integer', c => c.notNull())
    .addColumn('recipients', 'bigint', c => c.notNull())
    .addPrimaryKeyConstraint('sent_counts_key', ['subject_kind', 'subject_id', 'day'])
    .execute()
  await schema.createIndex('sent_counts_by_day').on('sent_counts').column('day').execute()

  await schema
    .createTable('upstream_keywords')
    .addColumn('upstream', 'text', c => c.primaryKey())
    .addColumn('keywords', 'text', c => c.notNull())
    .addColumn('learnt_at', 'bigint', c => c.notNull())
    .execute()
}

async function makeLimitTables(db: Kysely<unknown>): Promise<void> {
  const { schema } = db
  await schema
    .createTable('failure_counts')
    .addColumn('kind', 'text', c => c.notNull())
    .addColumn('subject', 'text', c => c.notNull())
    .addColumn('count', 'integer', c => c.notNull())
    .addColumn('expires_at', 'bigint', c => c.notNull())
    .addColumn('revision', 'bigint', c => c.notNull())
    .addPrimaryKeyConstraint('failure_counts_key', ['kind', 'subject'])
    .execute()
  await schema.createIndex('failure_counts_by_revision').on('failure_counts').column('revision').execute()
  await schema.createIndex('failure_counts_by_end').on('failure_counts').column('expires_at').execute()

  await schema
    .createTable('known_blocks')
    .addColumn('mailbox_id', 'text', c => c.notNull().references('mailboxes.id').onDelete('cascade'))
    .addColumn('block', 'text', c => c.notNull())
    .addColumn('last_at', 'bigint', c => c.notNull())
    .addPrimaryKeyConstraint('known_blocks_key', ['mailbox_id', 'block'])
    .execute()
  await schema.createIndex('known_blocks_by_block').on('known_blocks').columns(['block', 'last_at']).execute()
  await schema.createIndex('known_blocks_by_time').on('known_blocks').column('last_at').execute()
}

/** Devices of kind `legacy`: with it, who still uses a migration password is found without a look at every device. */
async function makeMigrationDeviceIndex({ schema }: Kysely<unknown>): Promise<void> {
  await schema.createIndex('devices_legacy').on('devices').column('mailbox_id').where(sql.ref('kind'), '=', sql.lit('legacy')).execute()
}

async function addUserState({ schema }: Kysely<unknown>): Promise<void> {
  await schema
    .alterTable('users')
    .addColumn('state', 'text', c => c.notNull().defaultTo('active'))
    .execute()
}

/** What was done to one device or mailbox, and the number of its latest change, without a look at all entries. */
async function makeAuditIndex({ schema }: Kysely<unknown>): Promise<void> {
  await schema.createIndex('audit_by_subject').on('audit').columns(['subject_id', 'id']).execute()
}

async function announceGeneration(db: Kysely<unknown>, ddl: Ddl): Promise<void> {
  for (const statement of ddl.announceMoves('generation')) await statement.execute(db)
}
