/**
 * What an actor can get at right now, from the store: roles, rights, the right to send. Read within the transaction that it decides about.
 */
import { Problem } from '../base/problems.ts'
import type { PersonFacts } from '../store/accounts/people/people-facts.ts'
import { noUser, parseLogin } from '../store/accounts/people/user-rows.ts'
import type { Nouns } from '../store/open-store.ts'
import { RIGHTS } from '../store/schema/rights-and-scopes.ts'
import type { Actor } from './actor.ts'
import type { PersonPlace, Reach } from './permissions.ts'

const OPERATOR: Reach = {
  isOperator: true,
  isAdministrator: true,
  domains: new Set(),
  rights: new Map(),
  self: null,
  maySend: true,
  scopes: null,
  onlyDomains: null,
}

/** Throws NOT_ALLOWED for somebody who was blocked or removed meanwhile. */
export async function readReach(nouns: Nouns, actor: Actor): Promise<Reach> {
  if (actor.kind === 'operator') return OPERATOR
  const user = await nouns.users.find(actor.login)
  // The same login may be somebody else's by now.
  if (user === undefined || user.id !== actor.user || user.state !== 'active') throw new Problem('actor.gone', { login: actor.login })
  const [roles, rights] = [await nouns.roles.of(user.login), await nouns.rights.of(user.login)]
  return {
    isOperator: false,
    isAdministrator: roles.isAdmin,
    domains: new Set(roles.domains),
    rights: new Map(rights.map(here => [here.mailbox, new Set(RIGHTS.filter(right => here[right]))])),
    self: { id: user.id, login: user.login },
    maySend: user.maySend,
    scopes: actor.kind === 'token' ? new Set(actor.scopes) : null,
    onlyDomains: actor.kind === 'token' && actor.domains.length > 0 ? new Set(actor.domains) : null,
  }
}

/** Where a person stands: where they have a right or a device. Throws NOT_FOUND. */
export async function readPlace(nouns: Nouns, text: string): Promise<PersonPlace> {
  const login = parseLogin(text)
  const facts = (await nouns.users.facts([login])).get(login)
  if (facts === undefined) throw noUser(login)
  return placeOf(login, facts)
}

export function placeOf(login: string, { roles, domains }: PersonFacts): PersonPlace {
  return { login, hasRole: roles.isAdmin || roles.domains.length > 0, domains }
}
