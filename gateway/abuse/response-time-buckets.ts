/**
 * When refusals leave: on a grid counted from the receipt of the command, so that they cannot be told apart by their moment, and not more of
 * them at a time than leaves the loop free for those who are let in: the rest waits for the next slot, for a reason that has nothing to do with
 * whose it is. A flood that waits for its answers is slowed down by this alone.
 *
 * What waits here is a connection that is not logged in: their caps bound it.
 */
import { LIMITS } from '../limits.ts'
import type { SpareTime } from './spare-time.ts'

interface Options {
  readonly gridMs: number
  readonly slotMs: number
  /** Refusals that may leave within one slot, while there is time for them. */
  readonly perSlot: number
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
  /** Refusals by the slot in which they leave. */
  readonly #taken = new Map<number, number>()

  constructor(
    spare: Pick<SpareTime, 'share'>,
    options: Options = { gridMs: LIMITS.responseBucketMs, slotMs: LIMITS.refusalWindowMs, perSlot: LIMITS.refusalsPerWindow },
  ) {
    this.#spare = spare
    this.#options = options
  }

  /** A place at least `delayMs` beyond the next step of the grid. Times in milliseconds of any one clock. */
  reserve({ receivedAt, delayMs, now }: { readonly receivedAt: number; readonly delayMs: number; readonly now: number }): ResponseTime {
    const { gridMs, slotMs, perSlot } = this.#options
    const room = Math.ceil(perSlot * this.#spare.share())
    this.#forgetBefore(Math.floor(now / slotMs))
    let leavesAt = receivedAt + Math.ceil((now - receivedAt) / gridMs) * gridMs + delayMs
    let slot = Math.floor(leavesAt / slotMs)
    while ((this.#taken.get(slot) ?? 0) >= room) {
      slot += 1
      leavesAt += slotMs
    }
    this.#taken.set(slot, (this.#taken.get(slot) ?? 0) + 1)
    return { waitMs: leavesAt - now, giveBack: () => this.#giveBack(slot) }
  }

  #giveBack(slot: number): void {
    const taken = this.#taken.get(slot)
    if (taken !== undefined) this.#taken.set(slot, taken - 1)
  }

  #forgetBefore(slot: number): void {
    for (const taken of this.#taken.keys()) if (taken < slot) this.#taken.delete(taken)
  }
}
