/**
 * How many requests a token may make: a bucket that fills up again, so that a script may begin with a burst. In memory: it protects this process, and
 * is no quota.
 */

export interface RateTerms {
  /** At once. */
  readonly burst: number
  readonly perSecond: number
}

/** A page of 200 rows takes some milliseconds: one token gets a tenth of a core at most. */
const TERMS: RateTerms = { burst: 100, perSecond: 10 }
/** Tokens that are remembered; those that were used first give way, with a full bucket when they come back. */
const REMEMBERED = 10_000

interface Bucket {
  left: number
  at: number
}

export class RequestRate {
  readonly #terms: RateTerms
  readonly #now: () => number
  readonly #buckets = new Map<string, Bucket>()

  /** `now` in milliseconds of any clock that does not go back. */
  constructor({ now, terms = TERMS }: { readonly now: () => number; readonly terms?: RateTerms }) {
    this.#now = now
    this.#terms = terms
  }

  /** Takes one request; gives after how many seconds there is room again, where there is none. */
  take(key: string): number | undefined {
    const { burst, perSecond } = this.#terms
    const now = this.#now()
    const known = this.#buckets.get(key)
    const left = known === undefined ? burst : Math.min(burst, known.left + (Math.max(0, now - known.at) / 1000) * perSecond)
    this.#buckets.delete(key)
    if (this.#buckets.size >= REMEMBERED) this.#forgetOldest()
    this.#buckets.set(key, { left: left < 1 ? left : left - 1, at: now })
    return left < 1 ? Math.max(1, Math.ceil((1 - left) / perSecond)) : undefined
  }

  #forgetOldest(): void {
    const [oldest] = this.#buckets.keys()
    if (oldest !== undefined) this.#buckets.delete(oldest)
  }
}
