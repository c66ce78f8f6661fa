/**
 * Invitations as rows and as they are shown.
 */
import type { Kysely } from 'kysely'
import type { DeviceId, InvitationId, MailboxId, UserId } from '../../base/ids.ts'
import type { Rights } from '../accounts/people/role-rows.ts'
import type { Scope } from '../schema/login-record.ts'
import type { InvitationKind } from '../schema/portal-schema.ts'
import type { Schema } from '../schema/schema.ts'

/** What the device becomes that is made by it. */
export interface InvitationTerms {
  /** Proposed to whoever accepts. */
  readonly name: string | null
  readonly scopes: readonly Scope[]
  readonly expiresAt: number | null
  /** CIDR blocks; empty: everywhere. */
  readonly allowFrom: readonly string[]
  /** What the person may do at the mailbox from then on, besides what he may already. */
  readonly rights: Partial<Rights>
}

export interface Invitation {
  readonly id: InvitationId
  readonly kind: InvitationKind
  /** `ended`: open, and its time is over. */
  readonly state: 'open' | 'accepted' | 'revoked' | 'ended'
  /** Address; null: of `start`. */
  readonly mailbox: string | null
  /** Login of who alone may accept it; null: whoever has the link. */
  readonly user: string | null
  readonly userName: string | null
  /** The device that gets a new password by it. */
  readonly device: { readonly id: DeviceId; readonly name: string } | null
  readonly terms: InvitationTerms
  readonly mailTo: string | null
  readonly createdAt: number
  readonly endsAt: number
  /** Accepted or revoked. */
  readonly closedAt: number | null
  readonly openedAt: number | null
  readonly opened: number
  readonly madeDevice: DeviceId | null
  /** As the audit calls him. */
  readonly madeBy: string
  readonly madeByName: string | null
}

export type InvitationRow = Awaited<ReturnType<ReturnType<typeof selectInvitations>['execute']>>[number]

export function selectInvitations(db: Kysely<Schema>) {
  return db
    .selectFrom('invitations')
    .leftJoin('mailboxes', 'mailboxes.id', 'invitations.mailbox_id')
    .leftJoin('users', 'users.id', 'invitations.user_id')
    .leftJoin('devices', 'devices.id', 'invitations.device_id')
    .leftJoin('users as makers', 'makers.id', 'invitations.made_by_user_id')
    .selectAll('invitations')
    .select(['mailboxes.address as mailbox', 'users.login as user', 'users.name as user_name', 'devices.name as device', 'makers.name as maker_name'])
}

export function toInvitation(row: InvitationRow, now: number): Invitation {
  return {
    id: row.id,
    kind: row.kind,
    state: row.state === 'open' && row.ends_at <= now ? 'ended' : row.state,
    mailbox: row.mailbox,
    user: row.user,
    userName: row.user_name,
    device: row.device_id === null || row.device === null ? null : { id: row.device_id, name: row.device },
    terms: JSON.parse(row.terms) as InvitationTerms,
    mailTo: row.mail_to,
    createdAt: row.created_at,
    endsAt: row.ends_at,
    closedAt: row.closed_at,
    openedAt: row.opened_at,
    opened: row.opened,
    madeDevice: row.made_device_id,
    madeBy: row.made_by,
    madeByName: row.maker_name,
  }
}

/** Of an open one, in time. */
export function selectOpen(db: Kysely<Schema>, tokenHash: string, now: number) {
  return selectInvitations(db).where('invitations.token_hash', '=', tokenHash).where('invitations.state', '=', 'open').where('invitations.ends_at', '>', now)
}

export interface InvitationTarget {
  readonly mailbox: { readonly id: MailboxId; readonly address: string } | null
  readonly user: { readonly id: UserId; readonly login: string } | null
  readonly device: DeviceId | null
}

/** As the audit calls it. */
export function subjectOf({ mailbox, user }: { readonly mailbox: string | null; readonly user: string | null }): string {
  return mailbox ?? user ?? 'nobody'
}
