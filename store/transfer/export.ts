/**
 * Mailboxes and their devices as they leave the store: as of one moment, page by page, without anything secret but, where asked for, the hashes.
 */

import type { Kysely } from 'kysely'
import type { MailboxId } from '../../base/ids.ts'
import { type Rights, toRights } from '../accounts/people/role-rows.ts'
import type { Backend } from '../schema/backend.ts'
import { splitList } from '../schema/list-column.ts'
import type { MailboxState, Scope, UserState } from '../schema/login-record.ts'
import type { Schema } from '../schema/schema.ts'

export interface ExportedDevice {
  readonly name: string
  readonly state: 'active' | 'disabled'
  readonly scopes: readonly Scope[]
  readonly expiresAt: number | null
  readonly allowFrom: readonly string[]
  readonly user: string | null
  readonly userState: UserState | null
  /** The PHC string; null where hashes were not asked for. */
  readonly phc: string | null
}

export interface ExportedPerson {
  readonly user: string
  readonly userState: UserState
  readonly rights: Rights
}

export interface ExportedMailbox {
  readonly address: string
  readonly upstream: string
  readonly login: string | null
  readonly hasSecret: boolean
  readonly state: MailboxState
  /** Until then its password at the upstream is accepted too; null: it is not. */
  readonly migrationPasswordUntil: number | null
  readonly note: string | null
  readonly aliases: readonly string[]
  /** Who has rights at it, by login. */
  readonly people: readonly ExportedPerson[]
  /** By name, without revoked ones. */
  readonly devices: readonly ExportedDevice[]
}

/** Bounds the memory, whatever the size of the store. */
const PAGE_MAILBOXES = 500

/** Gives all mailboxes by address to `onPage`, and waits for it. `backend` was opened to read. */
export async function exportMailboxes(
  backend: Backend,
  {
    withHashes,
    onPage,
  }: { readonly withHashes: boolean; readonly onPage: (page: readonly ExportedMailbox[], progress: { done: number; total: number }) => Promise<void> },
): Promise<{ readonly mailboxes: number; readonly devices: number }> {
  return backend.snapshot(async snapshot => {
    const counted = await snapshot
      .selectFrom('mailboxes')
      .select(({ fn }) => fn.countAll<number>().as('n'))
      .executeTakeFirstOrThrow()
    const total = Number(counted.n)
    let done = 0
    let devices = 0
    let last = ''
    for (;;) {
      const page = await readPage(snapshot, last, withHashes)
      const end = page.at(-1)
      if (end === undefined) return { mailboxes: done, devices }
      last = end.address
      done += page.length
      devices += page.reduce((sum, mailbox) => sum + mailbox.devices.length, 0)
      await onPage(page, { done, total })
    }
  })
}

async function readPage(db: Kysely<Schema>, after: string, withHashes: boolean): Promise<ExportedMailbox[]> {
  const mailboxes = await db
    .selectFrom('mailboxes')
    .select(['id', 'address', 'upstream', 'login', 'state', 'note'])
    .select(row => row('sealed_secret', 'is not', null).as('has_secret'))
    .where('address', '>', after)
    .orderBy('address')
    .limit(PAGE_MAILBOXES)
    .execute()
  if (mailboxes.length === 0) return []
  const rows = await db
    .selectFrom('devices')
    .leftJoin('users', 'users.id', 'devices.user_id')
    .select([
      'devices.mailbox_id',
      'devices.name',
      'devices.state',
      'devices.scopes',
      'devices.expires_at',
      'devices.allow_from',
      'devices.phc',
      'devices.kind',
    ])
    .select(['users.login as user', 'users.state as user_state'])
    .where(
      'devices.mailbox_id',
      'in',
      mailboxes.map(({ id }) => id),
    )
    .where('devices.state', '<>', 'revoked')
    .orderBy('devices.name_key')
    .execute()
  const ids = mailboxes.map(({ id }) => id)
  const aliases = Map.groupBy(await selectAliases(db, ids), row => row.mailbox_id)
  const people = Map.groupBy(await selectPeople(db, ids), row => row.mailbox_id)
  const devices = Map.groupBy(rows, row => row.mailbox_id)
  return mailboxes.map(({ id, address, upstream, login, state, note, has_secret: hasSecret }) => ({
    address,
    upstream,
    login,
    hasSecret: Boolean(hasSecret),
    state,
    migrationPasswordUntil: devices.get(id)?.find(({ kind }) => kind === 'legacy')?.expires_at ?? null,
    note,
    aliases: (aliases.get(id) ?? []).map(row => row.address),
    people: (people.get(id) ?? []).map(row => ({ user: row.user, userState: row.user_state, rights: toRights(row) })),
    devices: (devices.get(id) ?? [])
      .filter(({ kind }) => kind !== 'legacy')
      .map(row => ({
        name: row.name,
        state: row.state === 'disabled' ? 'disabled' : 'active',
        scopes: splitList<Scope>(row.scopes),
        expiresAt: row.expires_at,
        allowFrom: splitList(row.allow_from),
        user: row.user,
        userState: row.user_state,
        phc: withHashes ? row.phc : null,
      })),
  }))
}

function selectAliases(db: Kysely<Schema>, mailboxes: readonly MailboxId[]) {
  return db.selectFrom('aliases').select(['mailbox_id', 'address']).where('mailbox_id', 'in', mailboxes).orderBy('address').execute()
}

function selectPeople(db: Kysely<Schema>, mailboxes: readonly MailboxId[]) {
  return db
    .selectFrom('rights')
    .innerJoin('users', 'users.id', 'rights.user_id')
    .selectAll('rights')
    .select(['users.login as user', 'users.state as user_state'])
    .where('rights.mailbox_id', 'in', mailboxes)
    .orderBy('users.login')
    .execute()
}
