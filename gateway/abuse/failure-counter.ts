/**
 * Counts the distinct wrong secrets of many keys (blocks, or mailboxes) within a window; rate-limiter-flexible does the counting.
 *
 * SECURITY: a secret is known here only by 16 bits of an HMAC under a key that lives and dies with the process. Memory is bounded by `maxKeys`:
 * the key that failed longest ago gives way.
 */
import { LRUCache } from 'lru-cache'
import { RateLimiterMemory } from 'rate-limiter-flexible'
import { SHARED_FROM } from '../../store/failure-limits.ts'

interface Entry {
  /** Of the secrets that were counted. Not more than `maxMarks`: beyond it all count. */
  readonly marks: number[]
  /** How much of the count the store knows. */
  shared: number
}

/** What the store does not know yet. */
export interface UnsharedCount {
  readonly subject: string
  readonly added: number
  /** Milliseconds since 1970, UTC. */
  readonly expiresAt: number
}

export interface SharedCount {
  readonly subject: string
  /** 0: cleared. */
  readonly count: number
  readonly expiresAt: number
}

export class FailureCounter {
  readonly #limiter: RateLimiterMemory
  readonly #entries: LRUCache<string, Entry>
  readonly #maxMarks: number
  readonly #unshared = new Set<string>()

  constructor({ windowMs, maxKeys, maxMarks }: { readonly windowMs: number; readonly maxKeys: number; readonly maxMarks: number }) {
    this.#limiter = new RateLimiterMemory({ points: maxMarks, duration: windowMs / 1000, keyPrefix: '' })
    this.#maxMarks = maxMarks
    this.#entries = new LRUCache({
      max: maxKeys,
      dispose: (_entry, subject) => {
        void this.#limiter.delete(subject)
        this.#unshared.delete(subject)
      },
    })
  }

  async count(subject: string): Promise<number> {
    return (await this.#limiter.get(subject))?.consumedPoints ?? 0
  }

  /** Counts a wrong secret, unless it was counted before. */
  async add(subject: string, mark: number): Promise<{ readonly count: number; readonly isNew: boolean }> {
    const before = await this.count(subject)
    let entry = this.#entries.get(subject)
    // The window is over, and with it what was seen in it.
    if (before === 0) entry = undefined
    if (entry === undefined) {
      entry = { marks: [], shared: 0 }
      this.#entries.set(subject, entry)
    }
    if (entry.marks.includes(mark)) return { count: before, isNew: false }
    if (entry.marks.length < this.#maxMarks) entry.marks.push(mark)
    const { consumedPoints } = await this.#limiter.penalty(subject)
    if (consumedPoints >= SHARED_FROM) this.#unshared.add(subject)
    return { count: consumedPoints, isNew: true }
  }

  /** At most `limit` counts that moved since the store was told; `shared()` says that it was. */
  async unshared(limit: number): Promise<UnsharedCount[]> {
    const counts: UnsharedCount[] = []
    for (const subject of this.#unshared) {
      if (counts.length >= limit) break
      const result = await this.#limiter.get(subject)
      const added = (result?.consumedPoints ?? 0) - (this.#entries.peek(subject)?.shared ?? 0)
      if (result === null || added <= 0) this.#unshared.delete(subject)
      else counts.push({ subject, added, expiresAt: Date.now() + result.msBeforeNext })
    }
    return counts
  }

  shared(counts: readonly UnsharedCount[]): void {
    for (const { subject, added } of counts) {
      const entry = this.#entries.peek(subject)
      if (entry !== undefined) entry.shared += added
      this.#unshared.delete(subject)
    }
  }

  /** Takes over a count of the store, which is that of all nodes together. */
  async accept({ subject, count, expiresAt }: SharedCount): Promise<void> {
    const seconds = (expiresAt - Date.now()) / 1000
    const entry = this.#entries.peek(subject)
    if (count === 0 || seconds <= 0) {
      this.#entries.delete(subject)
      return
    }
    const unshared = entry === undefined ? 0 : Math.max(0, (await this.count(subject)) - entry.shared)
    if (entry === undefined) this.#entries.set(subject, { marks: [], shared: count })
    else entry.shared = count
    await this.#limiter.set(subject, count + unshared, seconds)
  }
}
