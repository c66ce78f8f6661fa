/**
 * A limiter that lets everybody try, for tests of what comes after it; its answers keep their response times. `terms` closes it.
 */
import type { Attempt, Limiter } from './limiter.ts'
import { ResponseTimeBuckets } from './response-time-buckets.ts'

export function openLimiterForAll(terms: Attempt['terms'] = 'open'): Limiter {
  const buckets = new ResponseTimeBuckets({ share: () => 1 })
  const limiter: Pick<Limiter, 'admit' | 'limited' | 'wrong' | 'right' | 'reserveResponseTime'> = {
    admit: async (block, address) => ({ block, address, terms, countedIn: [] }),
    limited: async () => ({ delayMs: 0, isRepeated: false }),
    wrong: async () => ({ delayMs: 0, isRepeated: false }),
    right: () => {},
    reserveResponseTime: (receivedAt, delayMs) => buckets.reserve({ receivedAt, delayMs, now: performance.now() }),
  }
  return limiter as Limiter
}
