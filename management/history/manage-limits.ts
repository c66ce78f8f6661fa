/**
 * Who is held back for too many wrong passwords, and letting go of it.
 */
import type { Limit, LimitTarget } from '../../store/limits/limits.ts'
import type { Actor } from '../actor.ts'
import { change, checkAllowed, look, notAllowed, type UseCaseContext } from '../use-case.ts'

/** The highest counts first, `limit` at most. Throws NOT_ALLOWED. */
export function listLimits(context: UseCaseContext, actor: Actor, input: { readonly limit?: number | undefined } = {}): Promise<Limit[]> {
  return look(context, actor, async (nouns, reach) => {
    checkAllowed(reach, 'limits.view', 'installation', () => notAllowed('limits.view'))
    return nouns.limits.list(input)
  })
}

/** Throws NOT_ALLOWED, BAD_INPUT, NOT_FOUND. */
export function clearLimits(context: UseCaseContext, actor: Actor, target: LimitTarget): Promise<{ readonly cleared: number }> {
  return change(context, actor, async (nouns, reach) => {
    checkAllowed(reach, 'limits.clear', 'installation', () => notAllowed('limits.clear'))
    return nouns.limits.clear(target)
  })
}
