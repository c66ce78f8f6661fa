/**
 * Carries the limiter's counts to the store each second, and those of other nodes and of `limits clear` from it.
 * While the store is away, counting goes on in memory, and what was missed is written afterwards.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { GatewayStore } from '../../store/gateway-side/gateway-store.ts'
import type { FailureRecord } from '../../store/limits/limit-records.ts'
import type { CountedKind, FailureKind } from '../../store/schema/failure-limits.ts'
import { LIMITS } from '../limits.ts'
import type { FailureCounter, UnsharedCount } from './failure-counter.ts'
import type { Limiter } from './limiter.ts'

export class LimiterSync {
  readonly #store: Pick<GatewayStore, 'recordFailures' | 'readFailures'>
  readonly #limiter: Limiter
  #timer: NodeJS.Timeout | undefined
  #running: Promise<void> | undefined
  #seen = 0

  constructor(store: Pick<GatewayStore, 'recordFailures' | 'readFailures'>, limiter: Limiter) {
    this.#store = store
    this.#limiter = limiter
  }

  /** Reads what earlier runs and other nodes counted, then goes on by itself. */
  async start(): Promise<void> {
    await this.#exchange()
    this.#timer = setInterval(() => {
      this.#running ??= this.#exchange().finally(() => {
        this.#running = undefined
      })
    }, LIMITS.limiterSyncMs)
  }

  /** Writes what is left. */
  async stop(): Promise<void> {
    clearInterval(this.#timer)
    await this.#running
    await this.#exchange()
  }

  async #exchange(): Promise<void> {
    try {
      await this.#write()
      await this.#read()
    } catch {
      // The recorder, which writes to the same store every two seconds at least, tells of an outage once for all, and the metrics count it.
    }
  }

  async #write(): Promise<void> {
    const parts: { counter: FailureCounter; counts: readonly UnsharedCount[]; kind: FailureKind }[] = []
    for (const [kind, counter] of Object.entries(this.#limiter.counters) as [FailureKind, FailureCounter][])
      parts.push({ kind, counter, counts: await counter.unshared(LIMITS.limiterSyncRows) })
    const failures: FailureRecord[] = parts.flatMap(({ kind, counts }) => counts.map(count => ({ kind, ...count })))
    const recognisedNetworks = this.#limiter.recognisedNetworks.takeRecords(LIMITS.limiterSyncRows)
    if (failures.length + recognisedNetworks.length === 0) return
    try {
      await this.#store.recordFailures(failures, recognisedNetworks)
    } catch (error) {
      this.#limiter.recognisedNetworks.keepRecords(recognisedNetworks)
      for (const { counter, counts } of parts) counter.uncertain(counts)
      throw error
    }
    for (const { counter, counts } of parts) counter.shared(counts)
  }

  async #read(): Promise<void> {
    for (;;) {
      const { rows, revision } = await this.#store.readFailures(this.#seen, LIMITS.limiterSyncRows)
      // A program before or after this one may count what we do not know.
      for (const { kind, ...count } of rows) await (this.#limiter.counters as Partial<Record<CountedKind, FailureCounter>>)[kind]?.accept(count)
      this.#seen = revision
      if (rows.length < LIMITS.limiterSyncRows) return
      // The sessions get their turn between two lists.
      await nextTurn()
    }
  }
}
