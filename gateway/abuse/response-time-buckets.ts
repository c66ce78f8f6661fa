/**
 * When refusals leave: after a whole number of response-time buckets counted from the receipt of the command, so that they cannot be told apart by their moment, and not more of
 * them at a time than leaves the loop free for those who are let in: the rest waits for the next window, for a reason that has nothing to do with
 * whose it is. A flood that waits for its answers is slowed down by this alone.
 *
 * What waits here is a connection that is not logged in: their caps bound it.
 */
import { LIMITS } from '../limits.ts'
import type { SpareTime } from './spare-time.ts'

interface Options {
  readonly bucketMs: number
  readonly windowMs: number
  /** Refusals that may leave within one window, while there is time for them. */
  readonly perWindow: number
}

export interface ResponseTime {
  /** How long to wait from now on. */
  readonly waitMs: number
  /** Nobody waits for the answer any more. */
  giveBack(): void
}

export class ResponseTimeBuckets {
  readonly #spare: Pick<SpareTime, 'share'>
  readonly #options: Options
  /** Refusals by the window in which they leave. */
  readonly #taken = new Map<number, number>()

  constructor(
    spare: Pick<SpareTime, 'share'>,
    options: Options = { bucketMs: LIMITS.responseBucketMs, windowMs: LIMITS.refusalWindowMs, perWindow: LIMITS.refusalsPerWindow },
  ) {
    this.#spare = spare
    this.#options = options
  }

  /** A place at least `delayMs` beyond the end of the bucket. Times in milliseconds of any one clock. */
  reserve({ receivedAt, delayMs, now }: { readonly receivedAt: number; readonly delayMs: number; readonly now: number }): ResponseTime {
    const { bucketMs, windowMs, perWindow } = this.#options
    const room = Math.ceil(perWindow * this.#spare.share())
    this.#forgetBefore(Math.floor(now / windowMs))
    let leavesAt = receivedAt + Math.ceil((now - receivedAt) / bucketMs) * bucketMs + delayMs
    let window = Math.floor(leavesAt / windowMs)
    while ((this.#taken.get(window) ?? 0) >= room) {
      window += 1
      leavesAt += windowMs
    }
    this.#taken.set(window, (this.#taken.get(window) ?? 0) + 1)
    return { waitMs: leavesAt - now, giveBack: () => this.#giveBack(window) }
  }

  #giveBack(window: number): void {
    const taken = this.#taken.get(window)
    if (taken !== undefined) this.#taken.set(window, taken - 1)
  }

  #forgetBefore(window: number): void {
    for (const taken of this.#taken.keys()) if (taken < window) this.#taken.delete(taken)
  }
}
