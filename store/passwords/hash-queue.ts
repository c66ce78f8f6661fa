/**
 * Whose hash is computed next: so many at once, so many wait, and who waits may leave.
 *
 * Any secret must be tried against an imported hash that has no tag yet, so guesses can ask for these without end. They have a queue of their
 * own, which takes one place at a time and never two in a row while others wait; in it mailboxes take turns, each with a few who wait.
 */
import { MailwicketError } from '../../base/errors.ts'

/** Six devices of a person at once, each with two connections. */
const MAX_WAITING_OF_MAILBOX = 12

export interface HashTurn {
  /** The mailbox, where any secret is tried against this hash; undefined: the secret fits the hash's tag. */
  readonly untaggedOf?: string | undefined
  /** Whoever waits rejects with its reason. */
  readonly signal?: AbortSignal | undefined
}

type Start = () => void

export class HashQueue {
  readonly #atOnce: number
  readonly #maxWaiting: number
  readonly #fitting = new Set<Start>()
  /** By mailbox; the one whose turn is next comes first. */
  readonly #untagged = new Map<string, Set<Start>>()
  #untaggedWaiting = 0
  #running = 0
  #isUntaggedRunning = false
  #wasUntagged = false

  constructor(atOnce: number, maxWaiting: number) {
    this.#atOnce = atOnce
    this.#maxWaiting = maxWaiting
  }

  get running(): number {
    return this.#running
  }

  get waiting(): number {
    return this.#fitting.size + this.#untaggedWaiting
  }

  /** Whether the next one whose tag fits would be refused. */
  get isFull(): boolean {
    return this.#running >= this.#atOnce && this.#fitting.size >= this.#maxWaiting
  }

  /** Throws HASH_QUEUE_FULL, and what the signal carries when it is aborted before the turn came. */
  async run<Result>({ untaggedOf, signal }: HashTurn, compute: () => Promise<Result>): Promise<Result> {
    signal?.throwIfAborted()
    const mayStart = this.#running < this.#atOnce && (untaggedOf === undefined || !this.#isUntaggedRunning)
    if (mayStart) this.#take(untaggedOf)
    else await this.#wait(untaggedOf, signal)
    try {
      return await compute()
    } finally {
      this.#running -= 1
      if (untaggedOf !== undefined) this.#isUntaggedRunning = false
      this.#startNext()
    }
  }

  #take(untaggedOf: string | undefined): void {
    this.#running += 1
    this.#wasUntagged = untaggedOf !== undefined
    this.#isUntaggedRunning ||= this.#wasUntagged
  }

  #wait(untaggedOf: string | undefined, signal: AbortSignal | undefined): Promise<void> {
    const row = untaggedOf === undefined ? this.#fitting : (this.#untagged.get(untaggedOf) ?? new Set<Start>())
    const isFull = untaggedOf === undefined ? row.size >= this.#maxWaiting : row.size >= MAX_WAITING_OF_MAILBOX || this.#untaggedWaiting >= this.#maxWaiting
    if (isFull) throw new MailwicketError('HASH_QUEUE_FULL')
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        this.#remove(row, untaggedOf, start)
        reject(signal?.reason as Error)
      }
      const start = () => {
        signal?.removeEventListener('abort', onAbort)
        this.#remove(row, untaggedOf, start)
        // Here, so that nobody takes the place in between.
        this.#take(untaggedOf)
        resolve()
      }
      row.add(start)
      if (untaggedOf !== undefined) {
        this.#untagged.set(untaggedOf, row)
        this.#untaggedWaiting += 1
      }
      signal?.addEventListener('abort', onAbort, { once: true })
    })
  }

  #remove(row: Set<Start>, untaggedOf: string | undefined, start: Start): void {
    row.delete(start)
    if (untaggedOf === undefined) return
    this.#untaggedWaiting -= 1
    // To the end of the mailboxes, if anybody is left.
    this.#untagged.delete(untaggedOf)
    if (row.size > 0) this.#untagged.set(untaggedOf, row)
  }

  #startNext(): void {
    if (this.#running >= this.#atOnce) return
    const [fitting] = this.#fitting
    const [[untagged] = []] = this.#isUntaggedRunning ? [] : this.#untagged.values()
    const next = untagged !== undefined && (fitting === undefined || !this.#wasUntagged) ? untagged : fitting
    next?.()
  }
}
