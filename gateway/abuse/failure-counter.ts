/**
 * Counts the distinct wrong secrets of many keys (blocks, or mailboxes) within a window; rate-limiter-flexible does the counting.
 *
 * SECURITY: a secret is known here only by 16 bits of an HMAC under a key that lives and dies with the process. Memory is bounded by `maxKeys` of
 * few failures and as many of more; the one that failed longest ago gives way to one of its kind. Nothing else about a key chooses its place, least
 * of all whether it exists.
 */
import { LRUCache } from 'lru-cache'
import { RateLimiterMemory } from 'rate-limiter-flexible'
import { SHARED_FROM } from '../../store/schema/failure-limits.ts'

interface Entry {
  /** Of the secrets that were counted. Not more than `maxFingerprints`: beyond it all count. */
  readonly fingerprints: number[]
  /** Milliseconds since 1970, UTC: then the count starts anew. */
  readonly endsAt: number
  /** How much of the count the store was told. */
  shared: number
  /** How much of the count another process tells the store; none after the store's own count was taken over. */
  foreign: number
  /** The store may not have heard what it was told last. */
  isUncertain: boolean
}

/** What the store does not know yet. */
export interface UnsharedCount {
  readonly subject: string
  /** Since the store was last told. */
  readonly added: number
  /** All that is counted here but for what others tell: what the store must not stay below. */
  readonly total: number
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
  /** Those with fewer failures than the store is told of, and the others. */
  readonly #few: LRUCache<string, Entry>
  readonly #many: LRUCache<string, Entry>
  readonly #windowMs: number
  readonly #maxFingerprints: number
  readonly #unshared = new Set<string>()

  constructor({ windowMs, maxKeys, maxFingerprints }: { readonly windowMs: number; readonly maxKeys: number; readonly maxFingerprints: number }) {
    this.#limiter = new RateLimiterMemory({ points: maxFingerprints, duration: windowMs / 1000, keyPrefix: '' })
    this.#windowMs = windowMs
    this.#maxFingerprints = maxFingerprints
    const open = () => new LRUCache<string, Entry>({ max: maxKeys, dispose: (_entry, subject, reason) => reason === 'evict' && this.#forgetCount(subject) })
    this.#few = open()
    this.#many = open()
  }

  async count(subject: string): Promise<number> {
    return (await this.#limiter.get(subject))?.consumedPoints ?? 0
  }

  /** Counts a wrong secret, unless it was counted before. */
  async add(subject: string, fingerprint: number): Promise<{ readonly count: number; readonly isNew: boolean }> {
    // No `await` before the fingerprint is in its place: two at a time must not each begin a count of their own.
    const entry = this.#openEntry(subject)
    if (entry.fingerprints.includes(fingerprint)) return { count: await this.count(subject), isNew: false }
    if (entry.fingerprints.length < this.#maxFingerprints) entry.fingerprints.push(fingerprint)
    const { consumedPoints } = await this.#limiter.penalty(subject)
    if (consumedPoints >= SHARED_FROM) {
      this.#keep(subject, entry, consumedPoints)
      this.#unshared.add(subject)
    }
    return { count: consumedPoints, isNew: true }
  }

  /** Counts what another process of this machine counted, and tells the store of. */
  async learn(subject: string, fingerprint: number): Promise<void> {
    const entry = this.#openEntry(subject)
    if (entry.fingerprints.includes(fingerprint)) return
    if (entry.fingerprints.length < this.#maxFingerprints) entry.fingerprints.push(fingerprint)
    entry.shared += 1
    entry.foreign += 1
    const { consumedPoints } = await this.#limiter.penalty(subject)
    if (consumedPoints < SHARED_FROM) return
    this.#keep(subject, entry, consumedPoints)
    // What was counted here may be worth a row now.
    this.#unshared.add(subject)
  }

  #openEntry(subject: string): Entry {
    const known = this.#few.get(subject) ?? this.#many.get(subject)
    if (known !== undefined && known.endsAt > Date.now()) return known
    // The window is over, and with it what was seen in it.
    if (known !== undefined) this.#forgetCount(subject)
    const entry: Entry = { fingerprints: [], endsAt: Date.now() + this.#windowMs, shared: 0, foreign: 0, isUncertain: false }
    this.#keep(subject, entry, 0)
    return entry
  }

  #peek(subject: string): Entry | undefined {
    return this.#few.peek(subject) ?? this.#many.peek(subject)
  }

  #keep(subject: string, entry: Entry, count: number): void {
    const [place, other] = count < SHARED_FROM ? [this.#few, this.#many] : [this.#many, this.#few]
    other.delete(subject)
    place.set(subject, entry)
  }

  #forgetCount(subject: string): void {
    void this.#limiter.delete(subject)
    this.#unshared.delete(subject)
  }

  /** At most `limit` counts that moved since the store was told; `shared()` or `uncertain()` says what became of them. */
  async unshared(limit: number): Promise<UnsharedCount[]> {
    const counts: UnsharedCount[] = []
    for (const subject of this.#unshared) {
      if (counts.length >= limit) break
      const total = await this.count(subject)
      const entry = this.#peek(subject)
      if (entry === undefined || total === 0 || (total <= entry.shared && !entry.isUncertain)) this.#unshared.delete(subject)
      else counts.push({ subject, added: Math.max(0, total - entry.shared), total: total - entry.foreign, expiresAt: entry.endsAt })
    }
    return counts
  }

  /** The store has it. What came meanwhile is told with the next. */
  shared(counts: readonly UnsharedCount[]): void {
    this.#told(counts, false)
  }

  /** The store did not answer: it may have it or get it yet. It is not added again; the total will say what is missing. */
  uncertain(counts: readonly UnsharedCount[]): void {
    this.#told(counts, true)
  }

  #told(counts: readonly UnsharedCount[], isUncertain: boolean): void {
    for (const { subject, added } of counts) {
      const entry = this.#peek(subject)
      if (entry === undefined) continue
      entry.shared += added
      entry.isUncertain = isUncertain
    }
  }

  /** Takes over a count of the store, which is that of all nodes together. */
  async accept({ subject, count, expiresAt }: SharedCount): Promise<void> {
    const endsAt = Math.min(expiresAt, Date.now() + this.#windowMs)
    const known = this.#peek(subject)
    if (count === 0 || endsAt <= Date.now()) {
      this.#few.delete(subject)
      this.#many.delete(subject)
      this.#forgetCount(subject)
      return
    }
    const total = await this.count(subject)
    const unshared = known === undefined ? 0 : Math.max(0, total - known.shared)
    const isUncertain = known?.isUncertain ?? false
    const sum = isUncertain ? Math.max(count, total - (known?.foreign ?? 0)) : count + unshared
    this.#forgetCount(subject)
    this.#keep(subject, { fingerprints: known?.fingerprints ?? [], endsAt, shared: count, foreign: 0, isUncertain }, sum)
    await this.#limiter.set(subject, sum, (endsAt - Date.now()) / 1000)
    if (unshared > 0 || isUncertain) this.#unshared.add(subject)
  }
}
