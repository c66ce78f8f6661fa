/**
 * Invitations: whoever is invited makes the password, so that nobody else ever sees it. Making, listing, taking back, beginning again, accepting.
 */

import { MailwicketError } from '../../base/errors.ts'
import { Problem } from '../../base/problems.ts'
import type { Secret } from '../../base/secret.ts'
import type { Device } from '../../store/accounts/devices/device-rows.ts'
import { NO_RIGHTS } from '../../store/accounts/people/role-rows.ts'
import { parseLogin } from '../../store/accounts/people/user-rows.ts'
import type { Nouns } from '../../store/open-store.ts'
import { DEFAULT_PAGE_ROWS, type Page, type PageRequest, readAll } from '../../store/schema/keyset.ts'
import type { Accepted, DeviceAcceptance } from '../../store/sign-in/accept-invitation.ts'
import type { Invitation, InvitationTerms } from '../../store/sign-in/invitation-rows.ts'
import type { InvitationFilter, InvitationStage } from '../../store/sign-in/invitations.ts'
import type { Actor } from '../actor.ts'
import { checkMayKnow } from '../devices/manage-devices.ts'
import { checkMaySendBy, findDevice, findMailbox } from '../find-subject.ts'
import { type AppSettings, listAppSettings } from '../mailboxes/app-settings.ts'
import { checkMayGive } from '../people/manage-rights.ts'
import { findUser } from '../people/manage-users.ts'
import type { Reach } from '../permissions.ts'
import { change, checkAllowed, checkScope, look, type UseCaseContext } from '../use-case.ts'
import { mailboxesOf } from '../within.ts'

/** The link is shown once; null: it is made when the mail is sent. */
export interface MadeInvitation {
  readonly invitation: Invitation
  readonly token: Secret | null
}

type Asked = Pick<InvitationFilter, 'mailbox' | 'user' | 'state'>

/** Rows that are looked through for a page: whether somebody may see an invitation is asked of each. */
const MOST_LOOKED_AT = 500

/** Of all kinds, the newest first; a page may have fewer than it could, and a next one all the same. Throws NOT_FOUND, NOT_ALLOWED, BAD_INPUT. */
export function pageVisibleInvitations(
  context: UseCaseContext,
  actor: Actor,
  { filter = {}, after, limit = DEFAULT_PAGE_ROWS }: PageRequest & { readonly filter?: Asked | undefined } = {},
): Promise<Page<Invitation>> {
  return look(context, actor, async (nouns, reach) => {
    checkScope(reach, 'mailbox.invite')
    if (filter.mailbox !== undefined) await findMailbox(nouns, reach, filter.mailbox, 'mailbox.invite')
    if (filter.user !== undefined && filter.mailbox === undefined) await findUser(nouns, reach, filter.user, 'person.view')
    const rows: Invitation[] = []
    let [at, looked] = [after, 0]
    do {
      const page = await nouns.invitations.page({ filter, after: at, limit: limit - rows.length })
      for (const invitation of page.rows) if (await isSeen(nouns, reach, invitation)) rows.push(invitation)
      looked += page.rows.length
      at = page.next ?? undefined
    } while (at !== undefined && rows.length < limit && looked < MOST_LOOKED_AT)
    return { rows, next: at ?? null }
  })
}

/** The same, one after the other. */
export function readInvitations(
  context: UseCaseContext,
  actor: Actor,
  { limit, ...filter }: Asked & { readonly limit?: number | undefined } = {},
): AsyncGenerator<Invitation> {
  return readAll(request => pageVisibleInvitations(context, actor, { filter, ...request }), limit)
}

/** Throws NOT_FOUND, NOT_ALLOWED. */
export function getInvitation(context: UseCaseContext, actor: Actor, id: string): Promise<Invitation> {
  return look(context, actor, async (nouns, reach) => {
    const invitation = await nouns.invitations.get(id)
    await checkInvitation(nouns, reach, invitation)
    return invitation
  })
}

/** Those to mailboxes, the newest first. */
export function pageInvitations(
  context: UseCaseContext,
  actor: Actor,
  { stage, ...request }: PageRequest & { readonly stage: InvitationStage },
): Promise<Page<Invitation>> {
  return look(context, actor, (nouns, reach) =>
    nouns.invitations.page({ ...request, filter: { kind: 'device', stage, within: mailboxesOf(reach, 'mailbox.invite') } }),
  )
}

export function countInvitations(context: UseCaseContext, actor: Actor): Promise<Readonly<Record<InvitationStage, number>>> {
  return look(context, actor, (nouns, reach) => nouns.invitations.count({ within: mailboxesOf(reach, 'mailbox.invite') }))
}

async function isSeen(nouns: Nouns, reach: Reach, invitation: Invitation): Promise<boolean> {
  if (reach.isOperator) return true
  try {
    await checkInvitation(nouns, reach, invitation)
    return true
  } catch (error) {
    if (error instanceof MailwicketError && (error.code === 'NOT_FOUND' || error.code === 'NOT_ALLOWED')) return false
    throw error
  }
}

export interface InviteInput {
  readonly mailbox: string
  /** Login of who alone may accept it; whoever has the link when left out. */
  readonly user?: string | null | undefined
  readonly terms?: Partial<InvitationTerms> | undefined
  /** Address that the link is mailed to. */
  readonly mailTo?: string | null | undefined
}

