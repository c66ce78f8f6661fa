/** Everyone within reach, and adding one. */

import { MailwicketError } from '../../../base/errors.ts'
import { findHostName } from '../../../base/network.ts'
import { pageUsers } from '../../../management/page-lists.ts'
import { countUsers } from '../../../management/people/manage-users.ts'
import { may } from '../../../management/permissions.ts'
import { placeOf } from '../../../management/reach.ts'
import { type AddedPerson, addPerson } from '../../../management/sign-in/manage-sign-in.ts'
import { mailboxesOf } from '../../../management/within.ts'
import type { PersonFacts } from '../../../store/accounts/people/people-facts.ts'
import type { RoleName } from '../../../store/accounts/people/roles.ts'
import type { User, UserFilter } from '../../../store/accounts/people/user-list.ts'
import { parseLogin } from '../../../store/accounts/people/user-rows.ts'
import { links, withQuery } from '../../links.ts'
import type { FormState } from '../../views/page-context.ts'
import { addPersonView, type PeopleFilter, type PersonRow, peopleView } from '../../views/people/people-view.ts'
import { showPage } from '../../web/answers.ts'
import { onceFor, onceOnly } from '../../web/once.ts'
import type { SignedInRequest } from '../../web/page-request.ts'
import { doneThen } from '../../web/said.ts'
import { again, checkChoice, checkName, FieldErrors, reachChoices } from '../parts/form-checks.ts'
import { KeptCounts } from '../parts/kept-counts.ts'
import { filterOf, readCursor, searchOf } from '../parts/list-query.ts'
import { secretIsShown } from '../parts/shown-secret.ts'

type Field = 'login' | 'name' | 'role' | 'domain' | 'reach'
const FILTERS: Readonly<Record<PeopleFilter, Omit<UserFilter, 'within'>>> = {
  all: {},
  administrators: { role: 'admin' },
  managers: { role: 'manager' },
  'no-sending': { maySend: false },
  'no-second-step': { isWithoutFactor: true },
  blocked: { state: 'blocked' },
}
const SEEN_NOW_MS = 5 * 60_000
/** By reach, so that nobody sees another's. */
const kept = new KeptCounts<Readonly<Record<PeopleFilter, number>>>()

export async function showPeople(request: SignedInRequest): Promise<Response> {
  const { context, actor, reach, query, m, page, services } = request
  const search = searchOf(query)
  const filter = filterOf<PeopleFilter>(query, ['all', 'administrators', 'managers', 'no-sending', 'no-second-step', 'blocked'])
  const { rows, next } = await pageUsers(context, actor, {
    ...readCursor(query),
    filter: { ...FILTERS[filter], search: search === '' ? undefined : search },
    limit: 50,
  })
  const within = mailboxesOf(reach, 'person.view')
  const key = within === undefined ? 'all' : JSON.stringify([within.domains, within.addresses])
  const counts = await kept.read(services.store, key, page.formats.now, () => countUsers(context, actor, FILTERS))
  const people: PersonRow[] = []
  const facts = await services.store.as({ name: actor.login, source: actor.source }).users.facts(rows.map(({ login }) => login))
  for (const user of rows) people.push(toPersonRow(request, user, facts.get(user.login)))
  const keep = { q: search, show: filter === 'all' ? undefined : filter }
  const pages = {
    next: next === null ? undefined : withQuery(links.people, { ...keep, after: next }),
    previous: query.has('after') ? withQuery(links.people, keep) : undefined,
  }
  const mayAdd = may(reach, 'person.add', 'installation') === 'yes'
  return showPage(peopleView({ query: search, filter, counts, people, pages, mayAdd }, m, page))
}

/** `facts` undefined: removed a moment ago. */
function toPersonRow({ actor, reach, page }: SignedInRequest, { login, name, devices, maySend, state }: User, facts: PersonFacts | undefined): PersonRow {
  const mayChange = facts !== undefined && may(reach, 'person.change', { person: placeOf(login, facts) }) === 'yes'
  return {
    login,
    name: name ?? login,
    administrator: facts?.roles.isAdmin ?? false,
    manages: facts?.roles.domains ?? [],
    devices,
    maySend,
    blocked: state === 'blocked',
    notStarted: facts?.hasStarted === false,
    signedInNow: (facts?.seenAt ?? 0) > page.formats.now - SEEN_NOW_MS,
    lastSignInAt: facts?.lastSignInAt ?? null,
    may: { newStart: mayChange, block: mayChange && login !== actor.login, remove: mayChange && login !== actor.login },
  }
}

