/**
 * Persons: looking at them, adding, naming, blocking and removing them, and their right to send everywhere.
 */

import type { User, UserFilter } from '../../store/accounts/people/user-list.ts'
import { noUser, parseLogin } from '../../store/accounts/people/user-rows.ts'
import type { NewUser } from '../../store/accounts/people/users.ts'
import type { Version } from '../../store/history/audit.ts'
import type { Nouns } from '../../store/open-store.ts'
import type { UserState as State } from '../../store/schema/login-record.ts'
import type { SendingChanges } from '../../store/sending/sending-change.ts'
import type { Actor } from '../actor.ts'
import { checkVersion, isOf } from '../find-subject.ts'
import type { Action, Reach } from '../permissions.ts'
import { readPlace } from '../reach.ts'
import { change, checkAllowed, look, notAllowed, type UseCaseContext } from '../use-case.ts'
import { mailboxesOf } from '../within.ts'

/** A person with everything about them. */
export interface UserState {
  readonly user: User
  readonly version: Version
}

export interface UserInput {
  readonly login: string
  readonly version?: Version | undefined
}

/** By login. */
export function listUsers(context: UseCaseContext, actor: Actor): Promise<User[]> {
  return look(context, actor, async (nouns, reach) => {
    return nouns.users.list({ within: mailboxesOf(reach, 'person.view') })
  })
}

/** Throws NOT_FOUND. */
export function getUser(context: UseCaseContext, actor: Actor, login: string): Promise<UserState> {
  return look(context, actor, async (nouns, reach) => stateOf(nouns, await findUser(nouns, reach, login, 'person.view')))
}

/** Without a right and without a role; see `manage-rights.ts`. Throws NOT_ALLOWED, ALREADY_EXISTS, BAD_INPUT. */
export function addUser(context: UseCaseContext, actor: Actor, input: NewUser): Promise<UserState> {
  return change(context, actor, async (nouns, reach) => {
    checkAllowed(reach, 'person.add', 'installation', () => noUser(input.login))
    return stateOf(nouns, await nouns.users.add(input))
  })
}

export interface SetUserInput extends UserInput {
  readonly name?: string | null | undefined
  /** `maySend: false`: no linked device sends, in any mailbox; reading goes on. */
  readonly sending?: SendingChanges | undefined
  /** `blocked`: none of the linked devices gets in, and nobody signs in. */
  readonly state?: State | undefined
}

/** What is left out stays. Throws NOT_FOUND, NOT_ALLOWED, CHANGED_MEANWHILE, BAD_INPUT, LAST_ADMINISTRATOR. */
export function setUser(context: UseCaseContext, actor: Actor, { login, version, name, sending = {}, state }: SetUserInput): Promise<UserState> {
  return change(context, actor, async (nouns, reach) => {
    const user = await findUser(nouns, reach, login, 'person.change')
    await checkVersion(nouns, user.id, version)
    if (name !== undefined) await nouns.users.set(user.login, { name })
    if (Object.keys(sending).length > 0) await nouns.sending.set({ user: user.login }, sending)
    if (state !== undefined) await (state === 'blocked' ? nouns.users.block(user.login) : nouns.users.unblock(user.login))
    return stateOf(nouns, await nouns.users.get(user.login))
  })
}

/** `blocked`: none of the linked devices gets in, and nobody signs in. Throws NOT_FOUND, NOT_ALLOWED, CHANGED_MEANWHILE, LAST_ADMINISTRATOR. */
export function setUserState(
  context: UseCaseContext,
  actor: Actor,
  { login, version, state }: UserInput & { readonly state: State },
): Promise<UserState & { readonly isChanged: boolean }> {
  return change(context, actor, async (nouns, reach) => {
    const before = await findUser(nouns, reach, login, 'person.change')
    await checkVersion(nouns, before.id, version)
    const user = await (state === 'blocked' ? nouns.users.block(before.login) : nouns.users.unblock(before.login))
    return { ...(await stateOf(nouns, user)), isChanged: before.state !== user.state }
  })
}

/** `unlink`: the linked devices stay, without a user; `disconnect`: they end. Throws NOT_FOUND, NOT_ALLOWED, CHANGED_MEANWHILE, STILL_LINKED, LAST_ADMINISTRATOR. */
export function removeUser(
  context: UseCaseContext,
  actor: Actor,
  { login, version, unlink, disconnect = false }: UserInput & { readonly unlink?: boolean | undefined; readonly disconnect?: boolean | undefined },
): Promise<{ readonly login: string; readonly unlinked: readonly string[] }> {
  return change(context, actor, async (nouns, reach) => {
    const user = await findUser(nouns, reach, login, 'person.change')
    await checkVersion(nouns, user.id, version)
    if (disconnect) await disconnectLinked(nouns, reach, user.login)
    return { login: user.login, ...(await nouns.users.remove(user.login, { unlink })) }
  })
}

/** What `removeUser` would give. Throws as it does. */
export function previewRemoveUser(
  context: UseCaseContext,
  actor: Actor,
  { login, unlink }: UserInput & { readonly unlink?: boolean | undefined },
): Promise<{ readonly login: string; readonly unlinked: readonly string[] }> {
  return look(context, actor, async (nouns, reach) => {
    const user = await findUser(nouns, reach, login, 'person.change')
    return { login: user.login, ...(await nouns.users.foreseeRemoval(user.login, { unlink })) }
  })
}

async function disconnectLinked(nouns: Nouns, reach: Reach, login: string): Promise<void> {
  const linked = await nouns.devices.list({ user: login })
  for (const device of linked) checkAllowed(reach, 'device.disconnect', isOf(device), () => notAllowed('device.disconnect'))
  await nouns.devices.revoke(linked.map(({ id }) => id))
}

/** People within somebody's reach. */
export function countUsers<Name extends string>(
  context: UseCaseContext,
  actor: Actor,
  filters: Readonly<Record<Name, Omit<UserFilter, 'within' | 'domain'>>>,
): Promise<Readonly<Record<Name, number>>> {
  return look(context, actor, (nouns, reach) => nouns.users.count(filters, mailboxesOf(reach, 'person.view')))
}

/** Throws NOT_FOUND, NOT_ALLOWED. */
export async function findUser(nouns: Nouns, reach: Reach, text: string, action: Action): Promise<User> {
  const login = parseLogin(text)
  const user = await nouns.users.get(login)
  if (!reach.isOperator) checkAllowed(reach, action, { person: await readPlace(nouns, login) }, () => noUser(login))
  return user
}

async function stateOf(nouns: Nouns, user: User): Promise<UserState> {
  return { user, version: await nouns.audit.versionOf(user.id) }
}
