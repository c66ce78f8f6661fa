/**
 * What people may do: their rights at a mailbox, and the roles of managers and administrators.
 *
 * Nobody gives a right that they do not have; somebody's right to manage is only for those who may give it.
 */
import { domainOf } from '../../base/address.ts'
import type { LinkedDevices, MailboxRights, PersonRights } from '../../store/accounts/people/rights.ts'
import type { Rights, Roles } from '../../store/accounts/people/role-rows.ts'
import type { RoleHolder, RoleName } from '../../store/accounts/people/roles.ts'
import type { User } from '../../store/accounts/people/user-list.ts'
import { parseLogin } from '../../store/accounts/people/user-rows.ts'
import type { Nouns } from '../../store/open-store.ts'
import type { Page, PageRequest } from '../../store/schema/keyset.ts'
import type { Actor } from '../actor.ts'
import { checkMaySendBy, findMailbox } from '../find-subject.ts'
import { may, type Reach } from '../permissions.ts'
import { change, checkAllowed, look, notAllowed, type UseCaseContext } from '../use-case.ts'
import { findUser } from './manage-users.ts'

export interface RightsInput {
  readonly login: string
  readonly mailbox: string
}

/** Everybody with a right at a mailbox, by login. Throws NOT_FOUND, NOT_ALLOWED, BAD_INPUT. */
export function pagePeople(
  context: UseCaseContext,
  actor: Actor,
  { mailbox, ...request }: PageRequest & { readonly mailbox: string },
): Promise<Page<PersonRights>> {
  return look(context, actor, async (nouns, reach) =>
    nouns.rights.page({ mailbox: (await findMailbox(nouns, reach, mailbox, 'rights.view')).address, ...request }),
  )
}

/** The same, all of them. */
export function listPeople(context: UseCaseContext, actor: Actor, mailbox: string): Promise<PersonRights[]> {
  return look(context, actor, async (nouns, reach) => nouns.rights.at((await findMailbox(nouns, reach, mailbox, 'rights.view')).address))
}

/** What is left out stays. Throws NOT_FOUND, NOT_ALLOWED, BAD_INPUT (nothing would be left: `removeRights`). */
export function giveRights(context: UseCaseContext, actor: Actor, input: RightsInput & { readonly rights: Partial<Rights> }): Promise<Rights> {
  return change(context, actor, (nouns, reach) => give(nouns, reach, input))
}

async function give(nouns: Nouns, reach: Reach, { login, mailbox, rights }: RightsInput & { readonly rights: Partial<Rights> }): Promise<Rights> {
  const { address } = await findMailbox(nouns, reach, mailbox, 'rights.give')
  const user = await nouns.users.get(login)
  checkMayGive(reach, address, await nouns.rights.get(user.login, address), rights)
  return nouns.rights.set(user.login, address, rights)
}

/** What becomes of devices that are linked to the person there has to be said. Throws NOT_FOUND, NOT_ALLOWED, STILL_LINKED. */
export function removeRights(
  context: UseCaseContext,
  actor: Actor,
  input: RightsInput & { readonly devices?: LinkedDevices | undefined },
): Promise<{ readonly devices: readonly string[] }> {
  return change(context, actor, (nouns, reach) => remove(nouns, reach, input))
}

async function remove(nouns: Nouns, reach: Reach, { login, mailbox, devices }: RightsInput & { readonly devices?: LinkedDevices | undefined }) {
  const { address } = await findMailbox(nouns, reach, mailbox, 'rights.give')
  const user = await nouns.users.get(login)
  checkMayGive(reach, address, await nouns.rights.get(user.login, address), {})
  // Without a user, a device that sends is bound by its own and its mailbox's rules alone.
  if (devices === 'unlink') await checkUnlink(nouns, reach, address, user.login)
  return nouns.rights.remove(user.login, address, { devices })
}

/** Everything that a person may do, as far as one sees it. */
export interface Access {
  readonly login: string
  readonly roles: Roles
  readonly rights: readonly MailboxRights[]
}

