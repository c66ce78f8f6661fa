/**
 * Roles and rights as rows: what decisions read, also within a change that is under way.
 */
import type { Kysely } from 'kysely'
import type { MailboxId, UserId } from '../../../base/ids.ts'
import { Problem } from '../../../base/problems.ts'
import type { RightsTable } from '../../schema/portal-schema.ts'
import type { Schema } from '../../schema/schema.ts'

export interface Roles {
  readonly isAdmin: boolean
  /** Domains that are managed; in alphabetic order. */
  readonly domains: readonly string[]
}

/** What a person may do at one mailbox. */
export interface Rights {
  /** See devices that were given to him, and set them up. */
  readonly use: boolean
  /** Make devices for himself. */
  readonly make: boolean
  /** See the activity of the whole mailbox. */
  readonly see: boolean
  /** Send by his devices of this mailbox. */
  readonly send: boolean
  /** All devices and people of the mailbox. */
  readonly manage: boolean
}

export const NO_RIGHTS: Rights = { use: false, make: false, see: false, send: false, manage: false }

export async function readRoles(db: Kysely<Schema>, user: UserId): Promise<Roles> {
  const rows = await db.selectFrom('roles').select(['role', 'domain']).where('user_id', '=', user).orderBy('domain').execute()
  return { isAdmin: rows.some(({ role }) => role === 'admin'), domains: rows.filter(({ role }) => role === 'manager').map(({ domain }) => domain) }
}

/** None: `NO_RIGHTS`. */
export async function readRights(db: Kysely<Schema>, user: UserId, mailbox: MailboxId): Promise<Rights> {
  const row = await db.selectFrom('rights').selectAll().where('user_id', '=', user).where('mailbox_id', '=', mailbox).executeTakeFirst()
  return row === undefined ? NO_RIGHTS : toRights(row)
}

type RightsColumns = Omit<RightsTable, 'user_id' | 'mailbox_id'>

export function toRights(row: RightsColumns): Rights {
  return { use: row.may_use === 1, make: row.may_make === 1, see: row.may_see === 1, send: row.may_send === 1, manage: row.may_manage === 1 }
}

export function rightsColumns({ use, make, see, send, manage }: Rights): RightsColumns {
  return { may_use: Number(use), may_make: Number(make), may_see: Number(see), may_send: Number(send), may_manage: Number(manage) }
}

/** Refuses what would leave nobody who may do everything. Throws LAST_ADMINISTRATOR. */
export async function checkNotLastAdmin(db: Kysely<Schema>, user: { readonly id: UserId; readonly login: string }): Promise<void> {
  const admins = await db
    .selectFrom('roles')
    .innerJoin('users', 'users.id', 'roles.user_id')
    .select(['users.id', 'users.state'])
    .where('roles.role', '=', 'admin')
    .execute()
  const isAdmin = admins.some(({ id }) => id === user.id)
  if (isAdmin && !admins.some(({ id, state }) => id !== user.id && state === 'active')) throw new Problem('user.last-administrator', { login: user.login })
}
