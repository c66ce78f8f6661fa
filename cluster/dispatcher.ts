/**
 * Which worker gets which connection: in turn, and none that has not taken what it got before. The socket stays open here until its worker says
 * that it has it: what a worker did not take when it died goes to another.
 *
 * SECURITY: nothing is ever read from a connection here.
 */
import type { Socket } from 'node:net'
import type { Accepted } from '../gateway/listen/listener.ts'

export interface Handing {
  readonly socket: Socket
  readonly accepted: Accepted
}

/** A worker as the dispatcher sees it. */
export interface Receiver {
  hand(handing: Handing): void
}

export const DISPATCH_LIMITS = {
  /**
   * Connections that a worker may have been handed and not have taken: enough to keep it busy through one turn of its loop; what a worker that hangs
   * keeps from the others.
   */
  inFlight: 8,
  /** Connections that wait for a worker while none can take one. The kernel holds as many (`listenBacklog`). */
  waiting: 8_192,
} as const

export class Dispatcher {
  /** In the order in which they get their turn; each with what it has not taken yet. */
  readonly #inFlight = new Map<Receiver, Handing[]>()
  readonly #paused = new Set<Receiver>()
  readonly #waiting: Handing[] = []

  /** It takes connections from now on. */
  join(receiver: Receiver): void {
    this.#inFlight.set(receiver, [])
    this.#dispatch()
  }

  /** It gets no more; what it was handed before, it takes. */
  pause(receiver: Receiver): void {
    this.#paused.add(receiver)
  }

  /** It is gone; what it did not take goes to others. */
  leave(receiver: Receiver): void {
    const left = this.#inFlight.get(receiver) ?? []
    this.#inFlight.delete(receiver)
    this.#paused.delete(receiver)
    this.#waiting.unshift(...left)
    this.#dispatch()
  }

  connected(handing: Handing): void {
    // From here on a socket always has an error listener.
    handing.socket.on('error', ignore)
    if (this.#waiting.length >= DISPATCH_LIMITS.waiting) return void handing.socket.destroy()
    this.#waiting.push(handing)
    this.#dispatch()
  }

  /** It has the oldest of what it was handed. */
  taken(receiver: Receiver): void {
    this.#inFlight.get(receiver)?.shift()?.socket.destroy()
    this.#dispatch()
  }

  /** Nobody serves any more. */
  close(): void {
    for (const { socket } of [...this.#waiting.splice(0), ...[...this.#inFlight.values()].flat()]) socket.destroy()
    this.#inFlight.clear()
  }

  #dispatch(): void {
    while (this.#waiting.length > 0) {
      const next = this.#findNext()
      const handing = next && this.#waiting.shift()
      if (next === undefined || handing === undefined) return
      const [receiver, inFlight] = next
      inFlight.push(handing)
      // To the end of the row.
      this.#inFlight.delete(receiver)
      this.#inFlight.set(receiver, inFlight)
      receiver.hand(handing)
    }
  }

  /** Whoever has least to take; of several the one whose turn is next. */
  #findNext(): [Receiver, Handing[]] | undefined {
    let next: [Receiver, Handing[]] | undefined
    for (const one of this.#inFlight) {
      if (this.#paused.has(one[0])) continue
      if (one[1].length === 0) return one
      if (one[1].length < DISPATCH_LIMITS.inFlight && (next === undefined || one[1].length < next[1].length)) next = one
    }
    return next
  }
}

function ignore(): void {}
