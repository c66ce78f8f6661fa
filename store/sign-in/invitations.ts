/**
 * Invitations: links by which somebody makes the password of a device, or the password of his account, so that nobody else ever sees it.
 *
 * Invariants: a link works once, until its end, for whom it names; opening it uses nothing up; whoever accepts it first has it, whichever process
 * he meets, and with it, in one transaction, the device. SECURITY: a link is known here by its hash only, so mailing it again makes a new one.
 */

import { type Kysely, type RawBuilder, type SqlBool, sql } from 'kysely'
import { parseAddress } from '../../base/address.ts'
import { type DeviceId, type InvitationId, makeId } from '../../base/ids.ts'
import { Problem } from '../../base/problems.ts'
import type { Secret } from '../../base/secret.ts'
import { revokeDevice } from '../accounts/devices/device-changes.ts'
import { parseDeviceName, resolveDevice } from '../accounts/devices/device-names.ts'
import { checkNotRevoked, getDeviceRow, SCOPES, termColumns } from '../accounts/devices/device-rows.ts'
import { getMailboxRow } from '../accounts/mailbox-rows.ts'
import { isWithinBy, type MailboxSet } from '../accounts/mailbox-set.ts'
import { endInvitations } from '../accounts/people/sign-in-rows.ts'
import { findUserRow, getUserRow, parseLogin } from '../accounts/people/user-rows.ts'
import { queueNotice } from '../notices/notice-queue.ts'
import { hashToken, makeToken } from '../passwords/random-token.ts'
import type { AuditAction } from '../schema/audit-words.ts'
import { type Page, type PageRequest, readPage, type SortOrder } from '../schema/keyset.ts'
import type { InvitationKind } from '../schema/portal-schema.ts'
import type { Schema } from '../schema/schema.ts'
import type { Change, StoreContext } from '../store-context.ts'
import { checkMayBeMailedTo } from './invitation-mail.ts'
import {
  type Invitation,
  type InvitationRow,
  type InvitationTarget,
  type InvitationTerms,
  selectInvitations,
  selectOpen,
  subjectOf,
  toInvitation,
} from './invitation-rows.ts'

const MINUTE_MS = 60_000
export const INVITATION_MS: Readonly<Record<InvitationKind, number>> = {
  device: 30 * 24 * 60 * MINUTE_MS,
  phone: 15 * MINUTE_MS,
  start: 24 * 60 * MINUTE_MS,
}

export interface NewDeviceInvitation {
  readonly kind: 'device'
  readonly mailbox: string
  /** Login of who alone may accept it. */
  readonly user?: string | null | undefined
  readonly terms?: Partial<InvitationTerms> | undefined
}

export interface NewPhoneInvitation {
  readonly kind: 'phone'
  readonly device: string
}

export interface NewStartInvitation {
  readonly kind: 'start'
  readonly user: string
}

export type NewInvitation = (NewDeviceInvitation | NewPhoneInvitation | NewStartInvitation) & {
  /** Address that the link is mailed to: then it is made when the mail is sent (`mint`). */
  readonly mailTo?: string | null | undefined
  /** Login of who makes it, where he has an account: it ends with his rights. */
  readonly by?: string | undefined
}

export interface InvitationFilter {
  readonly mailbox?: string | undefined
  /** Login of who is invited. */
  readonly user?: string | undefined
  readonly state?: Invitation['state'] | undefined
  readonly kind?: Invitation['kind'] | undefined
  readonly stage?: InvitationStage | undefined
  /** To one of these mailboxes. */
  readonly within?: MailboxSet | undefined
}

/** Of invitations to mailboxes: `ended`: revoked, or its time is over. */
export type InvitationStage = 'open' | 'accepted' | 'ended'

const NEWEST_FIRST: SortOrder<InvitationRow> = {
  name: 'invitation',
  direction: 'desc',
  keys: [
    { column: sql.ref('invitations.created_at'), valueOf: row => row.created_at },
    { column: sql.ref('invitations.id'), valueOf: row => row.id },
  ],
}

export class Invitations {
  readonly #context: StoreContext

  constructor(context: StoreContext) {
    this.#context = context
  }

