/**
 * The time by the clock of the database server, for machines whose own clock is wrong: gateways and commands compare times that others wrote (who is alive, which
 * connection was the last), and one machine that is five minutes behind must not look dead to the others, nor write what nobody replaces.
 * Where the database is a file there is one clock, and where the two agree the machine's own is taken.
 */
import type { Backend } from './schema/backend.ts'

/** Machines that ask for the time (NTP) agree within milliseconds; and nobody minds so much. */
const AGREES_MS = 5_000
/** It is asked so often, and when this machine's clock was set. */
const ASK_AGAIN_MS = 60_000
const JUMP_MS = 2_000

export class ServerClock {
  readonly #backend: Backend
  readonly #now: () => number
  #aheadMs = 0
  #askedAt = Number.NEGATIVE_INFINITY
  /** Between the machine's clock and the one that only runs: what moves when somebody sets it. */
  #origin = 0

  private constructor(backend: Backend, now: () => number) {
    this.#backend = backend
    this.#now = now
  }

  /** Throws STORE_UNAVAILABLE. */
  static async open(backend: Backend, now: () => number): Promise<ServerClock> {
    const clock = new ServerClock(backend, now)
    await clock.#ask()
    return clock
  }

  /** What is added to the machine's time. */
  get aheadMs(): number {
    return this.#aheadMs
  }

  readonly now = (): number => {
    const hasJumped = Math.abs(Date.now() - performance.now() - this.#origin) > JUMP_MS
    // An answer that does not come changes nothing.
    if (hasJumped || performance.now() - this.#askedAt > ASK_AGAIN_MS) this.#ask().catch(() => {})
    return this.#now() + this.#aheadMs
  }

  async #ask(): Promise<void> {
    this.#askedAt = performance.now()
    this.#origin = Date.now() - performance.now()
    const aheadMs = (await this.#backend.readClockAheadMs?.()) ?? 0
    this.#aheadMs = Math.abs(aheadMs) < AGREES_MS ? 0 : aheadMs
  }
}
