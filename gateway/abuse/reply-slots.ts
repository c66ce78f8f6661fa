/**
 * When refusals leave: on a grid counted from the receipt of the command, so that they cannot be told apart by their moment, and not more of
 * them at a time than leaves the loop free for those who are let in. A flood that waits for its answers is slowed down by this alone.
 *
 * What waits here is a connection that is not logged in: their caps bound it.
 */
import { LIMITS } from '../limits.ts'

interface Options {
  readonly gridMs: number
  /** Refusals that may leave within one step of the grid. */
  readonly perSlot: number
}

export class ReplySlots {
  readonly #options: Options
  /** Refusals by the step of the clock in which they leave. */
  readonly #taken = new Map<number, number>()

  constructor(options: Options = { gridMs: LIMITS.refusalGridMs, perSlot: LIMITS.refusalsPerSlot }) {
    this.#options = options
  }

  /** How long to wait from `now` on, at least `delayMs` beyond the next step of the grid. Times in milliseconds of any one clock. */
  reserve({ receivedAt, delayMs, now }: { readonly receivedAt: number; readonly delayMs: number; readonly now: number }): number {
    const { gridMs, perSlot } = this.#options
    this.#forgetBefore(Math.floor(now / gridMs))
    let leavesAt = receivedAt + Math.ceil((now - receivedAt) / gridMs) * gridMs + delayMs
    let slot = Math.floor(leavesAt / gridMs)
    while ((this.#taken.get(slot) ?? 0) >= perSlot) {
      slot += 1
      leavesAt += gridMs
    }
    this.#taken.set(slot, (this.#taken.get(slot) ?? 0) + 1)
    return leavesAt - now
  }

  #forgetBefore(slot: number): void {
    for (const taken of this.#taken.keys()) if (taken < slot) this.#taken.delete(taken)
  }
}
