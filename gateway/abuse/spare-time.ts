/**
 * How much of their allowance unknown networks and refusals get now: all of it while the loop has time to spare, a quarter of it while it has none.
 * So a flood takes what nobody else needs, and a node that is busy with its users still lets new ones in.
 */
import { performance } from 'node:perf_hooks'

/** Above it a login waits noticeably for its turn. */
const BUSY = 0.6
const LEAST_SHARE = 0.25
const LOOK_MS = 100

/** Milliseconds since the start in which the loop worked, and in which it waited. */
export type ReadUtilization = () => { readonly active: number; readonly idle: number }

export class SpareTime {
  readonly #read: ReadUtilization
  #seen: ReturnType<ReadUtilization>
  #share = 1

  constructor(read: ReadUtilization = () => performance.eventLoopUtilization()) {
    this.#read = read
    this.#seen = read()
  }

  /** From `LEAST_SHARE` to 1. Looks at most ten times a second: it halves at once and comes back within a second. */
  share(): number {
    const now = this.#read()
    const active = now.active - this.#seen.active
    const passed = active + now.idle - this.#seen.idle
    if (passed < LOOK_MS) return this.#share
    this.#seen = now
    const looks = passed / LOOK_MS
    this.#share = active / passed > BUSY ? Math.max(LEAST_SHARE, this.#share / 2 ** looks) : Math.min(1, this.#share + 0.1 * looks)
    return this.#share
  }
}
