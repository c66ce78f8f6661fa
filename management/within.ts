/**
 * What lies within somebody's reach, as the store's lists understand it.
 */
import { domainOf } from '../base/address.ts'
import type { DeviceSet, MailboxSet } from '../store/accounts/mailbox-set.ts'
import { ACTIONS, type Action, type Reach, shareOf } from './permissions.ts'
import { checkScope } from './use-case.ts'

/** The mailboxes at which somebody may do something to all that is there; undefined: all mailboxes. Throws NOT_ALLOWED when a token's scope is missing. */
export function mailboxesOf(reach: Reach, action: Action): MailboxSet | undefined {
  const set = devicesOf(reach, action)
  return set === undefined ? undefined : { domains: set.domains, addresses: set.addresses }
}

/** The devices to which somebody may do something; undefined: to all. Throws NOT_ALLOWED when a token's scope is missing. */
export function devicesOf(reach: Reach, action: Action): DeviceSet | undefined {
  const { isOperator, isAdministrator, onlyDomains, self } = reach
  if (isOperator) return undefined
  checkScope(reach, action)
  if (isAdministrator) return onlyDomains === null ? undefined : { domains: [...onlyDomains] }
  const domains = ACTIONS[action].manager === 'yes' ? [...reach.domains].filter(domain => onlyDomains === null || onlyDomains.has(domain)) : []
  // Those that a domain covers need no line of their own.
  const others = [...reach.rights.keys()].filter(address => !domains.includes(domainOf(address)))
  const addresses = others.filter(address => shareOf(reach, action, address) === 'yes')
  const owned = others.filter(address => shareOf(reach, action, address) === 'own')
  return { domains, addresses, ...(self === null || owned.length === 0 ? {} : { own: { user: self.id, addresses: owned } }) }
}
