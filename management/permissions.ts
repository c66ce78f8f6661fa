/**
 * Who may do what: the one table that decides for pages, API and commands alike, printed into docs/permissions.md.
 *
 * What lies outside of somebody's reach is as if it were not there (`outside`); what lies inside, with a right missing, is refused (`no`).
 * The operator of the command line may do everything. Where a rule needs more than a row of the table, it stands with its use case.
 */
import { domainOf } from '../base/address.ts'
import type { UserId } from '../base/ids.ts'
import type { Right, TokenScope } from '../store/schema/rights-and-scopes.ts'

/** `own`: only what is linked to oneself, or was done by oneself. */
export type Grant = 'yes' | 'own' | 'no'

export interface ActionRow {
  readonly says: string
  /** What an API token needs for it, besides its owner's permission. */
  readonly scope: TokenScope
  readonly administrator: Grant
  /** Of a domain, within it. */
  readonly manager: Grant
  /** By right at the mailbox. */
  readonly manage: Grant
  readonly make: Grant
  readonly use: Grant
  readonly see: Grant
}

const row = (says: string, scope: TokenScope, grants: readonly [Grant, Grant, Grant, Grant, Grant, Grant]): ActionRow => {
  const [administrator, manager, manage, make, use, see] = grants
  return { says, scope, administrator, manager, manage, make, use, see }
}

export const ACTIONS = {
  //                                                                       scope         admin  manager manage make  use    see
  'mailbox.view': row('see a mailbox in lists, and what it is', 'read', ['yes', 'yes', 'yes', 'yes', 'yes', 'yes']),
  'mailbox.add': row('add a mailbox', 'mailboxes', ['yes', 'yes', 'no', 'no', 'no', 'no']),
  'mailbox.pause': row('pause and resume a mailbox', 'mailboxes', ['yes', 'yes', 'no', 'no', 'no', 'no']),
  'mailbox.remove': row('remove a mailbox', 'mailboxes', ['yes', 'yes', 'no', 'no', 'no', 'no']),
  'mailbox.describe': row('change the note and the aliases of a mailbox', 'mailboxes', ['yes', 'yes', 'no', 'no', 'no', 'no']),
  'mailbox.secret': row('change the password with which a mailbox logs in at its server', 'mailboxes', ['yes', 'yes', 'no', 'no', 'no', 'no']),
  'mailbox.upstream': row('change the server or the login there, also to another name than the address', 'mailboxes', ['yes', 'no', 'no', 'no', 'no', 'no']),
  'mailbox.migrate': row('accept the password of the real server for a while', 'mailboxes', ['yes', 'no', 'no', 'no', 'no', 'no']),
  'sending.view': row('see the sending rules of a mailbox', 'read', ['yes', 'yes', 'yes', 'no', 'no', 'no']),
  'sending.narrow': row('draw the sending rules of a mailbox closer', 'mailboxes', ['yes', 'yes', 'yes', 'no', 'no', 'no']),
  'sending.widen': row('loosen the sending rules of a mailbox', 'mailboxes', ['yes', 'yes', 'no', 'no', 'no', 'no']),
  'device.view': row('see devices', 'read', ['yes', 'yes', 'yes', 'own', 'own', 'no']),
  'device.add': row('add a device for oneself', 'passwords', ['yes', 'yes', 'yes', 'yes', 'no', 'no']),
  'device.add-for-others': row('add a device for another person or for nobody, give one to somebody', 'passwords', ['yes', 'yes', 'yes', 'no', 'no', 'no']),
  'device.password': row('change the password of a device', 'passwords', ['yes', 'yes', 'yes', 'own', 'own', 'no']),
  'device.pause': row('pause and resume a device', 'devices', ['yes', 'yes', 'yes', 'own', 'no', 'no']),
  'device.disconnect': row('disconnect a device', 'devices', ['yes', 'yes', 'yes', 'own', 'own', 'no']),
  'device.rename': row('rename a device', 'devices', ['yes', 'yes', 'yes', 'own', 'own', 'no']),
  'device.narrow': row('take from what a device may, where from and until when', 'devices', ['yes', 'yes', 'yes', 'own', 'no', 'no']),
  'device.widen': row('add to what a device may, where from and until when', 'devices', ['yes', 'yes', 'yes', 'no', 'no', 'no']),
  'session.end': row('end a session', 'devices', ['yes', 'yes', 'yes', 'own', 'own', 'no']),
  'activity.view': row('see the activity of a mailbox', 'read', ['yes', 'yes', 'yes', 'own', 'own', 'yes']),
  'audit.view': row('see who changed what', 'read', ['yes', 'yes', 'yes', 'own', 'own', 'yes']),
  'mailbox.invite': row('invite somebody to a mailbox', 'people', ['yes', 'yes', 'yes', 'no', 'no', 'no']),
  'rights.view': row('see the people of a mailbox', 'read', ['yes', 'yes', 'yes', 'no', 'no', 'no']),
  'rights.give': row('give people the rights to use, make, see and send at a mailbox, take them away', 'people', ['yes', 'yes', 'yes', 'no', 'no', 'no']),
  'rights.give-manage': row('give somebody the right to manage a mailbox, take it away', 'people', ['yes', 'yes', 'no', 'no', 'no', 'no']),
  'person.view': row('see a person and their rights', 'read', ['yes', 'yes', 'own', 'own', 'own', 'own']),
  'person.add': row('make an account for a person', 'people', ['yes', 'yes', 'no', 'no', 'no', 'no']),
  'person.change': row('rename a person, take sending from them, block them, make a new start link, remove them', 'people', [
    'yes',
    'yes',
    'no',
    'no',
    'no',
    'no',
  ]),
  'token.view': row('see API tokens', 'read', ['own', 'own', 'own', 'own', 'own', 'own']),
  'token.change': row('make and revoke API tokens', 'people', ['own', 'own', 'own', 'own', 'own', 'own']),
  'roles.change': row('make managers and administrators', 'people', ['yes', 'no', 'no', 'no', 'no', 'no']),
  'limits.view': row('see who is held back for wrong passwords', 'read', ['yes', 'no', 'no', 'no', 'no', 'no']),
  'limits.clear': row('let somebody go who is held back', 'devices', ['yes', 'no', 'no', 'no', 'no', 'no']),
} as const satisfies Record<string, ActionRow>

