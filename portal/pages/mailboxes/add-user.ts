/** Adding somebody to a mailbox: a person who is here already, or a new one, who gets a start link. */
import { domainOf } from '../../../base/address.ts'
import { MailwicketError } from '../../../base/errors.ts'
import { giveRights, listPeople } from '../../../management/people/manage-rights.ts'
import { may } from '../../../management/permissions.ts'
import { type AddedPerson, addPerson } from '../../../management/sign-in/manage-sign-in.ts'
import type { Rights } from '../../../store/accounts/people/role-rows.ts'
import { parseLogin } from '../../../store/accounts/people/user-rows.ts'
import { links } from '../../links.ts'
import { addUserView, RIGHTS, type RightName } from '../../views/mailboxes/mailbox-users-view.ts'
import type { FormState } from '../../views/page-context.ts'
import { showPage } from '../../web/answers.ts'
import { onceFor, onceOnly } from '../../web/once.ts'
import type { SignedInRequest } from '../../web/page-request.ts'
import { doneThen } from '../../web/said.ts'
import { again, checkName, FieldErrors } from '../parts/form-checks.ts'
import { searchOf } from '../parts/list-query.ts'
import { domainSeenBy } from '../parts/mailbox-head.ts'
import { firstNameOf, namesOf } from '../parts/people-names.ts'
import { secretIsShown } from '../parts/shown-secret.ts'
import { addressOf } from '../parts/subject.ts'

type Field = 'person' | 'name' | RightName

export async function showAddUser(request: SignedInRequest): Promise<Response> {
  const { kept, query } = request
  const asked = searchOf(query)
  return formPage(request, kept !== undefined ? { values: kept.shown() } : asked === '' ? {} : { values: { person: asked } })
}

async function formPage(request: SignedInRequest, form: FormState<Field>): Promise<Response> {
  const { context, actor, reach, session, m, page } = request
  const address = addressOf(request)
  const asked = form.values?.person ?? ''
  const isNew = asked !== '' && (await findPerson(request, asked)) === undefined && mayMakePeople(request, address)
  const here = (await listPeople(context, actor, address)).map(({ user }) => user)
  const model = {
    address,
    domain: domainSeenBy(reach, address),
    form: { ...form, once: onceFor(request, links.mailboxUsers(address)), confirmNeeded: !session.isConfirmed },
    isNew: isNew ? { firstName: firstNameOf(form.values?.name || asked) } : undefined,
    rights: givable(request, address),
    suggestions: (await suggest(request)).filter(({ login }) => !here.includes(login)),
  }
  return showPage(addUserView(model, m, page), { status: form.errors === undefined ? 200 : 422 })
}

const mayMakePeople = ({ reach }: SignedInRequest, address: string): boolean => may(reach, 'person.add', { domain: domainOf(address) }) === 'yes'

/** Nobody gives a right that they do not have. */
const givable = ({ reach }: SignedInRequest, address: string): readonly RightName[] =>
  RIGHTS.filter(right => right !== 'manage' || may(reach, 'rights.give-manage', { mailbox: address }) === 'yes')

const MOST_SUGGESTED = 50

/** Those whom the reader may know of anyway. */
async function suggest({ context, actor }: SignedInRequest): Promise<{ login: string; name: string }[]> {
  const { pageUsers } = await import('../../../management/page-lists.ts')
  return (await pageUsers(context, actor, { limit: MOST_SUGGESTED })).rows.map(({ login, name }) => ({ login, name: name ?? login }))
}

async function findPerson({ services, actor }: SignedInRequest, text: string): Promise<string | undefined> {
  try {
    return (await services.store.as({ name: actor.login, source: actor.source }).users.find(parseLogin(text)))?.login
  } catch (error) {
    if (error instanceof MailwicketError && error.code === 'BAD_INPUT') return undefined
    throw error
  }
}

interface NewUser {
  readonly login: string
  readonly name: string | null
  readonly rights: Partial<Rights>
  readonly isNew: boolean
}

export async function checkAddUser(request: SignedInRequest): Promise<Response | undefined> {
  const read = await readUser(request)
  return read instanceof FieldErrors ? formPage(request, again(read, request.form.shown(), request.m)) : undefined
}

async function readUser(request: SignedInRequest): Promise<NewUser | FieldErrors<Field>> {
  const { form, m } = request
  const address = addressOf(request)
  const errors = new FieldErrors<Field>()
  const known = await findPerson(request, form.text('person'))
  if (known === undefined && !mayMakePeople(request, address)) errors.add('person', m.problems.unknownPerson)
  const login = known ?? readLogin(form.text('person'))
  if (login === undefined) errors.add('person', form.text('person') === '' ? m.problems.required : m.problems.address)
  const name = form.text('name').trim() === '' ? null : checkName(form.text('name'), 'name', { max: 100 }, errors, m)
  const rights = Object.fromEntries(givable(request, address).flatMap(right => (form.isOn(right) ? [[right, true]] : []))) as Partial<Rights>
  if (Object.keys(rights).length === 0) errors.add('person', m.problems.chooseScope)
  return errors.isEmpty && login !== undefined ? { login, name: name ?? null, rights, isNew: known === undefined } : errors
}

function readLogin(text: string): string | undefined {
  try {
    return parseLogin(text)
  } catch {
    return undefined
  }
}

export async function addUser(request: SignedInRequest): Promise<Response> {
  const { actor, m, form } = request
  const mailbox = addressOf(request)
  const read = await readUser(request)
  if (read instanceof FieldErrors) return formPage(request, again(read, form.shown(), m))
  const { login, name, rights, isNew } = read
  if (!isNew) {
    await giveRights(
      onceOnly(request, () => links.mailboxUsers(mailbox)),
      actor,
      { login, mailbox, rights },
    )
    return doneThen(request, links.mailboxUsers(mailbox), 'personAdded', (await namesOf(request, [login]))(login))
  }
  const context = onceOnly<AddedPerson>(request, ({ user }) => links.personStartShown(user.login))
  const { user, token } = await addPerson(context, actor, { login, ...(name !== null && { name }), rights: [{ mailbox, rights }], start: 'show' })
  return token === null
    ? doneThen(request, links.mailboxUsers(mailbox), 'personAdded', name ?? login)
    : secretIsShown(request, links.personStartShown(user.login), user.login, token)
}