  /** `token` is shown once; null where the link is mailed. An earlier open one for the same device or start ends. Throws NOT_FOUND, BAD_INPUT. */
  async add(input: NewInvitation): Promise<{ readonly invitation: Invitation; readonly token: Secret | null }> {
    const mailTo = input.mailTo == null ? null : parseAddress(input.mailTo)
    const token = mailTo === null ? makeToken() : null
    const terms = termsOf(input.kind === 'device' ? (input.terms ?? {}) : {})
    return this.#context.change(async change => {
      const { db, at } = change
      const target = await findTarget(db, input)
      const by = input.by === undefined ? undefined : await findUserRow(db, parseLogin(input.by))
      if (mailTo !== null) await checkMayBeMailedTo(db, mailTo, target)
      if (input.kind === 'phone' && target.device !== null) await endInvitations(change, { device: target.device })
      if (input.kind === 'start' && target.user !== null) await endInvitations(change, { user: target.user.id, kind: 'start' })
      const id = makeId<InvitationId>()
      await db
        .insertInto('invitations')
        .values({
          id,
          kind: input.kind,
          token_hash: token === null ? null : hashToken(token),
          mailbox_id: target.mailbox?.id ?? null,
          user_id: target.user?.id ?? null,
          device_id: target.device,
          terms: JSON.stringify(terms),
          mail_to: mailTo,
          state: 'open',
          created_at: at,
          ends_at: at + INVITATION_MS[input.kind],
          closed_at: null,
          opened_at: null,
          opened: 0,
          made_device_id: null,
          made_by: by?.login ?? this.#context.actor.name,
          made_by_user_id: by?.id ?? null,
        })
        .execute()
      const row = await getRow(db, id)
      await queueMail(change, row)
      await auditInvitation(change, row, 'invitation.made', { kind: row.kind, user: row.user, mailTo, endsAt: row.ends_at })
      return { invitation: toInvitation(row, at), token }
    })
  }

  /** The newest first. Throws NOT_FOUND, BAD_INPUT when `after` is not of this list. */
  async page({ filter = {}, ...request }: PageRequest & { readonly filter?: InvitationFilter | undefined } = {}): Promise<Page<Invitation>> {
    const { mailbox, user, state, kind, stage, within } = filter
    const { db, now } = this.#context
    const at = now()
    let query = selectInvitations(db)
    if (mailbox !== undefined) query = query.where('invitations.mailbox_id', '=', (await getMailboxRow(db, parseAddress(mailbox))).id)
    if (user !== undefined) query = query.where('invitations.user_id', '=', (await getUserRow(db, parseLogin(user))).id)
    if (kind !== undefined) query = query.where('invitations.kind', '=', kind)
    if (stage !== undefined) query = query.where(isAt(stage, at))
    if (state !== undefined) query = query.where(isIn(state, at))
    if (within !== undefined) query = query.where(isOf(within))
    const { rows, next } = await readPage<InvitationRow>(query, NEWEST_FIRST, request)
    return { rows: rows.map(row => toInvitation(row, at)), next }
  }

  /** Those that make a device. */
  async count({ within }: { readonly within?: MailboxSet | undefined } = {}): Promise<Readonly<Record<InvitationStage, number>>> {
    const { db, now } = this.#context
    const at = now()
    const sum = (stage: InvitationStage) => sql<number>`count(case when ${isAt(stage, at)} then 1 end)`.as(stage)
    let query = db
      .selectFrom('invitations')
      .select([sum('open'), sum('accepted'), sum('ended')])
      .where('invitations.kind', '=', 'device')
    if (within !== undefined) query = query.where(isOf(within))
    const { open, accepted, ended } = await query.executeTakeFirstOrThrow()
    return { open: Number(open), accepted: Number(accepted), ended: Number(ended) }
  }

  /** Throws NOT_FOUND. */
  async get(id: string): Promise<Invitation> {
    return toInvitation(await getRow(this.#context.db, id), this.#context.now())
  }

  /** The open invitation of a link; undefined: used, revoked, over, unknown. */
  async find(token: Secret): Promise<Invitation | undefined> {
    const { db, now } = this.#context
    const at = now()
    const row = await selectOpen(db, hashToken(token), at).executeTakeFirst()
    return row === undefined ? undefined : toInvitation(row, at)
  }

  /** As `find`, and notes that the link was opened; that is all that opening does. */
  async open(token: Secret): Promise<Invitation | undefined> {
    return this.#context.change(async ({ db, at }) => {
      const row = await selectOpen(db, hashToken(token), at).executeTakeFirst()
      if (row === undefined) return undefined
      const noted = { opened: row.opened + 1, opened_at: row.opened_at ?? at }
      await db.updateTable('invitations').set(noted).where('id', '=', row.id).execute()
      return toInvitation({ ...row, ...noted }, at)
    })
  }

  /** A new link in the place of the old one, to be mailed or shown. Throws NOT_FOUND, BAD_INPUT (no longer open). */
  async mint(id: string): Promise<{ readonly invitation: Invitation; readonly token: Secret }> {
    const token = makeToken()
    return this.#context.change(async change => {
      const row = await getRow(change.db, id)
      if (row.state !== 'open' || row.ends_at <= change.at) throw new Problem('invitation.closed', {})
      await change.db
        .updateTable('invitations')
        .set({ token_hash: hashToken(token) })
        .where('id', '=', row.id)
        .execute()
      await auditInvitation(change, row, 'invitation.link', null)
      return { invitation: toInvitation(row, change.at), token }
    })
  }

  /** Mails a new link, which is made when the mail is sent; the old one stops now. Throws NOT_FOUND, BAD_INPUT (no longer open, or not to be mailed there). */
  async mail(id: string, mailTo: string): Promise<Invitation> {
    const address = parseAddress(mailTo)
    return this.#context.change(async change => {
      const { db, at } = change
      const row = await getRow(db, id)
      if (row.state !== 'open' || row.ends_at <= at) throw new Problem('invitation.closed', {})
      if (row.kind === 'phone') throw new Problem('invitation.phone-again', {})
      await checkMayBeMailedTo(db, address, targetOf(row))
      await db.updateTable('invitations').set({ mail_to: address, token_hash: null }).where('id', '=', row.id).execute()
      await queueMail(change, { ...row, mail_to: address })
      await auditInvitation(change, row, 'invitation.mailed', { mailTo: address })
      return toInvitation(await getRow(db, id), at)
    })
  }

  /**
   * Begins again: a new link with a new end, open or not. The device that was made by the invitation is revoked: a mail scanner may have pressed the
   * button. It is then the invitation of whoever restarts it. Null where the link is mailed. Throws NOT_FOUND, BAD_INPUT (for an existing device: make
   * a new one).
   */
  async restart(
    id: string,
    { by: login }: { readonly by?: string | undefined } = {},
  ): Promise<{ readonly invitation: Invitation; readonly token: Secret | null }> {
    const fresh = makeToken()
    return this.#context.change(async change => {
      const { db, at } = change
      const row = await getRow(db, id)
      if (row.kind === 'phone') throw new Problem('invitation.phone-again', {})
      const token = row.mail_to === null ? fresh : null
      const by = login === undefined ? undefined : await findUserRow(db, parseLogin(login))
      if (row.kind === 'start' && row.user_id !== null) await endInvitations(change, { user: row.user_id, kind: 'start' })
      if (row.made_device_id !== null) await revokeMade(change, row.made_device_id)
      await db
        .updateTable('invitations')
        .set({ state: 'open', token_hash: token === null ? null : hashToken(token), ends_at: at + INVITATION_MS[row.kind], closed_at: null })
        .set({ opened: 0, opened_at: null, made_device_id: null, made_by: by?.login ?? this.#context.actor.name, made_by_user_id: by?.id ?? null })
        .where('id', '=', row.id)
        .execute()
      await queueMail(change, row)
      await auditInvitation(change, row, 'invitation.restarted', null)
      return { invitation: toInvitation(await getRow(db, id), at), token }
    })
  }

  /** What is no longer open stays as it is. Throws NOT_FOUND. */
  async revoke(id: string): Promise<Invitation> {
    return this.#context.change(async change => {
      const row = await getRow(change.db, id)
      if (row.state === 'open') {
        await change.db.updateTable('invitations').set({ state: 'revoked', token_hash: null, closed_at: change.at }).where('id', '=', row.id).execute()
        await auditInvitation(change, row, 'invitation.revoked', null)
      }
      return toInvitation(await getRow(change.db, id), change.at)
    })
  }
}

