/**
 * Passes on what workers tell each other, and keeps the sum of each one's counts: a worker that begins is told what the others have, and when one
 * has ended, what it counted is taken back.
 */

import type { News } from '../gateway/machine/machine.ts'
import { addCount, type CountChange } from '../gateway/machine/machine-counts.ts'

export class NewsExchange<Worker> {
  readonly #tell: (worker: Worker, news: News) => void
  readonly #counts = new Map<Worker, Map<string, number>>()

  constructor(tell: (worker: Worker, news: News) => void) {
    this.#tell = tell
  }

  /** It hears from now on; what it gets here came before. */
  join(worker: Worker): News {
    const sum = new Map<string, number>()
    for (const counts of this.#counts.values()) for (const count of counts) addCount(sum, count)
    this.#counts.set(worker, new Map())
    return newsOf([...sum])
  }

  heard(from: Worker, news: News): void {
    const counts = this.#counts.get(from)
    if (counts === undefined) return
    for (const change of news.counts) addCount(counts, change)
    this.#tellOthers(from, news)
  }

  /** It is gone, and what it had with it. */
  leave(worker: Worker): void {
    const counts = this.#counts.get(worker)
    this.#counts.delete(worker)
    if (counts !== undefined && counts.size > 0) this.#tellOthers(worker, newsOf([...counts].map(([key, count]) => [key, -count])))
  }

  #tellOthers(from: Worker, news: News): void {
    for (const worker of this.#counts.keys()) if (worker !== from) this.#tell(worker, news)
  }
}

function newsOf(counts: readonly CountChange[]): News {
  return { counts, failures: [], migration: [] }
}
