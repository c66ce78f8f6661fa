/**
 * How many tries reach the upstreams at a time, in all and for one mailbox; the others wait their turn, and only so many wait.
 * Who leaves while waiting frees his place.
 */
import { UpstreamFailure } from '../../upstream/upstream-failure.ts'

export interface GateLimits {
  readonly atOnce: number
  readonly atOncePerMailbox: number
  readonly waiting: number
  readonly waitingPerMailbox: number
}

interface Waiter {
  readonly mailbox: string
  readonly enter: () => void
}

export class MigrationGate {
  readonly #limits: GateLimits
  readonly #running = new Map<string, number>()
  #runningInAll = 0
  readonly #waiters = new Set<Waiter>()

  constructor(limits: GateLimits) {
    this.#limits = limits
  }

  /** Throws UpstreamFailure `busy` when too many wait, and whatever the signal carries when it is aborted before the turn came. */
  async run<Result>(mailbox: string, signal: AbortSignal, act: () => Promise<Result>): Promise<Result> {
    signal.throwIfAborted()
    if (this.#hasRoomFor(mailbox)) this.#take(mailbox)
    else await this.#wait(mailbox, signal)
    try {
      return await act()
    } finally {
      this.#free(mailbox)
    }
  }

  #hasRoomFor(mailbox: string): boolean {
    return this.#runningInAll < this.#limits.atOnce && (this.#running.get(mailbox) ?? 0) < this.#limits.atOncePerMailbox
  }

  #take(mailbox: string): void {
    this.#runningInAll += 1
    this.#running.set(mailbox, (this.#running.get(mailbox) ?? 0) + 1)
  }

  #free(mailbox: string): void {
    this.#runningInAll -= 1
    const left = (this.#running.get(mailbox) ?? 1) - 1
    if (left === 0) this.#running.delete(mailbox)
    else this.#running.set(mailbox, left)
    for (const waiter of this.#waiters) {
      if (!this.#hasRoomFor(waiter.mailbox)) continue
      this.#waiters.delete(waiter)
      this.#take(waiter.mailbox)
      waiter.enter()
      return
    }
  }

  #wait(mailbox: string, signal: AbortSignal): Promise<void> {
    let ofMailbox = 0
    for (const waiter of this.#waiters) if (waiter.mailbox === mailbox) ofMailbox += 1
    if (this.#waiters.size >= this.#limits.waiting || ofMailbox >= this.#limits.waitingPerMailbox)
      throw new UpstreamFailure('busy', 'too many logins with migration passwords wait for the upstream')
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        this.#waiters.delete(waiter)
        reject(signal.reason as Error)
      }
      const waiter: Waiter = {
        mailbox,
        enter: () => {
          signal.removeEventListener('abort', onAbort)
          resolve()
        },
      }
      this.#waiters.add(waiter)
      signal.addEventListener('abort', onAbort, { once: true })
    })
  }
}
