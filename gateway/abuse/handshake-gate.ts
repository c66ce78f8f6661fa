/**
 * TLS handshakes of strangers, so many a second: each costs a millisecond of the loop that serves everybody. Blocks in which somebody is known
 * do not come here.
 *
 * Blocks take turns, so that one that opens a thousand connections a second waits for itself and not the others for it. Within a block the
 * newest goes first: the old ones are given up anyway (unauthenticated.ts), and an app that has just come still wants its answer.
 */
import { LIMITS } from '../limits.ts'

const TICK_MS = 50

type Answer = (isItsTurn: boolean) => void

interface Rate {
  readonly perSecond: number
  readonly atOnce: number
}

export class HandshakeGate {
  readonly #perTick: number
  readonly #atOnce: number
  #left: number
  /** Who waits, by block; the block whose turn is next comes first. */
  readonly #waiting = new Map<string, Answer[]>()
  #timer: NodeJS.Timeout | undefined

  constructor({ perSecond, atOnce }: Rate = { perSecond: LIMITS.strangerHandshakesPerSecond, atOnce: LIMITS.strangerHandshakesAtOnce }) {
    this.#perTick = Math.ceil((perSecond * TICK_MS) / 1000)
    this.#atOnce = atOnce
    this.#left = atOnce
  }

  /** Waits for a turn of `block`; `false` when `signal` gave the wait up. */
  async pass(block: string, signal: AbortSignal): Promise<boolean> {
    if (signal.aborted) return false
    this.#timer ??= setInterval(() => this.#tick(), TICK_MS).unref()
    if (this.#left > 0) {
      this.#left -= 1
      return true
    }
    return new Promise<boolean>(resolve => {
      const onAbort = () => this.#giveUp(block, answer)
      const answer: Answer = isItsTurn => {
        signal.removeEventListener('abort', onAbort)
        resolve(isItsTurn)
      }
      const ofBlock = this.#waiting.get(block)
      if (ofBlock === undefined) this.#waiting.set(block, [answer])
      else ofBlock.push(answer)
      signal.addEventListener('abort', onAbort, { once: true })
    })
  }

  #giveUp(block: string, answer: Answer): void {
    const ofBlock = this.#waiting.get(block)
    const at = ofBlock?.indexOf(answer) ?? -1
    if (at >= 0) ofBlock?.splice(at, 1)
    if (ofBlock?.length === 0) this.#waiting.delete(block)
    answer(false)
  }

  #tick(): void {
    this.#left = Math.min(this.#left + this.#perTick, this.#atOnce)
    while (this.#left > 0) {
      const [next] = this.#waiting
      if (next === undefined) break
      this.#left -= 1
      const [block, ofBlock] = next
      const answer = ofBlock.pop()
      this.#waiting.delete(block)
      // To the end of the row.
      if (ofBlock.length > 0) this.#waiting.set(block, ofBlock)
      answer?.(true)
    }
    if (this.#waiting.size > 0 || this.#left < this.#atOnce) return
    clearInterval(this.#timer)
    this.#timer = undefined
  }
}
