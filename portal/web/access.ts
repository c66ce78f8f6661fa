/**
 * Who may open which route: each has one rule, which is asked before its handler and before a page shows a button that leads there. The use case
 * behind it asks again, in its own transaction. What a rule means for whom stands in `management/permissions.ts` alone.
 */

import { normaliseAddress } from '../../base/address.ts'
import { MailwicketError } from '../../base/errors.ts'
import { findHostName } from '../../base/network.ts'
import type { Actor } from '../../management/actor.ts'
import { isOf } from '../../management/find-subject.ts'
import { ACTIONS, type Action, type ActionRow, may, type Reach, shareOf, type Target, type Verdict } from '../../management/permissions.ts'
import { readPlace } from '../../management/reach.ts'
import { getInvitation } from '../../management/sign-in/invite.ts'
import type { UseCaseContext } from '../../management/use-case.ts'
import { parseLogin } from '../../store/accounts/people/user-rows.ts'
import type { Nouns } from '../../store/open-store.ts'

/** On what it is: `:m`, `:d`, `:domain`, `:u`, `:id` of the route; `somewhere`: on anything at all within reach. */
export type Place = 'mailbox' | 'device' | 'domain' | 'person' | 'invitation' | 'installation' | 'somewhere'

export interface ActionRule {
  readonly action: Action
  readonly on: Place
  /** Enough where only what is one's own is seen there: lists and histories. */
  readonly own: boolean
}

export type Rule = 'public' | 'signed-in' | ActionRule

export const can = (action: Action, on: Place): ActionRule => ({ action, on, own: false })
/** The page shows whoever may not see all of it what is their own. */
export const canOwn = (action: Action, on: Place): ActionRule => ({ action, on, own: true })

export interface Asked {
  readonly context: UseCaseContext
  readonly nouns: Nouns
  readonly actor: Actor
  readonly reach: Reach
  param(name: string): string
}

/** `outside` is answered as if it were not there. Throws STORE_UNAVAILABLE. */
export async function judge({ action, on, own }: ActionRule, asked: Asked): Promise<Verdict> {
  const { reach } = asked
  if (on === 'somewhere') return isSomewhere(reach, action, own) ? 'yes' : 'no'
  if (on === 'invitation') return judgeInvitation(asked)
  const target = on === 'installation' ? on : await findTarget(on, asked)
  if (target === undefined) return 'outside'
  const verdict = may(reach, action, target)
  if (verdict !== 'no' || !own || typeof target === 'string' || !('mailbox' in target) || target.device !== undefined) return verdict
  return shareOf(reach, action, target.mailbox) === 'no' ? 'no' : 'yes'
}

/** For navigation and routes without an object. */
export function isSomewhere(reach: Reach, action: Action, own = false): boolean {
  const row: ActionRow = ACTIONS[action]
  if (reach.isAdministrator && row.administrator === 'yes') return true
  if (reach.domains.size > 0 && row.manager === 'yes') return true
  return [...reach.rights.keys()].some(mailbox => {
    const share = shareOf(reach, action, mailbox)
    return share === 'yes' || (own && share === 'own')
  })
}

async function findTarget(on: 'mailbox' | 'device' | 'domain' | 'person', { nouns, param }: Asked): Promise<Target | undefined> {
  const address = normaliseAddress(param('m'))
  if (on === 'mailbox') return address === undefined ? undefined : { mailbox: address }
  if (on === 'domain') {
    const domain = findHostName(param('domain'))
    return domain === undefined ? undefined : { domain }
  }
  return orUndefined(async () => {
    if (on === 'person') return { person: await readPlace(nouns, parseLogin(param('u'))) }
    if (!WHOLE_ID.test(param('d'))) return undefined
    const device = await nouns.devices.get(param('d'))
    return device.mailbox === address ? isOf(device) : undefined
  })
}

const WHOLE_ID = /^[0-9a-z]{16}$/

async function judgeInvitation({ context, actor, param }: Asked): Promise<Verdict> {
  try {
    await getInvitation(context, actor, param('id'))
    return 'yes'
  } catch (error) {
    if (!(error instanceof MailwicketError)) throw error
    if (error.code === 'NOT_ALLOWED') return 'no'
    if (error.code === 'NOT_FOUND') return 'outside'
    throw error
  }
}

async function orUndefined<Found>(find: () => Promise<Found>): Promise<Found | undefined> {
  try {
    return await find()
  } catch (error) {
    if (error instanceof MailwicketError && (error.code === 'NOT_FOUND' || error.code === 'BAD_INPUT')) return undefined
    throw error
  }
}
