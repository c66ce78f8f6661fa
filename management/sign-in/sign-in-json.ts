/**
 * Roles, rights, invitations and API tokens as JSON, for commands and API alike: add, never rename. Times are ISO 8601 in UTC. Never the token itself.
 */
import { formatIso, formatIsoOrNull } from '../../base/iso-time.ts'
import type { ApiToken } from '../../store/sign-in/api-tokens.ts'
import type { Invitation } from '../../store/sign-in/invitation-rows.ts'
import type { Access } from '../people/manage-rights.ts'

export function toAccessJson({ login, roles, rights }: Access) {
  return {
    login,
    administrator: roles.isAdmin,
    manages: roles.domains,
    rights: rights.map(({ mailbox, use, make, see, send, manage }) => ({ mailbox, use, make, see, send, manage })),
  }
}

export function toInvitationRow({ id, kind, state, mailbox, user, device, terms, mailTo, madeBy, ...facts }: Invitation) {
  const { createdAt, endsAt, closedAt, openedAt, opened, madeDevice } = facts
  return {
    id,
    kind,
    state,
    mailbox,
    user,
    device: device?.id ?? madeDevice,
    name: terms.name,
    scopes: terms.scopes,
    expiresAt: formatIsoOrNull(terms.expiresAt),
    allowFrom: terms.allowFrom,
    mailTo,
    madeBy,
    createdAt: formatIso(createdAt),
    endsAt: formatIso(endsAt),
    closedAt: formatIsoOrNull(closedAt),
    openedAt: formatIsoOrNull(openedAt),
    opened,
  }
}

export function toTokenRow({ id, name, beginning, user, scopes, domains, allowFrom, createdAt, endsAt, usedAt, usedIp }: ApiToken) {
  const times = { createdAt: formatIso(createdAt), endsAt: formatIsoOrNull(endsAt), usedAt: formatIsoOrNull(usedAt) }
  return { id, name, beginning, user, scopes, domains, allowFrom, ...times, usedIp }
}
