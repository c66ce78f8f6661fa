/** Invitations as those see them who make them: the list, a new one, and what can be done with each. */
import { normaliseAddress } from '../../../base/address.ts'
import { MailwicketError } from '../../../base/errors.ts'
import { countDevices, pageMailboxes, pageUsers } from '../../../management/page-lists.ts'
import {
  countInvitations,
  getInvitation,
  invite,
  type MadeInvitation,
  pageInvitations,
  restartInvitation,
  revokeInvitation,
} from '../../../management/sign-in/invite.ts'
import type { Device } from '../../../store/accounts/devices/device-rows.ts'
import type { Invitation } from '../../../store/sign-in/invitation-rows.ts'
import { INVITATION_MS } from '../../../store/sign-in/invitations.ts'
import { links, withQuery } from '../../links.ts'
import {
  addInvitationView,
  type InvitationFields,
  type InvitationFilter,
  type InvitationRow,
  invitationsView,
} from '../../views/invitations/invitation-views.ts'
import type { FormState } from '../../views/page-context.ts'
import { seeOther, showPage } from '../../web/answers.ts'
import { badRequest } from '../../web/error-answers.ts'
import { onceFor, onceOnly } from '../../web/once.ts'
import type { SignedInRequest } from '../../web/page-request.ts'
import { doneThen } from '../../web/said.ts'
import { DEVICE_NAME } from '../devices/add-device.ts'
import { readTerms } from '../devices/device-terms.ts'
import { again, checkChoice, checkName, FieldErrors, isUnknownPerson, reachChoices, scopeChoiceOf } from '../parts/form-checks.ts'
import { filterOf, readCursor } from '../parts/list-query.ts'
import { secretIsShown } from '../parts/shown-secret.ts'

const DAY_MS = 86_400_000
const MOST_SUGGESTED = 200

const mayMail = ({ services }: SignedInRequest): boolean => services.config().portal?.mail !== undefined

export async function showInvitations(request: SignedInRequest): Promise<Response> {
  const { context, actor, session, query, m, page } = request
  const filter = filterOf<InvitationFilter>(query, ['open', 'accepted', 'ended'])
  const counts = await countInvitations(context, actor)
  const { rows, next } = await pageInvitations(context, actor, { ...readCursor(query), stage: filter })
  const devices = await findDevices(request, rows)
  const invitations = rows.map(invitation => toRow(request, invitation, devices))
  const keep = { show: filter === 'open' ? undefined : filter }
  const pages = {
    next: next === null ? undefined : withQuery(links.invitations, { ...keep, after: next }),
    previous: query.has('after') ? withQuery(links.invitations, keep) : undefined,
  }
  return showPage(invitationsView({ filter, counts, invitations, pages, mayInvite: true, acts: { confirmNeeded: !session.isConfirmed } }, m, page))
}

/** Those that were made by invitations and are still there. */
async function findDevices({ services, actor }: SignedInRequest, invitations: readonly Invitation[]): Promise<ReadonlyMap<string, Device>> {
  const { devices } = services.store.as({ name: actor.login, source: actor.source })
  const found = await devices.findAll(invitations.flatMap(({ madeDevice }) => madeDevice ?? []))
  return new Map(found.map(device => [device.id, device]))
}

function toRow(request: SignedInRequest, invitation: Invitation, devices: ReadonlyMap<string, Device>): InvitationRow {
  const { id, user, userName, mailbox, terms, state, endsAt, opened, openedAt, mailTo, createdAt, madeDevice, closedAt } = invitation
  const device = madeDevice === null ? undefined : devices.get(madeDevice)
  return {
    id,
    person: user === null ? undefined : { login: user, name: userName ?? user },
    mailbox: mailbox ?? '',
    scope: scopeChoiceOf(terms.scopes),
    name: terms.name,
    state,
    endsAt,
    opened,
    openedAt,
    mailedAt: mailTo === null ? null : createdAt,
    device: device === undefined ? undefined : { id: device.id, name: device.name, everConnected: device.lastConnection !== null },
    closedAt: closedAt ?? (state === 'ended' ? endsAt : null),
    mayMail: mayMail(request) && mailTo !== null,
  }
}

export async function showAddInvitation(request: SignedInRequest): Promise<Response> {
  const { kept, query } = request
  const mailbox = query.get('mailbox')
  return formPage(request, kept !== undefined ? { values: kept.shown() } : mailbox === null ? {} : { values: { mailbox } })
}

