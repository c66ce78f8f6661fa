/**
 * TLS handshakes of strangers, so many a second: each costs a millisecond of the loop that serves everybody. Blocks in which somebody is known pass at once.
 *
 * The newest goes first: under a flood the old ones are given up anyway (unauthenticated.ts), and an app that has just come still wants its answer.
 */
import { LIMITS } from '../limits.ts'

const TICK_MS = 50

export class HandshakeGate {
  readonly #perTick: number
  readonly #atOnce: number
  #left: number
  #waiting: (() => void)[] = []
  #timer: NodeJS.Timeout | undefined

  constructor(
    { perSecond, atOnce }: { readonly perSecond: number; readonly atOnce: number } = {
      perSecond: LIMITS.strangerHandshakesPerSecond,
      atOnce: LIMITS.strangerHandshakesAtOnce,
    },
  ) {
    this.#perTick = Math.ceil((perSecond * TICK_MS) / 1000)
    this.#atOnce = atOnce
    this.#left = atOnce
  }

  /** Resolves when it is this one's turn; `signal` gives the wait up. */
  async pass(signal: AbortSignal): Promise<void> {
    this.#timer ??= setInterval(() => this.#tick(), TICK_MS).unref()
    if (this.#left > 0) {
      this.#left -= 1
      return
    }
    if (signal.aborted) return
    await new Promise<void>(resolve => {
      this.#waiting.push(resolve)
      signal.addEventListener('abort', () => this.#giveUp(resolve), { once: true })
    })
  }

  #giveUp(resolve: () => void): void {
    const at = this.#waiting.indexOf(resolve)
    if (at >= 0) this.#waiting.splice(at, 1)
    resolve()
  }

  #tick(): void {
    this.#left = Math.min(this.#left + this.#perTick, this.#atOnce)
    while (this.#left > 0 && this.#waiting.length > 0) {
      this.#left -= 1
      this.#waiting.pop()?.()
    }
    if (this.#waiting.length > 0 || this.#left < this.#atOnce) return
    clearInterval(this.#timer)
    this.#timer = undefined
  }
}