export type Action = keyof typeof ACTIONS

/** What somebody can get at, read in the same transaction as what is then done. */
export interface Reach {
  /** The operator of the command line: everything. */
  readonly isOperator: boolean
  readonly isAdministrator: boolean
  /** Whose manager. */
  readonly domains: ReadonlySet<string>
  /** By address of the mailbox. */
  readonly rights: ReadonlyMap<string, ReadonlySet<Right>>
  /** Who it is; null for the operator. */
  readonly self: { readonly id: UserId; readonly login: string } | null
  /** False when the right to send was taken from the person everywhere. */
  readonly maySend: boolean
  /** Of an API token; null: everything. */
  readonly scopes: ReadonlySet<TokenScope> | null
  /** Of an API token; null: everywhere. */
  readonly onlyDomains: ReadonlySet<string> | null
}

/** A mailbox that is there, or (`domain`) one that is to be made. */
export type Target =
  | { readonly mailbox: string; readonly device?: { readonly user: string | null } }
  | { readonly domain: string }
  | { readonly person: PersonPlace }
  /** What belongs to no mailbox and no domain. */
  | 'installation'

/** Where a person stands, for those who may look after them. */
export interface PersonPlace {
  readonly login: string
  /** Administrator, or manager of any domain. */
  readonly hasRole: boolean
  /** Domains of the mailboxes at which they have a right or a device. */
  readonly domains: readonly string[]
}

export type Verdict = 'yes' | 'no' | 'outside'

/** Whether it may be done to this thing. */
export function may(reach: Reach, action: Action, target: Target): Verdict {
  if (reach.isOperator) return 'yes'
  if (!isInside(reach, target)) return 'outside'
  const { scope } = ACTIONS[action]
  if (reach.scopes !== null && !reach.scopes.has(scope)) return 'no'
  const grant = grantOf(reach, action, target)
  return grant === 'yes' || (grant === 'own' && isOwn(reach, target)) ? 'yes' : 'no'
}