async function formPage(request: SignedInRequest, form: FormState<InvitationFields>): Promise<Response> {
  const { context, actor, session, client, m, page } = request
  const mailboxes = (await pageMailboxes(context, actor, { limit: MOST_SUGGESTED })).rows.map(({ address }) => address)
  const people = (await pageUsers(context, actor, { limit: MOST_SUGGESTED })).rows.map(({ login, name }) => ({ login, name: name ?? login }))
  const model = {
    form: { ...form, once: onceFor(request, links.invitations), confirmNeeded: !session.isConfirmed },
    mailboxes,
    people,
    mayMail: mayMail(request),
    clientAddress: client.ip,
    days: INVITATION_MS.device / DAY_MS,
  }
  return showPage(addInvitationView(model, m, page), { status: form.errors === undefined ? 200 : 422 })
}

export async function checkInvite(request: SignedInRequest): Promise<Response | undefined> {
  const read = readInvitation(request)
  if (read instanceof FieldErrors) return formPage(request, again(read, request.form.shown(), request.m))
  try {
    // Only that it is there and within reach.
    await countDevices(request.context, request.actor, { mailbox: read.mailbox })
    return undefined
  } catch (error) {
    return say(request, error)
  }
}

function readInvitation(request: SignedInRequest) {
  const { form, m } = request
  const errors = new FieldErrors<InvitationFields>()
  const mailbox = normaliseAddress(form.text('mailbox').trim())
  if (mailbox === undefined) errors.add('mailbox', form.text('mailbox').trim() === '' ? m.problems.required : m.problems.address)
  const user = checkChoice(form, 'who', ['person', 'anyone'], errors, m) === 'person' ? form.text('person') : null
  if (user === '') errors.add('person', m.problems.unknownPerson)
  const name = form.text('name').trim() === '' ? null : (checkName(form.text('name'), 'name', DEVICE_NAME, errors, m) ?? null)
  const terms = { ...readTerms(form, errors, request), name }
  const isMailed = checkChoice(form, 'reach', reachChoices(mayMail(request)), errors, m) === 'mail'
  if (isMailed && user?.includes('@') !== true) errors.add('reach', m.problems.mailToItself)
  return mailbox === undefined || !errors.isEmpty ? errors : { mailbox, user, terms, mailTo: isMailed ? user : null }
}

export async function makeInvitation(request: SignedInRequest): Promise<Response> {
  const { actor, form, m } = request
  const read = readInvitation(request)
  if (read instanceof FieldErrors) return formPage(request, again(read, form.shown(), m))
  try {
    const { invitation, token } = await invite(
      onceOnly<MadeInvitation>(request, made => links.invitationShown(made.invitation.id)),
      actor,
      read,
    )
    if (token === null) return doneThen(request, links.invitations, 'invitationMailed', read.mailTo ?? '')
    return secretIsShown(request, links.invitationShown(invitation.id), invitation.id, token)
  } catch (error) {
    return say(request, error)
  }
}

function say(request: SignedInRequest, error: unknown): Promise<Response> {
  const { form, m } = request
  if (!(error instanceof MailwicketError)) throw error
  const errors = new FieldErrors<InvitationFields>()
  if (isUnknownPerson(error)) errors.add('person', m.problems.unknownPerson)
  else if (error.code === 'NOT_FOUND') errors.add('mailbox', m.problems.unknownMailbox)
  else if (error.code === 'BAD_INPUT') errors.add('reach', m.problems.mailToItself)
  else throw error
  return formPage(request, again(errors, form.shown(), m))
}

export async function dropInvitation(request: SignedInRequest): Promise<Response> {
  await revokeInvitation(request.context, request.actor, request.param('id'))
  return doneThen(request, links.invitations, 'invitationRevoked')
}

/** A new link; the device that the old one made is disconnected. */
export async function renewInvitation(request: SignedInRequest): Promise<Response> {
  const { invitation, token } = await restartInvitation(request.context, request.actor, request.param('id'))
  if (token === null) return doneThen(request, links.invitations, 'invitationMailed', invitation.mailTo ?? '')
  return secretIsShown(request, links.invitationShown(invitation.id), invitation.id, token)
}

export async function mailInvitation(request: SignedInRequest): Promise<Response> {
  const { mailTo } = await getInvitation(request.context, request.actor, request.param('id'))
  return mailTo === null || !mayMail(request) ? badRequest(request, 'form') : renewInvitation(request)
}

/** It has no page of its own: it stands in the list. */
export const toInvitations = async (): Promise<Response> => seeOther(links.invitations)
