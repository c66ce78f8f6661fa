/**
 * TLS handshakes take turns: so many a second, fewer while the loop has no time to spare; each costs a millisecond of the loop that serves
 * everybody. There is one gate for networks in which somebody is known and a narrower one for all others.
 *
 * Blocks take turns, so that one that opens a thousand connections a second waits for itself and not the others for it. Within a block the
 * newest goes first: the old ones are given up anyway (unauthenticated.ts), and an app that has just come still wants its answer.
 */
import type { Socket } from 'node:net'
import { LIMITS } from '../limits.ts'
import type { SpareTime } from './spare-time.ts'

/** Short, so that few handshakes come one behind the other. */
const TICK_MS = 10

interface Waiter {
  readonly answer: (isItsTurn: boolean) => void
  hasGone: boolean
}

/** The newest is the last; who has gone is passed over when his turn comes. */
interface Block {
  readonly waiters: Waiter[]
  present: number
}

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
  readonly #waiting = new Map<string, Block>()
  #timer: NodeJS.Timeout | undefined

  constructor(spare: Pick<SpareTime, 'share'>, { perSecond, atOnce }: Rate) {
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
      const onClose = () => this.#giveUp(block, waiter)
      const onLate = () => void client.destroy()
      const answer = (isItsTurn: boolean) => {
        client.off('close', onClose).off('timeout', onLate).setTimeout(0)
        resolve(isItsTurn)
      }
      const waiter: Waiter = { answer, hasGone: false }
      const ofBlock = this.#waiting.get(block) ?? { waiters: [], present: 0 }
      ofBlock.waiters.push(waiter)
      ofBlock.present += 1
      this.#waiting.set(block, ofBlock)
      client.once('close', onClose).once('timeout', onLate).setTimeout(LIMITS.tlsHandshakeMs)
    })
  }

  #giveUp(block: string, waiter: Waiter): void {
    waiter.hasGone = true
    this.#leave(block)
    waiter.answer(false)
  }

  /** Of those who wait in a block one is gone; a block of nobody has no turn. */
  #leave(block: string): void {
    const ofBlock = this.#waiting.get(block)
    if (ofBlock === undefined) return
    ofBlock.present -= 1
    if (ofBlock.present === 0) this.#waiting.delete(block)
  }

  #tick(): void {
    this.#left = Math.min(this.#left + this.#perTick * this.#spare.share(), this.#atOnce)
    while (this.#left >= 1) {
      const [next] = this.#waiting
      if (next === undefined) break
      const [block, ofBlock] = next
      // To the end of the row.
      this.#waiting.delete(block)
      this.#waiting.set(block, ofBlock)
      let newest = ofBlock.waiters.pop()
      while (newest?.hasGone === true) newest = ofBlock.waiters.pop()
      this.#leave(block)
      if (newest === undefined) continue
      this.#left -= 1
      newest.answer(true)
    }
    if (this.#waiting.size > 0 || this.#left < this.#atOnce) return
    clearInterval(this.#timer)
    this.#timer = undefined
  }
}