/** One by one: a set may be thousands of mailboxes, and invitations are few. */
const isOf = (within: MailboxSet) => isWithinBy('id', sql.ref('invitations.mailbox_id'), within)

function isAt(stage: InvitationStage, at: number): RawBuilder<SqlBool> {
  const state = sql.ref('invitations.state')
  const isOver = sql`${sql.ref('invitations.ends_at')} <= ${at}`
  if (stage === 'accepted') return sql<SqlBool>`${state} = 'accepted'`
  return stage === 'open' ? sql<SqlBool>`(${state} = 'open' and not (${isOver}))` : sql<SqlBool>`(${state} = 'revoked' or (${state} = 'open' and ${isOver}))`
}

function isIn(state: Invitation['state'], at: number): RawBuilder<SqlBool> {
  const row = sql.ref('invitations.state')
  if (state === 'open') return isAt('open', at)
  return state === 'ended' ? sql<SqlBool>`(${row} = 'open' and ${sql.ref('invitations.ends_at')} <= ${at})` : sql<SqlBool>`${row} = ${state}`
}

/** Nothing of the link is in the queue: see `mint`. A mail of the same invitation that still waits is this one from now on. */
async function queueMail(change: Change, { id, kind, mail_to: recipient }: Pick<InvitationRow, 'id' | 'kind' | 'mail_to'>): Promise<void> {
  if (recipient === null) return
  const notice = { recipient, cause: `invitation ${id}`, kind: kind === 'start' ? 'start' : 'invitation', user: null, payload: { invitation: id } }
  await queueNotice(change, notice, { every: 0 })
}

