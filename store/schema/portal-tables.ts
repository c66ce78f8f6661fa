/**
 * The migrations of the portal: signing in, roles and rights, invitations, tokens, aliases, what a person likes, mail that waits.
 *
 * As in `migrations.ts`: a step that was once released is never edited, and imports nothing of the present schema.
 */
import { type Kysely, sql } from 'kysely'
import type { Ddl } from './backend.ts'

/** Mailboxes whose domain is filled in at a time. */
const PAGE_ROWS = 1_000

/** Lists of one domain, in the order of addresses, without a look at the others. */
export async function addDomains(db: Kysely<unknown>): Promise<void> {
  const { schema } = db
  await schema
    .alterTable('mailboxes')
    .addColumn('domain', 'text', c => c.notNull().defaultTo(''))
    .execute()
  await schema.alterTable('mailboxes').addColumn('note', 'text').execute()
  let last = ''
  for (;;) {
    const { rows } = await sql<{ address: string }>`
      select address from mailboxes where address > ${last} order by address limit ${sql.lit(PAGE_ROWS)}`.execute(db)
    for (const { address } of rows)
      await sql`update mailboxes set domain = ${address.slice(address.lastIndexOf('@') + 1)} where address = ${address}`.execute(db)
    const end = rows.at(-1)
    if (end === undefined) break
    last = end.address
  }
  await schema.createIndex('mailboxes_by_domain').on('mailboxes').columns(['domain', 'address']).execute()
}

export async function makeAliases({ schema }: Kysely<unknown>): Promise<void> {
  await schema
    .createTable('aliases')
    .addColumn('address', 'text', c => c.primaryKey())
    .addColumn('mailbox_id', 'text', c => c.notNull().references('mailboxes.id').onDelete('cascade'))
    .addColumn('created_at', 'bigint', c => c.notNull())
    .execute()
  await schema.createIndex('aliases_by_mailbox').on('aliases').column('mailbox_id').execute()
}

export async function makeRoles({ schema }: Kysely<unknown>): Promise<void> {
  await schema
    .createTable('roles')
    .addColumn('user_id', 'text', c => c.notNull().references('users.id').onDelete('cascade'))
    .addColumn('role', 'text', c => c.notNull())
    .addColumn('domain', 'text', c => c.notNull())
    .addPrimaryKeyConstraint('roles_key', ['user_id', 'role', 'domain'])
    .execute()
  await schema.createIndex('roles_by_domain').on('roles').columns(['role', 'domain']).execute()
  await schema
    .createTable('rights')
    .addColumn('user_id', 'text', c => c.notNull().references('users.id').onDelete('cascade'))
    .addColumn('mailbox_id', 'text', c => c.notNull().references('mailboxes.id').onDelete('cascade'))
    .addColumn('may_use', 'integer', c => c.notNull())
    .addColumn('may_make', 'integer', c => c.notNull())
    .addColumn('may_see', 'integer', c => c.notNull())
    .addColumn('may_send', 'integer', c => c.notNull())
    .addColumn('may_manage', 'integer', c => c.notNull())
    .addPrimaryKeyConstraint('rights_key', ['user_id', 'mailbox_id'])
    .execute()
  await schema.createIndex('rights_by_mailbox').on('rights').column('mailbox_id').execute()
  await schema
    .createTable('preferences')
    .addColumn('user_id', 'text', c => c.primaryKey().references('users.id').onDelete('cascade'))
    .addColumn('language', 'text')
    .addColumn('time_zone', 'text')
    .addColumn('notices', 'text')
    .execute()
}

export async function makeSignIn({ schema }: Kysely<unknown>, ddl: Ddl): Promise<void> {
  await schema
    .createTable('credentials')
    .addColumn('user_id', 'text', c => c.primaryKey().references('users.id').onDelete('cascade'))
    .addColumn('phc', 'text')
    .addColumn('password_changed_at', 'bigint')
    .addColumn('sealed_totp', ddl.bytes)
    .addColumn('totp_added_at', 'bigint')
    .addColumn('totp_step', 'bigint')
    .execute()
  await schema
    .createTable('passkeys')
    .addColumn('id', 'text', c => c.primaryKey())
    .addColumn('user_id', 'text', c => c.notNull().references('users.id').onDelete('cascade'))
    .addColumn('credential_id', 'text', c => c.notNull().unique())
    .addColumn('public_key', ddl.bytes, c => c.notNull())
    .addColumn('counter', 'bigint', c => c.notNull())
    .addColumn('transports', 'text', c => c.notNull())
    .addColumn('name', 'text', c => c.notNull())
    .addColumn('created_at', 'bigint', c => c.notNull())
    .addColumn('used_at', 'bigint')
    .execute()
  await schema.createIndex('passkeys_by_user').on('passkeys').column('user_id').execute()
  await schema
    .createTable('recovery_codes')
    .addColumn('user_id', 'text', c => c.notNull().references('users.id').onDelete('cascade'))
    .addColumn('hash', 'text', c => c.notNull())
    .addColumn('used_at', 'bigint')
    .addPrimaryKeyConstraint('recovery_codes_key', ['user_id', 'hash'])
    .execute()
  await schema
    .createTable('portal_sessions')
    .addColumn('id', 'text', c => c.primaryKey())
    .addColumn('token_hash', 'text', c => c.notNull().unique())
    .addColumn('user_id', 'text', c => c.notNull().references('users.id').onDelete('cascade'))
    .addColumn('stage', 'text', c => c.notNull())
    .addColumn('created_at', 'bigint', c => c.notNull())
    .addColumn('seen_at', 'bigint', c => c.notNull())
    .addColumn('confirmed_at', 'bigint')
    .addColumn('agent', 'text', c => c.notNull())
    .addColumn('ip', 'text', c => c.notNull())
    .execute()
  await schema.createIndex('portal_sessions_by_user').on('portal_sessions').column('user_id').execute()
  await schema.createIndex('portal_sessions_by_use').on('portal_sessions').column('seen_at').execute()
  await schema
    .createTable('once')
    .addColumn('hash', 'text', c => c.primaryKey())
    .addColumn('request', 'text', c => c.notNull())
    .addColumn('result', 'text')
    .addColumn('ends_at', 'bigint', c => c.notNull())
    .execute()
  await schema.createIndex('once_by_end').on('once').column('ends_at').execute()
}

