/** What changes a person: sending, roles, rights; a new start, a block, a removal. */
import { normaliseAddress } from '../../../base/address.ts'
import { MailwicketError } from '../../../base/errors.ts'
import { findHostName } from '../../../base/network.ts'
import { listDevices } from '../../../management/devices/manage-devices.ts'
import { getAccess, grantRole, revokeRole, setAccess } from '../../../management/people/manage-rights.ts'
import { getUser, removeUser, setUser, setUserState } from '../../../management/people/manage-users.ts'
import type { MadeInvitation } from '../../../management/sign-in/invite.ts'
import { makeStartLink } from '../../../management/sign-in/manage-sign-in.ts'
import { NO_RIGHTS, type Rights } from '../../../store/accounts/people/role-rows.ts'
import { links } from '../../links.ts'
import { RIGHTS } from '../../views/mailboxes/mailbox-users-view.ts'
import type { FormState } from '../../views/page-context.ts'
import { personQuestionView, rightField } from '../../views/people/person-view.ts'
import { seeOther, showPage } from '../../web/answers.ts'
import { onceFor, onceOnly } from '../../web/once.ts'
import type { Handler, SignedInRequest } from '../../web/page-request.ts'
import { doneThen } from '../../web/said.ts'
import { again, checkChoice, DEVICES_LEFT, FieldErrors, reachChoices } from '../parts/form-checks.ts'
import { secretIsShown } from '../parts/shown-secret.ts'
import { maySendMail } from './people.ts'
import { personPage } from './person.ts'

const loginOf = ({ param }: SignedInRequest): string => param('u')

async function nameOf({ context, actor, param }: SignedInRequest): Promise<string> {
  const { user } = await getUser(context, actor, param('u'))
  return user.name ?? user.login
}

/** What the store refuses is told on the person's page. */
async function orSay(request: SignedInRequest, act: () => Promise<Response>): Promise<Response> {
  try {
    return await act()
  } catch (error) {
    const { m } = request
    if (!(error instanceof MailwicketError)) throw error
    if (error.code === 'LAST_ADMINISTRATOR') return personPage(request, { rights: { problem: m.problems.lastAdministrator } })
    if (error.code === 'STILL_LINKED') return personPage(request, { rights: { problem: m.people.stillLinked } })
    throw error
  }
}

export async function saveSending(request: SignedInRequest): Promise<Response> {
  const maySend = request.form.isOn('send')
  const { user } = await setUser(request.context, request.actor, { login: loginOf(request), sending: { maySend } })
  return doneThen(request, links.person(user.login), maySend ? 'sendingOn' : 'sendingOff', user.name ?? user.login)
}

/** Roles and a new start end every session of theirs: whoever did that to themselves would be signed out, or no administrator any more. */
const notOneself =
  (act: Handler): Handler =>
  request =>
    loginOf(request).toLowerCase() === request.actor.login ? personPage(request, { rights: { problem: request.m.people.notYourself } }) : act(request)

export const saveAdministrator: Handler = notOneself(request =>
  orSay(request, async () => {
    const input = { login: loginOf(request), role: { role: 'admin' } } as const
    await (request.form.isOn('administrator') ? grantRole(request.context, request.actor, input) : revokeRole(request.context, request.actor, input))
    return doneThen(request, links.person(input.login), 'rightsSaved', await nameOf(request))
  }),
)

export const saveDomains: Handler = notOneself(async request => {
  const { context, actor, form, m } = request
  const errors = new FieldErrors<'domains'>()
  const domains = form.list('domains').map(text => findHostName(text) ?? text)
  for (const domain of domains) if (findHostName(domain) === undefined) errors.add('domains', m.problems.unknownDomain(domain))
  if (!errors.isEmpty) return personPage(request, { domains: again(errors, form.shown(), m) })
  const before = (await getAccess(context, actor, loginOf(request))).roles.domains
  const roleOf = (domain: string) => ({ role: 'manager', domain }) as const
  await setAccess(context, actor, {
    login: loginOf(request),
    grant: domains.filter(domain => !before.includes(domain)).map(roleOf),
    revoke: before.filter(domain => !domains.includes(domain)).map(roleOf),
  })
  return doneThen(request, links.person(loginOf(request)), 'rightsSaved', await nameOf(request))
})

