/**
 * Counts that take long, kept for a minute: whoever asks later gets what is known, and it is counted anew behind their back. What is counted quickly
 * is counted for each page, and true at each.
 */
interface Counted<Counts> {
  readonly at: number
  readonly counts: Counts
  readonly tookLong: boolean
}

const KEPT_MS = 60_000
/** Of CPU, so that a busy machine makes nothing long: in a store of a few thousand devices each count is new. */
const LONG_MS = 100
/** Of one store: readers with reaches of their own. */
const MOST_KEPT = 1_000

export class KeptCounts<Counts> {
  /** By store, so that nothing is shared by two. */
  readonly #known = new WeakMap<object, Map<string, Counted<Counts>>>()
  readonly #counting = new WeakMap<object, Map<string, Promise<Counts>>>()
  readonly #cpuMs: () => number

  /** `cpuMs`: what this thread has used, for tests. */
  constructor(cpuMs: () => number = usedMs) {
    this.#cpuMs = cpuMs
  }

  /** `key`: what is counted, for example within whose reach. Throws what `count` throws. */
  read(store: object, key: string, now: number, count: () => Promise<Counts>): Promise<Counts> {
    const before = mapOf(this.#known, store).get(key)
    const kept = before?.tookLong === true ? before : undefined
    if (kept !== undefined && kept.at <= now && now - kept.at < KEPT_MS) return Promise.resolve(kept.counts)
    const next = mapOf(this.#counting, store).get(key) ?? this.#count(store, key, now, count)
    if (kept === undefined) return next
    // Whoever asks next is told of the failure.
    next.catch(() => mapOf(this.#known, store).delete(key))
    return Promise.resolve(kept.counts)
  }

  #count(store: object, key: string, now: number, count: () => Promise<Counts>): Promise<Counts> {
    const [known, counting] = [mapOf(this.#known, store), mapOf(this.#counting, store)]
    const before = this.#cpuMs()
    const next = count().finally(() => counting.delete(key))
    counting.set(key, next)
    const keep = (counts: Counts) => {
      if (known.size >= MOST_KEPT) known.clear()
      known.set(key, { at: now, counts, tookLong: this.#cpuMs() - before > LONG_MS })
    }
    next.then(keep, () => {})
    return next
  }
}

function usedMs(): number {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1_000
}

function mapOf<Value>(maps: WeakMap<object, Map<string, Value>>, store: object): Map<string, Value> {
  const map = maps.get(store) ?? new Map<string, Value>()
  maps.set(store, map)
  return map
}
