/**
 * Who is held back for too many wrong passwords, and letting go of it.
 */
import type { Limit, LimitTarget } from '../../store/limits/limits.ts'
import type { Actor } from '../actor.ts'
import { change, checkAllowed, look, notAllowed, type UseCaseContext } from '../use-case.ts'

/** The highest counts first, one after the other, in constant memory. Throws NOT_ALLOWED. */
export async function* readLimits(context: UseCaseContext, actor: Actor, { limit }: { readonly limit?: number | undefined } = {}): AsyncGenerator<Limit> {
  yield* await look(context, actor, async (nouns, reach) => {
    checkAllowed(reach, 'limits.view', 'installation', () => notAllowed('limits.view'))
    return nouns.limits.all(limit)
  })
}

/** Throws NOT_ALLOWED, BAD_INPUT, NOT_FOUND. */
export function clearLimits(context: UseCaseContext, actor: Actor, target: LimitTarget): Promise<{ readonly cleared: number }> {
  return change(context, actor, async (nouns, reach) => {
    checkAllowed(reach, 'limits.clear', 'installation', () => notAllowed('limits.clear'))
    return nouns.limits.clear(target)
  })
}
