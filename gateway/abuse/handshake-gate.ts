/**
 * TLS handshakes from unknown networks, so many a second, fewer while the loop has no time to spare: each costs a millisecond of the loop that serves everybody. Networks that are recognised
 * do not come here.
 *
 * Blocks take turns, so that one that opens a thousand connections a second waits for itself and not the others for it. Within a block the
 * newest goes first: the old ones are given up anyway (unauthenticated.ts), and an app that has just come still wants its answer.
 */
import type { Socket } from 'node:net'
import { LIMITS } from '../limits.ts'
import type { SpareTime } from './spare-time.ts'

/** Short, so that few handshakes come one behind the other. */
const TICK_MS = 10

type Answer = (isItsTurn: boolean) => void

/** The connection that waits; nobody reads it yet. */
export type WaitingClient = Pick<Socket, 'destroyed' | 'once' | 'off' | 'setTimeout' | 'destroy'>

interface Rate {
  readonly perSecond: number
  readonly atOnce: number
}

export class HandshakeGate {
  readonly #perTick: number
  readonly #atOnce: number
  readonly #spare: Pick<SpareTime, 'share'>
  #left: number
  /** Who waits, by block; the block whose turn is next comes first. */
  readonly #waiting = new Map<string, Answer[]>()
  #timer: NodeJS.Timeout | undefined

  constructor(
    spare: Pick<SpareTime, 'share'>,
    { perSecond, atOnce }: Rate = { perSecond: LIMITS.unknownHandshakesPerSecond, atOnce: LIMITS.unknownHandshakesAtOnce },
  ) {
    this.#spare = spare
    this.#perTick = (perSecond * TICK_MS) / 1000
    this.#atOnce = atOnce
    this.#left = atOnce
  }

  /** Waits for a turn of `block`, not longer than a handshake may take; `false` when the client has gone, or was let go of, meanwhile. */
  async pass(block: string, client: WaitingClient): Promise<boolean> {
    if (client.destroyed) return false
    this.#timer ??= setInterval(() => this.#tick(), TICK_MS).unref()
    if (this.#left >= 1 && this.#waiting.size === 0) {
      this.#left -= 1
      return true
    }
    return new Promise<boolean>(resolve => {
      const onClose = () => this.#giveUp(block, answer)
      const onLate = () => void client.destroy()
      const answer: Answer = isItsTurn => {
        client.off('close', onClose).off('timeout', onLate).setTimeout(0)
        resolve(isItsTurn)
      }
      const ofBlock = this.#waiting.get(block)
      if (ofBlock === undefined) this.#waiting.set(block, [answer])
      else ofBlock.push(answer)
      client.once('close', onClose).once('timeout', onLate).setTimeout(LIMITS.tlsHandshakeMs)
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
    this.#left = Math.min(this.#left + this.#perTick * this.#spare.share(), this.#atOnce)
    while (this.#left >= 1) {
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
