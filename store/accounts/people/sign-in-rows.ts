/**
 * What of signing in ends when a right, a role, a password or a person ends: rows of the tables that `store/sign-in/` looks after.
 */
import type { DeviceId, MailboxId, PortalSessionId, UserId } from '../../../base/ids.ts'
import type { InvitationKind } from '../../schema/portal-schema.ts'
import type { Change } from '../../store-context.ts'

/** Everything a person has open in the portal, `except` one session. Gives how many. */
export async function endPortalSessions(change: Change, user: UserId, except?: PortalSessionId): Promise<number> {
  let ended = change.db.deleteFrom('portal_sessions').where('user_id', '=', user)
  if (except !== undefined) ended = ended.where('id', '<>', except)
  return Number((await ended.executeTakeFirst()).numDeletedRows)
}

/** Sessions, and every link to sign in or to a device that the person has or made. SECURITY: whoever was blocked may have kept one that he made himself. */
export async function endSignIn(change: Change, user: UserId): Promise<void> {
  await endPortalSessions(change, user)
  await endInvitations(change, { user })
  await endInvitations(change, { maker: user })
}

export interface InvitationsOf {
  readonly user?: UserId
  readonly mailbox?: MailboxId
  readonly device?: DeviceId
  readonly maker?: UserId
  readonly kind?: InvitationKind
  /** Of mailboxes of this domain. */
  readonly domain?: string
}

/** Revokes the open invitations that fit everything that is given. */
export async function endInvitations(change: Change, { user, mailbox, device, maker, kind, domain }: InvitationsOf): Promise<void> {
  let open = change.db.updateTable('invitations').set({ state: 'revoked', token_hash: null, closed_at: change.at }).where('state', '=', 'open')
  if (user !== undefined) open = open.where('user_id', '=', user)
  if (mailbox !== undefined) open = open.where('mailbox_id', '=', mailbox)
  if (device !== undefined) open = open.where('device_id', '=', device)
  if (maker !== undefined) open = open.where('made_by_user_id', '=', maker)
  if (kind !== undefined) open = open.where('kind', '=', kind)
  if (domain !== undefined) open = open.where('mailbox_id', 'in', change.db.selectFrom('mailboxes').select('id').where('domain', '=', domain))
  await open.execute()
}
