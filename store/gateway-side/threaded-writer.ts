/**
 * Writing without blocking: owns the store's worker thread, hands it requests and starts another one when it dies.
 *
 * Invariant: every request ends, with its answer or with STORE_UNAVAILABLE, whatever happens to the thread or the disk.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { type ErrorCode, MailwicketError } from '../../base/errors.ts'
import type { DeviceId, NodeId } from '../../base/ids.ts'
import type { FailureRecord, RecognisedNetworkRecord } from '../limits/limit-records.ts'
import type { StoreConfig } from '../open-backend.ts'
import type { Integrity } from '../schema/backend.ts'
import type { Batch, GatewayWriter } from './gateway-store.ts'

export interface WorkerData {
  readonly store: StoreConfig
  readonly node: NodeId
  /** When the thread was started, milliseconds since 1970, UTC. */
  readonly now: number
  /** Whether the first thread looks whether the store is whole. */
  readonly checksIntegrity: boolean
  /** Whether it is the first thread of this process. */
  readonly isFirst: boolean
}

type Work =
  | { readonly verb: 'record'; readonly batch: Batch; readonly now: number }
  | {
      readonly verb: 'failures'
      readonly failures: readonly FailureRecord[]
      readonly recognisedNetworks: readonly RecognisedNetworkRecord[]
      readonly now: number
    }
  | { readonly verb: 'tag'; readonly device: DeviceId; readonly tag: Uint8Array }
  /** The last one: the thread closes the database. */
  | { readonly verb: 'leave' }

export type WorkerRequest = Work & { readonly id: number }

export interface WorkerAnswer {
  /** Of the request; 0: the database is open, or could not be opened. */
  readonly id: number
  readonly failure: { readonly code: ErrorCode; readonly message: string; readonly remedy: string | undefined } | undefined
  /** What the first thread saw when it opened the database. */
  readonly integrity?: Integrity
}

interface Pending {
  readonly resolve: () => void
  readonly reject: (error: MailwicketError) => void
  readonly deadline: NodeJS.Timeout
}

/** More than the database's own wait for a lock: whoever waits longer than this has a disk that hangs. */
const ANSWER_TIMEOUT_MS = 15_000
/** Opening looks through the store (`Backend.checkIntegrity`), on a cold disk several times as long as planned. */
const OPEN_TIMEOUT_MS = 60_000
/** A batch a second: this many waiting are a quarter of a minute that nothing was written. */
const MAX_PENDING = 64
/** A thread that dies at once again is not started in a tight loop. */
const RESTART_DELAY_MS = 500
/** `.ts` in a checkout, `.js` once built: the worker's file has the ending of this one. */
const WORKER_URL = new URL(`./writer-thread${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url)

type StartData = Omit<WorkerData, 'now' | 'isFirst'>

export class ThreadedWriter implements GatewayWriter {
  readonly #data: StartData
  readonly #now: () => number
  readonly #pending = new Map<number, Pending>()
  #worker: Worker | undefined
  #lastId = 0
  #isClosing = false
  #integrity: Integrity = { unchecked: [], ms: 0 }

  private constructor(data: StartData, now: () => number) {
    this.#data = data
    this.#now = now
  }

  /** Starts the thread and waits until it has opened the database. Throws what opening threw. */
  static async start(data: StartData, now: () => number): Promise<ThreadedWriter> {
    const writer = new ThreadedWriter(data, now)
    await writer.#startWorker(true)
    return writer
  }

  /** What the look at the store found when it was opened. */
  get integrity(): Integrity {
    return this.#integrity
  }

  async record(batch: Batch): Promise<void> {
    await this.#ask({ verb: 'record', batch, now: this.#now() })
  }

  async recordFailures(failures: readonly FailureRecord[], recognisedNetworks: readonly RecognisedNetworkRecord[]): Promise<void> {
    await this.#ask({ verb: 'failures', failures, recognisedNetworks, now: this.#now() })
  }

  async setTag(device: DeviceId, tag: Uint8Array): Promise<void> {
    await this.#ask({ verb: 'tag', device, tag })
  }

  /** Says good-bye in the store, closes it and ends the thread, also when the store no longer answers. */
  async close(): Promise<void> {
    if (this.#isClosing) return
    this.#isClosing = true
    // A store that cannot be reached notices by our silence that we are gone.
    await this.#ask({ verb: 'leave' }).catch(() => undefined)
    await this.#worker?.terminate()
    this.#worker = undefined
  }

  /** For tests: ends the thread as a crash would. */
  async crash(): Promise<void> {
    await this.#worker?.terminate()
  }

  #ask(work: Work): Promise<void> {
    const worker = this.#worker
    if (worker === undefined) return Promise.reject(unavailable('the store’s worker thread is being restarted'))
    if (this.#pending.size >= MAX_PENDING) return Promise.reject(unavailable('the store does not keep up with writing'))
    const id = ++this.#lastId
    const answered = this.#expect(id)
    worker.postMessage({ ...work, id } satisfies WorkerRequest)
    return answered
  }

  #expect(id: number, timeoutMs = ANSWER_TIMEOUT_MS): Promise<void> {
    return new Promise((resolve, reject) => {
      const deadline = setTimeout(() => this.#settle(id, unavailable('the store did not answer in time')), timeoutMs)
      this.#pending.set(id, { resolve, reject, deadline })
    })
  }

  #settle(id: number, error: MailwicketError | undefined): void {
    const pending = this.#pending.get(id)
    if (pending === undefined) return
    this.#pending.delete(id)
    clearTimeout(pending.deadline)
    if (error === undefined) pending.resolve()
    else pending.reject(error)
  }

  async #startWorker(isFirst: boolean): Promise<void> {
    const worker = new Worker(WORKER_URL, { workerData: { ...this.#data, now: this.#now(), isFirst } satisfies WorkerData, name: 'mailwicket-store' })
    let crash: unknown
    worker.on('message', ({ id, failure, integrity }: WorkerAnswer) => {
      if (integrity !== undefined) this.#integrity = integrity
      this.#settle(
        id,
        failure && new MailwicketError(failure.code, { message: failure.message, ...(failure.remedy === undefined ? {} : { remedy: failure.remedy }) }),
      )
    })
    worker.on('error', error => {
      crash = error
    })
    worker.on('exit', () => this.#workerEnded(worker, crash))
    await this.#expect(0, OPEN_TIMEOUT_MS)
    this.#worker = worker
  }

  #workerEnded(worker: Worker, cause: unknown): void {
    for (const id of [...this.#pending.keys()]) this.#settle(id, unavailable('the store’s worker thread ended', cause))
    if (this.#worker !== worker) return
    this.#worker = undefined
    if (!this.#isClosing) void this.#restart()
  }

  async #restart(): Promise<void> {
    while (!this.#isClosing) {
      try {
        await this.#startWorker(false)
        return
      } catch {
        // Whoever writes meanwhile is told; here is nothing to do but to try again.
        await wait(RESTART_DELAY_MS, undefined, { ref: false })
      }
    }
  }
}

function unavailable(message: string, cause?: unknown): MailwicketError {
  return new MailwicketError('STORE_UNAVAILABLE', { message, cause })
}