function targetOf(row: InvitationRow): InvitationTarget {
  return {
    mailbox: row.mailbox_id === null || row.mailbox === null ? null : { id: row.mailbox_id, address: row.mailbox },
    user: row.user_id === null || row.user === null ? null : { id: row.user_id, login: row.user },
    device: row.device_id,
  }
}

async function findTarget(db: Kysely<Schema>, input: NewInvitation): Promise<InvitationTarget> {
  if (input.kind === 'start') return { mailbox: null, user: await getUserRow(db, parseLogin(input.user)), device: null }
  if (input.kind === 'device') {
    const user = input.user == null ? null : await getUserRow(db, parseLogin(input.user))
    return { mailbox: await getMailboxRow(db, parseAddress(input.mailbox)), user, device: null }
  }
  const device = await getDeviceRow(db, await resolveDevice(db, input.device))
  checkNotRevoked(device)
  return { mailbox: { id: device.mailbox_id, address: device.address }, user: null, device: device.id }
}

/** Throws BAD_INPUT. */
function termsOf({ name = null, scopes = SCOPES, expiresAt = null, allowFrom = [], rights = {} }: Partial<InvitationTerms>): InvitationTerms {
  const columns = termColumns({ scopes, expiresAt, allowFrom })
  return {
    name: name === null ? null : parseDeviceName(name),
    scopes: [...scopes],
    expiresAt,
    allowFrom: columns.allow_from === '' ? [] : columns.allow_from.split(','),
    rights,
  }
}

async function getRow(db: Kysely<Schema>, id: string): Promise<InvitationRow> {
  const row = await selectInvitations(db)
    .where('invitations.id', '=', id as InvitationId)
    .executeTakeFirst()
  if (row === undefined) throw new Problem('invitation.unknown', { id })
  return row
}

async function revokeMade(change: Change, id: DeviceId): Promise<void> {
  const device = await change.db.selectFrom('devices').select('id').where('id', '=', id).executeTakeFirst()
  if (device === undefined) return
  if (await revokeDevice(change, await getDeviceRow(change.db, id))) await change.moveGeneration()
}

export function auditInvitation(
  change: Change,
  row: Pick<InvitationRow, 'id' | 'mailbox' | 'user'>,
  action: AuditAction,
  after: Readonly<Record<string, string | number | null>> | null,
): Promise<void> {
  return change.audit({ action, subject: subjectOf(row), subjectId: row.id, before: null, after })
}
