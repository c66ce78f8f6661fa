/**
 * Mailboxes as rows and as they are shown.
 */
import type { Kysely, Selectable } from 'kysely'
import type { MailboxId } from '../../base/ids.ts'
import { Problem } from '../../base/problems.ts'
import type { MailboxState } from '../schema/login-record.ts'
import type { MailboxesTable, Schema } from '../schema/schema.ts'
import { MIGRATION_DEVICE_NAME } from './migration-rows.ts'

export interface Mailbox {
  readonly id: MailboxId
  readonly address: string
  /** Name of an upstream in the configuration. */
  readonly upstream: string
  /** Login at the upstream; null: the address. */
  readonly login: string | null
  /** Whether an upstream secret is stored (its value: `openSecret`). */
  readonly hasSecret: boolean
  readonly state: MailboxState
  /** What those who look after it want to remember. */
  readonly note: string | null
  readonly createdAt: number
  /** Until when its upstream password is accepted too; null: it is not. Milliseconds since 1970, UTC. */
  readonly migrationPasswordUntil: number | null
  /** Devices that are not revoked, the migration password not counted. */
  readonly devices: number
}

/** The row of a normalised address. Throws NOT_FOUND. */
export async function getMailboxRow(db: Kysely<Schema>, address: string): Promise<Selectable<MailboxesTable>> {
  const row = await findMailboxRow(db, address)
  if (row === undefined) throw noMailbox(address)
  return row
}

export function findMailboxRow(db: Kysely<Schema>, address: string): Promise<Selectable<MailboxesTable> | undefined> {
  return db.selectFrom('mailboxes').selectAll().where('address', '=', address).executeTakeFirst()
}

export async function getMailbox(db: Kysely<Schema>, address: string): Promise<Mailbox> {
  const row = await selectMailboxes(db).where('mailboxes.address', '=', address).executeTakeFirst()
  if (row === undefined) throw noMailbox(address)
  return toMailbox(row)
}

export function noMailbox(address: string): Problem {
  return new Problem('mailbox.unknown', { address })
}

export function selectMailboxes(db: Kysely<Schema>) {
  return db
    .selectFrom('mailboxes')
    .select(['id', 'address', 'upstream', 'login', 'state', 'note', 'created_at'])
    .select(row => row('sealed_secret', 'is not', null).as('has_secret'))
    .select(row =>
      row
        .selectFrom('devices')
        .select(count => count.fn.countAll<number>().as('n'))
        .whereRef('devices.mailbox_id', '=', 'mailboxes.id')
        .where('devices.state', '<>', 'revoked')
        .where('devices.kind', '<>', 'legacy')
        .as('devices'),
    )
    .select(row =>
      row
        .selectFrom('devices')
        .select('devices.expires_at')
        .whereRef('devices.mailbox_id', '=', 'mailboxes.id')
        // In these words the index of device names answers it.
        .where('devices.name_key', '=', MIGRATION_DEVICE_NAME)
        .where('devices.state', '<>', 'revoked')
        .where('devices.kind', '=', 'legacy')
        .as('migration_until'),
    )
}

type MailboxRow = Awaited<ReturnType<ReturnType<typeof selectMailboxes>['execute']>>[number]

export function toMailbox(row: MailboxRow): Mailbox {
  const { id, address, upstream, login, state, note, created_at: createdAt, migration_until: migrationPasswordUntil } = row
  return { id, address, upstream, login, hasSecret: Boolean(row.has_secret), state, note, createdAt, migrationPasswordUntil, devices: Number(row.devices ?? 0) }
}
