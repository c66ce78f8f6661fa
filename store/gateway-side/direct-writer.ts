/**
 * Writing where a query does not hold up the loop: in the gateway's own thread, over connections of its own.
 *
 * Invariant: what waits is bounded; every request ends, because every statement has its time.
 */
import { MailwicketError } from '../../base/errors.ts'
import type { DeviceId, NodeId } from '../../base/ids.ts'
import { type FailureRecord, LimitRecords, type RecognisedNetworkRecord } from '../limits/limit-records.ts'
import { openBackend, type StoreConfig } from '../open-backend.ts'
import type { Backend, Integrity } from '../schema/backend.ts'
import { checkVersion } from '../schema/migrations.ts'
import { GatewayRecords } from './gateway-records.ts'
import type { Batch, GatewayWriter } from './gateway-store.ts'
import { forgetNodes, forgetSessions } from './purge.ts'

/** As many as the writer with a thread has. */
const MAX_PENDING = 64

export class DirectWriter implements GatewayWriter {
  /** To look through its structure is the work of the database server. */
  readonly integrity: Integrity = { unchecked: [], ms: 0 }
  readonly #backend: Backend
  readonly #records: GatewayRecords
  readonly #limits: LimitRecords
  readonly #now: () => number
  #pending = 0
  #isClosing = false

  private constructor(backend: Backend, node: NodeId, now: () => number) {
    this.#backend = backend
    this.#records = new GatewayRecords(backend, node)
    this.#limits = new LimitRecords(backend)
    this.#now = now
  }

  /** Throws what opening throws. */
  static async start({ store, node }: { readonly store: StoreConfig; readonly node: NodeId }, now: () => number): Promise<DirectWriter> {
    const backend = await openBackend(store, 'write-records')
    try {
      await checkVersion(backend)
      await backend.db.transaction().execute(async db => {
        await forgetSessions(db, node)
        await forgetNodes(db, node, now())
      })
      return new DirectWriter(backend, node, now)
    } catch (error) {
      await backend.close()
      throw error
    }
  }

  record(batch: Batch): Promise<void> {
    return this.#do(() => this.#records.record(batch, this.#now()))
  }

  recordFailures(failures: readonly FailureRecord[], recognisedNetworks: readonly RecognisedNetworkRecord[]): Promise<void> {
    return this.#do(() => this.#limits.record(failures, recognisedNetworks, this.#now()))
  }

  setTag(device: DeviceId, tag: Uint8Array): Promise<void> {
    return this.#do(() => this.#records.setTag(device, tag))
  }

  /** Says good-bye in the store, also when it no longer answers. */
  async close(): Promise<void> {
    if (this.#isClosing) return
    this.#isClosing = true
    // A store that cannot be reached notices by our silence that we are gone.
    await this.#records.leave().catch(() => undefined)
    await this.#backend.close()
  }

  async #do(work: () => Promise<void>): Promise<void> {
    if (this.#isClosing || this.#pending >= MAX_PENDING) throw new MailwicketError('STORE_UNAVAILABLE', { message: 'the store does not keep up with writing' })
    this.#pending += 1
    await work().finally(() => (this.#pending -= 1))
  }
}
