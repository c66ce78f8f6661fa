/**
 * How many tries of this machine reach the upstreams at a time, in all and for one mailbox; the others wait their turn, and only so many wait.
 * Who leaves while waiting frees his place.
 */
import { UpstreamFailure } from '../../upstream/upstream-failure.ts'
import { MachineCounts } from '../machine/machine-counts.ts'

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
  readonly #running: MachineCounts
  readonly #name: string
  readonly #waiters = new Set<Waiter>()

  /** `running`: of all processes of this machine, where this gate counts under its name. */
  constructor(limits: GateLimits, name = '', running = new MachineCounts()) {
    this.#limits = limits
    this.#name = name
    this.#running = running
    running.onRoom(() => this.#admit())
  }

  /** Throws UpstreamFailure `busy` when too many wait, and whatever the signal carries when it is aborted before the turn came. */
  async run<Result>(mailbox: string, signal: AbortSignal, act: () => Promise<Result>): Promise<Result> {
    signal.throwIfAborted()
    if (this.#hasRoomFor(mailbox)) this.#count(mailbox, 1)
    else await this.#wait(mailbox, signal)
    try {
      return await act()
    } finally {
      this.#free(mailbox)
    }
  }

  #hasRoomFor(mailbox: string): boolean {
    return this.#running.count(this.#name) < this.#limits.atOnce && this.#running.count(this.#keyOf(mailbox)) < this.#limits.atOncePerMailbox
  }

  #free(mailbox: string): void {
    this.#count(mailbox, -1)
    this.#admit()
  }

  #count(mailbox: string, change: number): void {
    this.#running.add(this.#name, change)
    this.#running.add(this.#keyOf(mailbox), change)
  }

  #keyOf(mailbox: string): string {
    return `${this.#name} of ${mailbox}`
  }

  /** Lets in who has room now, in the order in which they came. */
  #admit(): void {
    for (const waiter of this.#waiters) {
      if (!this.#hasRoomFor(waiter.mailbox)) continue
      this.#waiters.delete(waiter)
      this.#count(waiter.mailbox, 1)
      waiter.enter()
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