export async function showAddPerson(request: SignedInRequest): Promise<Response> {
  return formPage(request, request.kept === undefined ? {} : { values: request.kept.shown() })
}

export const maySendMail = ({ services }: SignedInRequest): boolean => services.config().portal?.mail !== undefined

function formPage(request: SignedInRequest, form: FormState<Field>): Response {
  const { session, reach, m, page } = request
  const mayMake = may(reach, 'roles.change', 'installation') === 'yes'
  const model = {
    form: { ...form, once: onceFor(request, links.people), confirmNeeded: !session.isConfirmed },
    mayMakeAdministrators: mayMake,
    mayMakeManagers: mayMake,
    mayMail: maySendMail(request),
  }
  return showPage(addPersonView(model, m, page), { status: form.errors === undefined ? 200 : 422 })
}

export async function checkAddPerson(request: SignedInRequest): Promise<Response | undefined> {
  const read = readPerson(request)
  if (read instanceof FieldErrors) return formPage(request, again(read, request.form.shown(), request.m))
  const { services, actor, m, form } = request
  if ((await services.store.as({ name: actor.login, source: actor.source }).users.find(read.login)) === undefined) return undefined
  const errors = new FieldErrors<Field>()
  errors.add('login', m.problems.loginTaken)
  return formPage(request, again(errors, form.shown(), m))
}

function readPerson(request: SignedInRequest) {
  const { form, m } = request
  const errors = new FieldErrors<Field>()
  const login = readLogin(form.text('login'))
  if (login === undefined) errors.add('login', form.text('login').trim() === '' ? m.problems.required : m.problems.address)
  const name = form.text('name').trim() === '' ? null : checkName(form.text('name'), 'name', { max: 100 }, errors, m)
  const domains = form.list('domain').map(text => findHostName(text) ?? text)
  const roles: RoleName[] = []
  const role = checkChoice(form, 'role', ['none', 'manager', 'administrator'], errors, m)
  if (role === 'administrator') roles.push({ role: 'admin' })
  if (role === 'manager') {
    if (domains.length === 0) errors.add('domain', m.problems.required)
    for (const domain of domains) {
      if (findHostName(domain) === undefined) errors.add('domain', m.problems.unknownDomain(domain))
      roles.push({ role: 'manager', domain })
    }
  }
  const isMailed = maySendMail(request) && checkChoice(form, 'reach', reachChoices(true), errors, m) === 'mail'
  if (isMailed && login?.includes('@') === false) errors.add('login', m.problems.address)
  return login === undefined || !errors.isEmpty ? errors : { login, name: name ?? null, roles, mailTo: isMailed ? login : null }
}

function readLogin(text: string): string | undefined {
  try {
    return parseLogin(text)
  } catch {
    return undefined
  }
}

export async function makePerson(request: SignedInRequest): Promise<Response> {
  const { actor, form, m } = request
  const read = readPerson(request)
  if (read instanceof FieldErrors) return formPage(request, again(read, form.shown(), m))
  const { login, name, roles, mailTo } = read
  try {
    const context = onceOnly<AddedPerson>(request, ({ user, token }) => (token === null ? links.person(user.login) : links.personStartShown(user.login)))
    const start = mailTo === null ? ('show' as const) : { mailTo }
    const { user, token } = await addPerson(context, actor, { login, ...(name !== null && { name }), roles, start })
    if (token === null) return doneThen(request, links.person(user.login), 'personAdded', name ?? login)
    return secretIsShown(request, links.personStartShown(user.login), user.login, token)
  } catch (error) {
    if (!(error instanceof MailwicketError) || (error.code !== 'ALREADY_EXISTS' && error.code !== 'BAD_INPUT')) throw error
    const errors = new FieldErrors<Field>()
    errors.add('login', error.code === 'ALREADY_EXISTS' ? m.problems.loginTaken : mailTo === null ? m.problems.address : m.problems.mailToItself)
    return formPage(request, again(errors, form.shown(), m))
  }
}
