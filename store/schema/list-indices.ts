/**
 * The migrations for lists of large stores: what pages show, newest first or by a part of a name, without a look at all there is; `list-plans.test.ts`
 * looks at each. As in `migrations.ts`: a step that was once released is never edited.
 */
import { type Kysely, type SqlBool, sql } from 'kysely'

export async function makeListIndices({ schema }: Kysely<unknown>): Promise<void> {
  await schema.createIndex('mailboxes_by_creation').on('mailboxes').columns(['created_at', 'id']).execute()
  // Names in one place: a part of a name is looked for there, and not in the devices, which are ten times as long.
  await schema.createIndex('devices_by_any_name').on('devices').columns(['name_key', 'state', 'id']).execute()
  await schema.createIndex('devices_by_end').on('devices').column('expires_at').where(sql.ref('expires_at'), 'is not', null).execute()
  await schema.createIndex('last_connections_by_time').on('last_connections').columns(['at', 'device_id']).execute()
  await schema.createIndex('sessions_by_time').on('sessions').columns(['since', 'id']).execute()
  await schema.createIndex('activity_by_address').on('activity').columns(['address', 'last_at']).execute()
  await schema.createIndex('activity_by_network').on('activity').column('ip').execute()
  await schema.createIndex('activity_refused').on('activity').column('last_at').where(sql.ref('result'), '<>', sql.lit('ok')).execute()
  await schema.createIndex('invitations_by_creation').on('invitations').columns(['created_at', 'id']).execute()
  await schema.createIndex('audit_by_time').on('audit').column('at').execute()
  await schema.createIndex('audit_by_actor').on('audit').columns(['actor', 'at']).execute()
  await schema
    .createIndex('audit_by_name')
    .on('audit')
    .expression(sql`lower(${sql.ref('subject')})`)
    .execute()
}

export async function makePeopleIndices({ schema }: Kysely<unknown>): Promise<void> {
  // Whose the devices of a domain are, without a look at the devices.
  await schema
    .createIndex('devices_linked')
    .on('devices')
    .columns(['mailbox_id', 'user_id'])
    .where(sql<SqlBool>`${sql.ref('user_id')} is not null and ${sql.ref('state')} <> 'revoked'`)
    .execute()
  await schema.createIndex('activity_unreachable').on('activity').column('last_at').where(sql.ref('result'), '=', sql.lit('upstream-unreachable')).execute()
}
