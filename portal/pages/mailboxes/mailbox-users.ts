/** The people of a mailbox: who may do what there, and the right to send from it. */

import { MailwicketError } from '../../../base/errors.ts'
import { listDevices } from '../../../management/devices/manage-devices.ts'
import { giveRights, listPeople, removeRights } from '../../../management/people/manage-rights.ts'
import { may } from '../../../management/permissions.ts'
import { placeOf } from '../../../management/reach.ts'
import { readInvitations } from '../../../management/sign-in/invite.ts'
import type { PersonRights } from '../../../store/accounts/people/rights.ts'
import { NO_RIGHTS } from '../../../store/accounts/people/role-rows.ts'
import { links } from '../../links.ts'
import { type MailboxUser, mailboxUsersView, removeUserView } from '../../views/mailboxes/mailbox-users-view.ts'
import type { FormState } from '../../views/page-context.ts'
import { showPage } from '../../web/answers.ts'
import { notFound } from '../../web/error-answers.ts'
import type { SignedInRequest } from '../../web/page-request.ts'
import { doneThen } from '../../web/said.ts'
import { again, checkChoice, DEVICES_LEFT, FieldErrors } from '../parts/form-checks.ts'
import { loadMailbox } from '../parts/mailbox-head.ts'
import { namesOf } from '../parts/people-names.ts'
import { addressOf } from '../parts/subject.ts'

export async function showMailboxUsers(request: SignedInRequest): Promise<Response> {
  const { context, actor, reach, session, m, page } = request
  const { head } = await loadMailbox(request)
  const { address } = head
  const people = await listPeople(context, actor, address)
  const users: MailboxUser[] = []
  const of = await readMailboxUsers(request, address, people)
  for (const person of people) users.push(toMailboxUser(request, address, person, of))
  for await (const { id, user, userName } of readInvitations(context, actor, { mailbox: address, state: 'open' })) {
    if (user === null || people.some(person => person.user === user)) continue
    users.push({
      login: user ?? '',
      name: userName ?? user ?? '',
      self: false,
      rights: NO_RIGHTS,
      devices: 0,
      devicesPaused: false,
      maySend: true,
      blocked: false,
      invited: id,
      may: { open: false, change: false },
    })
  }
  const model = {
    mailbox: head,
    people: users,
    mayAdd: may(reach, 'rights.give', { mailbox: address }) === 'yes',
    acts: { confirmNeeded: !session.isConfirmed },
  }
  return showPage(mailboxUsersView(model, m, page))
}

async function readMailboxUsers({ context, actor, services }: SignedInRequest, address: string, people: readonly PersonRights[]) {
  const { users } = services.store.as({ name: actor.login, source: actor.source })
  const logins = people.map(({ user }) => user)
  return {
    devices: Map.groupBy(await listDevices(context, actor, { mailbox: address }), ({ user }) => user),
    summaries: await users.summaries(logins),
    facts: await users.facts(logins),
  }
}

function toMailboxUser(
  { reach, session }: SignedInRequest,
  address: string,
  { user, name, state, ...rights }: PersonRights,
  of: Awaited<ReturnType<typeof readMailboxUsers>>,
): MailboxUser {
  const devices = of.devices.get(user) ?? []
  const facts = of.facts.get(user)
  const mayGive = may(reach, rights.manage ? 'rights.give-manage' : 'rights.give', { mailbox: address }) === 'yes'
  return {
    login: user,
    name: name ?? user,
    self: user === session.user.login,
    rights,
    devices: devices.length,
    devicesPaused: devices.length > 0 && devices.every(device => device.state === 'disabled'),
    maySend: of.summaries.get(user)?.maySend === true,
    blocked: state === 'blocked',
    may: { open: facts !== undefined && may(reach, 'person.view', { person: placeOf(user, facts) }) === 'yes', change: mayGive },
  }
}

/** Takes or gives the right to send from this mailbox. */
export async function setUserSending(request: SignedInRequest): Promise<Response> {
  const { context, actor, form } = request
  const [address, login] = [addressOf(request), request.param('u')]
  const send = form.isOn('send')
  await giveRights(context, actor, { login, mailbox: address, rights: { send } })
  const name = await namesOf(request, [login])
  return doneThen(request, links.mailboxUsers(address), send ? 'sendingOn' : 'sendingOff', name(login))
}

export async function showRemoveUser(request: SignedInRequest): Promise<Response> {
  return removePage(request, {})
}

async function removePage(request: SignedInRequest, form: FormState<'devices'>): Promise<Response> {
  const { context, actor, session, m, page } = request
  const { head } = await loadMailbox(request)
  const person = (await listPeople(context, actor, head.address)).find(({ user }) => user === request.param('u'))
  if (person === undefined) return notFound(request)
  const devices = (await listDevices(context, actor, { mailbox: head.address })).filter(({ user }) => user === person.user)
  const model = {
    address: head.address,
    domain: head.domain,
    person: { login: person.user, name: person.name ?? person.user },
    form: { ...form, confirmNeeded: !session.isConfirmed },
    devices: devices.length,
  }
  return showPage(removeUserView(model, m, page), { status: form.errors === undefined ? 200 : 422 })
}

export async function checkRemoveUser(request: SignedInRequest): Promise<Response | undefined> {
  const { form, m } = request
  const errors = new FieldErrors<'devices'>()
  if (form.has('devices')) checkChoice(form, 'devices', DEVICES_LEFT, errors, m)
  return errors.isEmpty ? undefined : removePage(request, again(errors, form.shown(), m))
}

export async function removeMailboxUser(request: SignedInRequest): Promise<Response> {
  const { context, actor, form } = request
  const [address, login] = [addressOf(request), request.param('u')]
  const name = await namesOf(request, [login])
  // The page asked about them only where there were some.
  const devices = !form.has('devices') ? undefined : form.text('devices') === 'keep' ? ('unlink' as const) : ('revoke' as const)
  try {
    await removeRights(context, actor, { login, mailbox: address, devices })
  } catch (error) {
    if (!(error instanceof MailwicketError) || error.code !== 'STILL_LINKED') throw error
    return removePage(request, { errors: { devices: request.m.problems.choose } })
  }
  return doneThen(request, links.mailboxUsers(address), 'personRemoved', name(login))
}
