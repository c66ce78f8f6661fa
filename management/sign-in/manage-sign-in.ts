/**
 * How people get in: a start link for somebody new or for somebody who lost everything, and the API tokens of a person.
 */

import { domainOf } from '../../base/address.ts'
import { Problem } from '../../base/problems.ts'
import type { Secret } from '../../base/secret.ts'
import type { Rights } from '../../store/accounts/people/role-rows.ts'
import type { RoleName } from '../../store/accounts/people/roles.ts'
import { noUser, parseLogin } from '../../store/accounts/people/user-rows.ts'
import type { NewUser } from '../../store/accounts/people/users.ts'
import type { Nouns } from '../../store/open-store.ts'
import { listAll, type Page, type PageRequest, readAll } from '../../store/schema/keyset.ts'
import type { ApiToken, NewApiToken } from '../../store/sign-in/api-tokens.ts'
import type { Actor } from '../actor.ts'
import { findMailbox } from '../find-subject.ts'
import { checkMayGive, checkRoles } from '../people/manage-rights.ts'
import { findUser, type UserState } from '../people/manage-users.ts'
import type { Reach } from '../permissions.ts'
import { readPlace } from '../reach.ts'
import { change, checkAllowed, look, notAllowed, type UseCaseContext } from '../use-case.ts'
import { checkSendsMail, type MadeInvitation } from './invite.ts'

export interface StartInput {
  readonly login: string
  /** `reset`: what the person signed in with is gone, API tokens too, and every session of theirs ends. `keep`: until the link is used. */
  readonly factors: 'keep' | 'reset'
  /** Address that the link is mailed to. */
  readonly mailTo?: string | null | undefined
}

/** A link by which the person sets the password. Throws NOT_FOUND, NOT_ALLOWED, BAD_INPUT. */
export function makeStartLink(context: UseCaseContext, actor: Actor, { login, factors, mailTo }: StartInput): Promise<MadeInvitation> {
  return change(context, actor, async (nouns, reach) => {
    const user = await findUser(nouns, reach, login, 'person.change')
    if (mailTo != null) checkSendsMail(context)
    if (factors === 'reset') {
      await nouns.credentials.reset(user.login)
      // Somebody else may have made them.
      for (const { id } of await listAll(nouns.apiTokens.all({ user: user.login }))) await nouns.apiTokens.revoke(id)
    }
    return nouns.invitations.add({ kind: 'start', user: user.login, mailTo, by: reach.self?.login })
  })
}

export interface AddPersonInput extends NewUser {
  readonly roles?: readonly RoleName[] | undefined
  readonly rights?: readonly { readonly mailbox: string; readonly rights: Partial<Rights> }[] | undefined
  /** `none`: no account at the portal. */
  readonly start: 'none' | 'show' | { readonly mailTo: string }
}

export interface AddedPerson extends UserState {
  /** Shown once; null: none was made, or it is mailed. */
  readonly token: Secret | null
}

/** A person with roles, rights and a start link, all at once. Throws NOT_FOUND (a mailbox), NOT_ALLOWED, ALREADY_EXISTS, BAD_INPUT. */
export function addPerson(context: UseCaseContext, actor: Actor, input: AddPersonInput): Promise<AddedPerson> {
  const { roles = [], rights = [], start, ...person } = input
  return change(context, actor, async (nouns, reach) => {
    await checkMayAdd(nouns, reach, input)
    const { login } = await nouns.users.add(person)
    if (roles.length > 0) checkRoles(reach)
    for (const role of roles) await nouns.roles.grant(login, role)
    for (const here of rights) {
      const { address } = await findMailbox(nouns, reach, here.mailbox, 'rights.give')
      checkMayGive(reach, address, await nouns.rights.get(login, address), here.rights)
      await nouns.rights.set(login, address, here.rights)
    }
    const mailTo = typeof start === 'object' ? start.mailTo : null
    if (mailTo !== null) checkSendsMail(context)
    const token = start === 'none' ? null : (await nouns.invitations.add({ kind: 'start', user: login, mailTo, by: reach.self?.login })).token
    const user = await nouns.users.get(login)
    return { user, token, version: await nouns.audit.versionOf(user.id) }
  })
}

/** A manager makes people for the own domains: with a right at a mailbox there, so that somebody looks after them. */
async function checkMayAdd(nouns: Nouns, reach: Reach, { login, rights = [] }: AddPersonInput): Promise<void> {
  if (rights.length === 0) return checkAllowed(reach, 'person.add', 'installation', () => notAllowed('person.add'))
  for (const { mailbox } of rights) {
    const { address } = await findMailbox(nouns, reach, mailbox, 'rights.give')
    checkAllowed(reach, 'person.add', { domain: domainOf(address) }, () => noUser(login))
  }
}

type TokensAsked = { readonly login?: string | undefined }

/** Of a person, the newest first; the operator sees those of all. Throws NOT_FOUND, NOT_ALLOWED, BAD_INPUT. */
export function pageTokens(context: UseCaseContext, actor: Actor, { login, ...request }: PageRequest & TokensAsked = {}): Promise<Page<ApiToken>> {
  return look(context, actor, async (nouns, reach) => {
    const user = await ownerOf(nouns, reach, login, 'token.view')
    return nouns.apiTokens.page({ filter: { user }, ...request })
  })
}

/** The same, one after the other. */
export function readTokens(
  context: UseCaseContext,
  actor: Actor,
  { limit, login }: TokensAsked & { readonly limit?: number | undefined } = {},
): AsyncGenerator<ApiToken> {
  return readAll(request => pageTokens(context, actor, { login, ...request }), limit)
}

/** `token` is shown once. A token makes no tokens. Throws NOT_FOUND, NOT_ALLOWED, BAD_INPUT. */
export function addToken(
  context: UseCaseContext,
  actor: Actor,
  { login, ...wanted }: NewApiToken & { readonly login?: string | undefined },
): Promise<{ readonly token: Secret; readonly record: ApiToken }> {
  return change(context, actor, async (nouns, reach) => {
    if (actor.kind === 'token') throw notAllowed('token.change')
    const owner = await ownerOf(nouns, reach, login, 'token.change')
    if (owner === undefined) throw new Problem('token.owner', {})
    return nouns.apiTokens.add(owner, wanted)
  })
}

/** Throws NOT_FOUND, NOT_ALLOWED. */
export function revokeToken(
  context: UseCaseContext,
  actor: Actor,
  { id, login }: { readonly id: string; readonly login?: string | undefined },
): Promise<ApiToken> {
  return change(context, actor, async (nouns, reach) => {
    const user = await ownerOf(nouns, reach, login, 'token.change')
    return nouns.apiTokens.revoke(id, { user })
  })
}

/** Throws NOT_FOUND, NOT_ALLOWED. */
export function getToken(
  context: UseCaseContext,
  actor: Actor,
  { id, login }: { readonly id: string; readonly login?: string | undefined },
): Promise<ApiToken> {
  return look(context, actor, async (nouns, reach) => nouns.apiTokens.get(id, { user: await ownerOf(nouns, reach, login, 'token.view') }))
}

/** Undefined: everybody's, for the operator. */
async function ownerOf(nouns: Nouns, reach: Reach, login: string | undefined, action: 'token.view' | 'token.change'): Promise<string | undefined> {
  const owner = login === undefined ? reach.self?.login : parseLogin(login)
  if (owner === undefined || reach.isOperator) return owner
  if (owner !== reach.self?.login) throw noUser(owner)
  checkAllowed(reach, action, { person: await readPlace(nouns, owner) }, () => noUser(owner))
  return owner
}