export interface AccessInput {
  readonly login: string
  readonly grant?: readonly RoleName[] | undefined
  readonly revoke?: readonly RoleName[] | undefined
  readonly give?: readonly { readonly mailbox: string; readonly rights: Partial<Rights> }[] | undefined
  readonly remove?: readonly { readonly mailbox: string; readonly devices?: LinkedDevices | undefined }[] | undefined
}

/** Throws NOT_FOUND. */
export function getAccess(context: UseCaseContext, actor: Actor, login: string): Promise<Access> {
  return look(context, actor, async (nouns, reach) => readAccess(nouns, reach, await findUser(nouns, reach, login, 'person.view')))
}

/** Roles and rights of a person in one change. Throws as `giveRights`, `removeRights`, `grantRole` and `revokeRole`. */
export function setAccess(context: UseCaseContext, actor: Actor, input: AccessInput): Promise<Access> {
  const { login, grant = [], revoke = [], give: given = [], remove: removed = [] } = input
  return change(context, actor, async (nouns, reach) => {
    if (grant.length + revoke.length > 0) checkRoles(reach)
    for (const role of grant) await nouns.roles.grant(parseLogin(login), role)
    for (const role of revoke) await nouns.roles.revoke(parseLogin(login), role)
    for (const here of given) await give(nouns, reach, { login, ...here })
    for (const here of removed) await remove(nouns, reach, { login, ...here })
    // With the last right within somebody's reach the person goes out of it.
    return readAccess(nouns, reach, await nouns.users.get(login))
  })
}

async function readAccess(nouns: Nouns, reach: Reach, { id, login }: User): Promise<Access> {
  const rights = (await nouns.rights.of(login)).filter(({ mailbox }) =>
    id === reach.self?.id ? (reach.onlyDomains?.has(domainOf(mailbox)) ?? true) : may(reach, 'rights.view', { mailbox }) === 'yes',
  )
  return { login, roles: await nouns.roles.of(login), rights }
}

async function checkUnlink(nouns: Nouns, reach: Reach, mailbox: string, user: string): Promise<void> {
  for await (const { scopes } of nouns.devices.all({ mailbox, user })) if (scopes.includes('smtp')) return checkMaySendBy(reach, mailbox)
}

/** Throws NOT_ALLOWED. */
export function checkMayGive(reach: Reach, mailbox: string, before: Rights, changes: Partial<Rights>): void {
  const isAboutManaging = before.manage || changes.manage === true
  if (isAboutManaging) checkAllowed(reach, 'rights.give-manage', { mailbox }, () => notAllowed('rights.give-manage'))
  if (changes.send === true && !before.send) checkMaySendBy(reach, mailbox)
}

/** Administrators, and the managers of a domain or of all; by login. Throws NOT_ALLOWED. */
export function listRoles(context: UseCaseContext, actor: Actor, filter: { readonly domain?: string | undefined } = {}): Promise<RoleHolder[]> {
  return look(context, actor, async (nouns, reach) => {
    checkRoles(reach)
    return nouns.roles.list(filter)
  })
}

/** Throws NOT_FOUND, NOT_ALLOWED, BAD_INPUT. */
export function grantRole(context: UseCaseContext, actor: Actor, { login, role }: { readonly login: string; readonly role: RoleName }) {
  return change(context, actor, async (nouns, reach) => {
    checkRoles(reach)
    return nouns.roles.grant(parseLogin(login), role)
  })
}

/** Throws NOT_FOUND, NOT_ALLOWED, BAD_INPUT, LAST_ADMINISTRATOR. */
export function revokeRole(context: UseCaseContext, actor: Actor, { login, role }: { readonly login: string; readonly role: RoleName }) {
  return change(context, actor, async (nouns, reach) => {
    checkRoles(reach)
    return nouns.roles.revoke(parseLogin(login), role)
  })
}

export function checkRoles(reach: Reach): void {
  checkAllowed(reach, 'roles.change', 'installation', () => notAllowed('roles.change'))
}