export async function makeInvitations({ schema }: Kysely<unknown>): Promise<void> {
  await schema
    .createTable('invitations')
    .addColumn('id', 'text', c => c.primaryKey())
    .addColumn('kind', 'text', c => c.notNull())
    .addColumn('token_hash', 'text', c => c.unique())
    .addColumn('mailbox_id', 'text', c => c.references('mailboxes.id').onDelete('cascade'))
    .addColumn('user_id', 'text', c => c.references('users.id').onDelete('cascade'))
    .addColumn('device_id', 'text', c => c.references('devices.id').onDelete('cascade'))
    .addColumn('terms', 'text', c => c.notNull())
    .addColumn('mail_to', 'text')
    .addColumn('state', 'text', c => c.notNull())
    .addColumn('created_at', 'bigint', c => c.notNull())
    .addColumn('ends_at', 'bigint', c => c.notNull())
    .addColumn('closed_at', 'bigint')
    .addColumn('opened_at', 'bigint')
    .addColumn('opened', 'integer', c => c.notNull())
    .addColumn('made_device_id', 'text')
    .addColumn('made_by', 'text', c => c.notNull())
    .addColumn('made_by_user_id', 'text', c => c.references('users.id').onDelete('set null'))
    .execute()
  await schema.createIndex('invitations_by_mailbox').on('invitations').column('mailbox_id').execute()
  await schema.createIndex('invitations_by_user').on('invitations').column('user_id').execute()
  await schema.createIndex('invitations_by_device').on('invitations').column('device_id').execute()
  await schema.createIndex('invitations_by_maker').on('invitations').column('made_by_user_id').execute()
  await schema.createIndex('invitations_by_end').on('invitations').column('ends_at').execute()
  await schema
    .createTable('api_tokens')
    .addColumn('id', 'text', c => c.primaryKey())
    .addColumn('token_hash', 'text', c => c.notNull().unique())
    .addColumn('beginning', 'text', c => c.notNull())
    .addColumn('name', 'text', c => c.notNull())
    .addColumn('user_id', 'text', c => c.notNull().references('users.id').onDelete('cascade'))
    .addColumn('scopes', 'text', c => c.notNull())
    .addColumn('domains', 'text', c => c.notNull())
    .addColumn('allow_from', 'text', c => c.notNull())
    .addColumn('created_at', 'bigint', c => c.notNull())
    .addColumn('ends_at', 'bigint')
    .addColumn('used_at', 'bigint')
    .addColumn('used_ip', 'text')
    .execute()
  await schema.createIndex('api_tokens_by_user').on('api_tokens').column('user_id').execute()
  await schema
    .createTable('notices')
    .addColumn('id', 'text', c => c.primaryKey())
    .addColumn('recipient', 'text', c => c.notNull())
    .addColumn('cause', 'text', c => c.notNull())
    .addColumn('kind', 'text', c => c.notNull())
    .addColumn('user_id', 'text', c => c.references('users.id').onDelete('cascade'))
    .addColumn('payload', 'text', c => c.notNull())
    .addColumn('queued_at', 'bigint', c => c.notNull())
    .addColumn('attempts', 'integer', c => c.notNull())
    .addColumn('next_try_at', 'bigint')
    .addColumn('sent_at', 'bigint')
    .addColumn('failure', 'text')
    .addUniqueConstraint('notices_key', ['recipient', 'cause'])
    .execute()
  await schema.createIndex('notices_due').on('notices').column('next_try_at').where(sql.ref('next_try_at'), 'is not', null).execute()
  await schema.createIndex('notices_by_user').on('notices').column('user_id').execute()
  await schema.createIndex('notices_by_time').on('notices').column('queued_at').execute()
}
