/**
 * How the store is as far as writing goes: room on its disk, and batches that could not be written. It is told by the log, by /readyz and by the
 * metrics, and is no reason to refuse logins: those only read (docs/monitoring.md).
 */
import type { Log } from '../../base/log.ts'
import type { GatewayStore } from '../../store/gateway-side/gateway-store.ts'
import type { StoreSpace } from '../../store/schema/backend.ts'
import type { Recorder } from '../sessions/recorder.ts'

export const WARNINGS = ['store-unwritable', 'store-space-low'] as const
export type Warning = (typeof WARNINGS)[number]

/** A disk fills up in minutes; a look costs two questions to the file system. */
const LOOK_MS = 5_000

export class StoreHealth {
  readonly #store: Pick<GatewayStore, 'readSpace'>
  readonly #recorder: Pick<Recorder, 'isFailing' | 'lastFailureAt'>
  readonly #log: Log
  #timer: NodeJS.Timeout | undefined
  #space: StoreSpace | undefined

  constructor(store: Pick<GatewayStore, 'readSpace'>, recorder: Pick<Recorder, 'isFailing' | 'lastFailureAt'>, log: Log) {
    this.#store = store
    this.#recorder = recorder
    this.#log = log
  }

  /** Looks now, and from now on. */
  async start(): Promise<void> {
    await this.#look()
    this.#timer = setInterval(() => void this.#look(), LOOK_MS)
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  /** Undefined where the disk is another server's business, or cannot be looked at. */
  get space(): StoreSpace | undefined {
    return this.#space
  }

  /** Milliseconds since 1970; undefined: every batch of this process was written. */
  get lastFailureAt(): number | undefined {
    return this.#recorder.lastFailureAt
  }

  warnings(): Warning[] {
    const warnings: Warning[] = this.#recorder.isFailing ? ['store-unwritable'] : []
    if (this.#space?.isLow === true) warnings.push('store-space-low')
    return warnings
  }

  async #look(): Promise<void> {
    const wasLow = this.#space?.isLow === true
    // A disk that cannot even be asked fails the next batch too, and that is told.
    this.#space = await this.#store.readSpace?.().catch(() => undefined)
    if (this.#space?.isLow !== true || wasLow) return
    const { freeBytes, reserveBytes } = this.#space
    this.#log.warn('store.space-low', { freeBytes, reserveBytes, advice: 'make room on the disk of the store: when it is full, nothing is recorded any more' })
  }
}
