/**
 * The tables of the mail side, as the steps of `migrations.ts` make them; `schema.ts` says what is in them. Those of the portal are in `portal-tables.ts`.
 */
import { type Kysely, sql } from 'kysely'
import type { Ddl } from './backend.ts'

export async function makeFirstTables(db: Kysely<unknown>, ddl: Ddl): Promise<void> {
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

export async function makeSendingTables(db: Kysely<unknown>): Promise<void> {
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

export async function makeLimitTables(db: Kysely<unknown>): Promise<void> {
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
export async function makeMigrationDeviceIndex({ schema }: Kysely<unknown>): Promise<void> {
  await schema.createIndex('devices_legacy').on('devices').column('mailbox_id').where(sql.ref('kind'), '=', sql.lit('legacy')).execute()
}

export async function addUserState({ schema }: Kysely<unknown>): Promise<void> {
  await schema
    .alterTable('users')
    .addColumn('state', 'text', c => c.notNull().defaultTo('active'))
    .execute()
}

/** What was done to one device or mailbox, and the number of its latest change, without a look at all entries. */
export async function makeAuditIndex({ schema }: Kysely<unknown>): Promise<void> {
  await schema.createIndex('audit_by_subject').on('audit').columns(['subject_id', 'id']).execute()
}

export async function announceGeneration(db: Kysely<unknown>, ddl: Ddl): Promise<void> {
  for (const statement of ddl.announceMoves('generation')) await statement.execute(db)
}
