/**
 * What a use case is: a function of (context, actor, input) that checks the permission, makes its change in one transaction, and gives a value or
 * refuses with an error that has a code. It neither reads options nor writes sentences for one face; commands, pages and API do that.
 *
 * Hashing and other servers take their time: they come before the transaction, and what was found before is looked at again inside it.
 */
import { Problem } from '../base/problems.ts'
import type { Config } from '../config/config.ts'
import type { Nouns, OpenedStore } from '../store/open-store.ts'
import { type Actor, auditActorOf } from './actor.ts'
import { ACTIONS, type Action, may, type Reach, type Target } from './permissions.ts'
import { readReach } from './reach.ts'

export interface UseCaseContext {
  readonly store: OpenedStore
  readonly config: Config
  /**
   * Runs around every change, in its transaction: whoever must not do a thing twice takes a form's token or an Idempotency-Key there (`once`).
   * It throws to prevent the change.
   */
  readonly around?: (<Result>(nouns: Nouns, act: () => Promise<Result>) => Promise<Result>) | undefined
}

/** One change, recorded as the actor's: all of it or nothing. */
export function change<Result>(
  { store, around = (_, act) => act() }: UseCaseContext,
  actor: Actor,
  act: (nouns: Nouns, reach: Reach) => Promise<Result>,
): Promise<Result> {
  return store.as(auditActorOf(actor)).change(nouns => around(nouns, async () => act(nouns, await readReach(nouns, actor))))
}

/** Something that is only looked at. */
export async function look<Result>({ store }: UseCaseContext, actor: Actor, act: (nouns: Nouns, reach: Reach) => Promise<Result>): Promise<Result> {
  const nouns = store.as(auditActorOf(actor))
  return act(nouns, await readReach(nouns, actor))
}

/** `missing` makes the error for what is outside: the same as for what is not there. Throws it, or NOT_ALLOWED. */
export function checkAllowed(reach: Reach, action: Action, target: Target, missing: () => Problem): void {
  const verdict = may(reach, action, target)
  if (verdict === 'outside') throw missing()
  if (verdict === 'no') throw notAllowed(action)
}

/** What a token is not for at all. Throws NOT_ALLOWED. */
export function checkScope({ scopes }: Reach, action: Action): void {
  if (scopes !== null && !scopes.has(ACTIONS[action].scope)) throw notAllowed(action)
}

export function notAllowed(action: Action): Problem {
  return new Problem('action.not-allowed', { action })
}