/** To a mailbox: whoever accepts gets a device there. Throws NOT_FOUND, NOT_ALLOWED, BAD_INPUT. */
export function invite(context: UseCaseContext, actor: Actor, { mailbox, user = null, terms, mailTo }: InviteInput): Promise<MadeInvitation> {
  return change(context, actor, async (nouns, reach) => {
    const { address } = await findMailbox(nouns, reach, mailbox, 'mailbox.invite')
    const login = user === null ? null : parseLogin(user)
    const before = login === null ? NO_RIGHTS : await nouns.rights.get(login, address)
    checkMayGive(reach, address, { ...before, manage: false }, terms?.rights ?? {})
    if (terms?.scopes?.includes('smtp') ?? true) checkMaySendBy(reach, address)
    if (mailTo != null) checkSendsMail(context)
    return nouns.invitations.add({ kind: 'device', mailbox: address, user: login, terms, mailTo, by: reach.self?.login })
  })
}

/** A new password for a device that is there, made on the phone itself within a quarter of an hour. Throws NOT_FOUND, NOT_ALLOWED. */
export function invitePhone(context: UseCaseContext, actor: Actor, { ref }: { readonly ref: string }): Promise<MadeInvitation> {
  return change(context, actor, async (nouns, reach) => {
    const device = await findDevice(nouns, reach, ref, 'device.password')
    checkMayKnow(reach, device)
    return nouns.invitations.add({ kind: 'phone', device: device.id, by: reach.self?.login })
  })
}

/** A new link by mail; the old one stops. Throws NOT_FOUND, NOT_ALLOWED, BAD_INPUT (no longer open, or not to be mailed there). */
export function mailInvitation(context: UseCaseContext, actor: Actor, { id, mailTo }: { readonly id: string; readonly mailTo: string }): Promise<Invitation> {
  return change(context, actor, async (nouns, reach) => {
    await checkInvitation(nouns, reach, await nouns.invitations.get(id))
    checkSendsMail(context)
    return nouns.invitations.mail(id, mailTo)
  })
}

/** Or it would wait for ever. Throws BAD_INPUT. */
export function checkSendsMail({ config }: UseCaseContext): void {
  if (config.portal?.mail === undefined) throw new Problem('invitation.no-mail', {})
}

/** Throws NOT_FOUND, NOT_ALLOWED. */
export function revokeInvitation(context: UseCaseContext, actor: Actor, id: string): Promise<Invitation> {
  return change(context, actor, async (nouns, reach) => {
    await checkInvitation(nouns, reach, await nouns.invitations.get(id))
    return nouns.invitations.revoke(id)
  })
}

/** A new link with a new end; the device that was made by the old one is disconnected. Throws NOT_FOUND, NOT_ALLOWED, BAD_INPUT. */
export function restartInvitation(context: UseCaseContext, actor: Actor, id: string): Promise<MadeInvitation> {
  return change(context, actor, async (nouns, reach) => {
    const invitation = await nouns.invitations.get(id)
    await checkInvitation(nouns, reach, invitation)
    const { mailbox, terms, kind, mailTo } = invitation
    if (mailTo !== null) checkSendsMail(context)
    // It is the invitation of whoever restarts it: they give what it gives.
    if (kind === 'device' && mailbox !== null) {
      checkMayGive(reach, mailbox, NO_RIGHTS, terms.rights)
      if (terms.scopes.includes('smtp')) checkMaySendBy(reach, mailbox)
    }
    return nouns.invitations.restart(id, { by: reach.self?.login })
  })
}

/** An invitation is seen by who could have made it; of others there is none. Throws NOT_FOUND, NOT_ALLOWED. */
async function checkInvitation(
  nouns: Nouns,
  reach: Reach,
  { id, kind, mailbox, device, user }: Pick<Invitation, 'id' | 'kind' | 'mailbox' | 'device' | 'user'>,
) {
  if (reach.isOperator) return
  const missing = new Problem('invitation.unknown', { id })
  if (kind === 'start') {
    if (user === null) throw missing
    return void (await findUser(nouns, reach, user, 'person.change'))
  }
  if (kind === 'phone' && device !== null) return void (await findDevice(nouns, reach, device.id, 'device.password'))
  if (mailbox === null) throw missing
  checkAllowed(reach, 'mailbox.invite', { mailbox }, () => missing)
}

/** The open invitation of a link; null: used, taken back, over or unknown. Opening uses nothing up. */
export async function openInvitation({ store }: UseCaseContext, token: Secret): Promise<Invitation | null> {
  return (await store.as(INVITED).invitations.open(token)) ?? null
}

/** Who accepts an open link is nobody that is known. */
const INVITED = { name: 'invited', source: 'invitation' } as const

export type AcceptedDevice = Accepted<{ readonly device: Device; readonly password: Secret; readonly settings: readonly AppSettings[] }>

/** Makes the device, or the new password of the device. `source`: from where. Throws ALREADY_EXISTS (the name), BAD_INPUT. */
export async function acceptInvitation(
  { store, config }: UseCaseContext,
  token: Secret,
  input: DeviceAcceptance & { readonly source: string },
): Promise<AcceptedDevice> {
  const { source, ...acceptance } = input
  const accepted = await store.as({ name: acceptance.user ?? INVITED.name, source }).acceptInvitation.withDevice(token, acceptance)
  if (accepted.is !== 'accepted') return accepted
  const { device } = accepted
  return { ...accepted, settings: listAppSettings(config, device.mailbox, device.scopes) }
}