/** How much of a mailbox's devices, activity or audit somebody may have: all, what is their own, or nothing. For lists. */
export function shareOf(reach: Reach, action: Action, mailbox: string): Grant {
  if (reach.isOperator) return 'yes'
  if (reach.scopes !== null && !reach.scopes.has(ACTIONS[action].scope)) return 'no'
  return isInside(reach, { mailbox }) ? grantOf(reach, action, { mailbox }) : 'no'
}

/** Whether somebody may send from a mailbox themselves: who may not gives nobody a way to do it. */
export function maySendFrom(reach: Reach, mailbox: string): boolean {
  if (reach.isOperator) return true
  return reach.maySend && (isLookedAfter(reach, domainOf(mailbox)) || reach.rights.get(mailbox)?.has('send') === true)
}

function isInside(reach: Reach, target: Target): boolean {
  if (!isInTokenDomains(reach, target)) return false
  if (target === 'installation' || reach.isAdministrator) return true
  if ('domain' in target) return reach.domains.has(target.domain) || [...reach.rights.keys()].some(mailbox => domainOf(mailbox) === target.domain)
  if ('person' in target) return isSelf(reach, target.person.login) || target.person.domains.some(domain => reach.domains.has(domain))
  const { mailbox, device } = target
  if (!reach.domains.has(domainOf(mailbox)) && (reach.rights.get(mailbox)?.size ?? 0) === 0) return false
  if (device === undefined) return true
  // A device that one may not see is not there.
  const grant = grantOf(reach, 'device.view', target)
  return grant === 'yes' || (grant === 'own' && isOwn(reach, target))
}

function isInTokenDomains(reach: Reach, target: Target): boolean {
  const { onlyDomains } = reach
  if (onlyDomains === null) return true
  if (target === 'installation') return false
  if ('domain' in target) return onlyDomains.has(target.domain)
  if ('mailbox' in target) return onlyDomains.has(domainOf(target.mailbox))
  // Whose token it is, is no secret to it.
  if (isSelf(reach, target.person.login)) return true
  return target.person.domains.length > 0 && target.person.domains.every(domain => onlyDomains.has(domain))
}

/** The most that any role or right of theirs grants. */
function grantOf(reach: Reach, action: Action, target: Target): Grant {
  const actionRow: ActionRow = ACTIONS[action]
  const grants: Grant[] = reach.isAdministrator ? [actionRow.administrator] : []
  if (target === 'installation') return best(grants)
  if ('domain' in target) {
    if (reach.domains.has(target.domain)) grants.push(actionRow.manager)
  } else if ('person' in target) {
    grants.push(...grantsAtPerson(reach, actionRow, action, target.person))
  } else {
    const { mailbox } = target
    if (reach.domains.has(domainOf(mailbox))) grants.push(actionRow.manager)
    for (const right of reach.rights.get(mailbox) ?? []) if (right !== 'send') grants.push(actionRow[right])
  }
  return best(grants)
}

/** A manager looks after people all of whose rights lie in own domains, never after administrators and managers; sees all who have one there. */
function grantsAtPerson(reach: Reach, actionRow: ActionRow, action: Action, { login, hasRole, domains }: PersonPlace): Grant[] {
  const own: Grant[] = isSelf(reach, login) ? [actionRow.use] : []
  const isWithin = domains.length > 0 && domains.every(domain => reach.domains.has(domain)) && !hasRole
  const isSeen = action === 'person.view' && domains.some(domain => reach.domains.has(domain))
  return isWithin || isSeen ? [...own, actionRow.manager] : own
}

function best(grants: readonly Grant[]): Grant {
  if (grants.includes('yes')) return 'yes'
  return grants.includes('own') ? 'own' : 'no'
}

function isOwn(reach: Reach, target: Target): boolean {
  if (target === 'installation' || 'domain' in target) return false
  if ('person' in target) return isSelf(reach, target.person.login)
  return target.device !== undefined && target.device.user !== null && isSelf(reach, target.device.user)
}

function isSelf(reach: Reach, login: string): boolean {
  return reach.self?.login === login
}

/** By role, not by a right at one mailbox. */
function isLookedAfter(reach: Reach, domain: string): boolean {
  return reach.isAdministrator || reach.domains.has(domain)
}