export const saveRights: Handler = request =>
  orSay(request, async () => {
    const { context, actor, form, m } = request
    const login = loginOf(request)
    const seen = new Map((await getAccess(context, actor, login)).rights.map(({ mailbox, ...rights }) => [mailbox, rights]))
    const changed = form
      .all('mailbox')
      .flatMap(mailbox => (seen.has(mailbox) ? [{ mailbox, rights: rightsIn(request, mailbox) }] : []))
      .filter(({ mailbox, rights }) => RIGHTS.some(right => rights[right] !== seen.get(mailbox)?.[right]))
    const isLeft = ({ rights }: { readonly rights: Rights }) => RIGHTS.some(right => rights[right])
    const added = form.text('add').trim()
    const address = normaliseAddress(added)
    const comesBack = (problem: string) => personPage(request, { rights: { values: form.shown(), errors: { add: problem } } })
    if (added !== '' && address === undefined) return comesBack(m.problems.address)
    const more = address === undefined || seen.has(address) ? [] : [{ mailbox: address, rights: { ...NO_RIGHTS, use: true } }]
    try {
      await setAccess(context, actor, {
        login,
        give: [...changed.filter(isLeft), ...more],
        remove: changed.filter(place => !isLeft(place)).map(({ mailbox }) => ({ mailbox })),
      })
    } catch (error) {
      if (error instanceof MailwicketError && error.code === 'NOT_FOUND' && address !== undefined) return comesBack(m.problems.unknownMailbox)
      throw error
    }
    return doneThen(request, links.person(login), 'rightsSaved', await nameOf(request))
  })

function rightsIn({ form }: SignedInRequest, mailbox: string): Rights {
  return Object.fromEntries(RIGHTS.map(right => [right, form.isOn(rightField(right, mailbox))])) as unknown as Rights
}

type Question = 'new-start' | 'block' | 'remove'

export const showQuestion =
  (act: Question): Handler =>
  request =>
    questionPage(request, act, {})

async function questionPage(request: SignedInRequest, act: Question, form: FormState<'reach' | 'devices'>): Promise<Response> {
  const { context, actor, session, m, page } = request
  const { user } = await getUser(context, actor, loginOf(request))
  const devices = await listDevices(context, actor, { user: user.login })
  const model = {
    login: user.login,
    name: user.name ?? user.login,
    devices: devices.length,
    sessions: devices.reduce((sum, { sessions }) => sum + sessions, 0),
    form: { ...form, confirmNeeded: !session.isConfirmed, ...(act === 'new-start' && { once: onceFor(request, links.personNewStart(user.login)) }) },
    mayMail: mayMail(request),
  }
  return showPage(personQuestionView(act, model, m, page), { status: form.errors === undefined ? 200 : 422 })
}

/** What the page of a question let choose. */
const checkQuestion =
  (act: Question, field: 'reach' | 'devices', choicesOf: (request: SignedInRequest) => readonly string[]) =>
  async (request: SignedInRequest): Promise<Response | undefined> => {
    const { form, m } = request
    const errors = new FieldErrors<'reach' | 'devices'>()
    if (form.has(field)) checkChoice(form, field, choicesOf(request), errors, m)
    return errors.isEmpty ? undefined : questionPage(request, act, again(errors, form.shown(), m))
  }

export const checkNewStart = checkQuestion('new-start', 'reach', request => reachChoices(mayMail(request)))
export const checkDropPerson = checkQuestion('remove', 'devices', () => DEVICES_LEFT)

const mayMail = (request: SignedInRequest): boolean => maySendMail(request) && loginOf(request).includes('@')

/** What the person signed in with is gone at once: whoever has it, has nothing. */
export const makeNewStart: Handler = notOneself(async request => {
  const { actor, form } = request
  const login = loginOf(request)
  const mailTo = form.text('reach') === 'mail' && mayMail(request) ? login : null
  const context = onceOnly<MadeInvitation>(request, ({ token }) => (token === null ? links.person(login) : links.personStartShown(login)))
  const { token } = await makeStartLink(context, actor, { login, factors: 'reset', mailTo })
  return token === null
    ? doneThen(request, links.person(login), 'invitationMailed', login)
    : secretIsShown(request, links.personStartShown(login), login, token)
})

export const blockPerson: Handler = request =>
  orSay(request, async () => {
    const { context, actor } = request
    const devices = await listDevices(context, actor, { user: loginOf(request) })
    const { user } = await setUserState(context, actor, { login: loginOf(request), state: 'blocked' })
    const sessions = devices.reduce((sum, one) => sum + one.sessions, 0)
    return doneThen(request, links.person(user.login), 'personBlocked', user.name ?? user.login, sessions)
  })

export async function unblockPerson(request: SignedInRequest): Promise<Response> {
  const { user } = await setUserState(request.context, request.actor, { login: loginOf(request), state: 'active' })
  return doneThen(request, links.person(user.login), 'personUnblocked', user.name ?? user.login)
}

/** A link in a list leads here: the button is on the person's page. */
export const toPerson: Handler = async request => seeOther(links.person(loginOf(request)))

export const dropPerson: Handler = request =>
  orSay(request, async () => {
    const { context, actor, form } = request
    const name = await nameOf(request)
    // The page asked about them only where there were some.
    const left = form.text('devices')
    await removeUser(context, actor, { login: loginOf(request), unlink: left === 'keep', disconnect: left === 'disconnect' })
    return doneThen(request, links.people, 'personRemoved', name)
  })
