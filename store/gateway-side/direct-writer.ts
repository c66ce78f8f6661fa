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
import { ServerClock } from '../server-clock.ts'
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
  readonly #clock: ServerClock
  #pending = 0
  #isClosing = false

  private constructor(backend: Backend, node: NodeId, clock: ServerClock) {
    this.#backend = backend
    this.#records = new GatewayRecords(backend, node)
    this.#limits = new LimitRecords(backend)
    this.#clock = clock
  }

  /** Throws what opening throws. */
  static async start({ store, node }: { readonly store: StoreConfig; readonly node: NodeId }, now: () => number): Promise<DirectWriter> {
    const backend = await openBackend(store, 'write-records')
    try {
      await checkVersion(backend)
      const clock = await ServerClock.open(backend, now)
      await backend.db.transaction().execute(async db => {
        await forgetSessions(db, node)
        await forgetNodes(db, node, clock.now())
      })
      return new DirectWriter(backend, node, clock)
    } catch (error) {
      await backend.close()
      throw error
    }
  }

  record(batch: Batch): Promise<void> {
    const now = this.#clock.now()
    return this.#do(() => this.#records.record(shifted(batch, this.#clock.aheadMs), now))
  }

  /** By the clock of the server. */
  get now(): () => number {
    return this.#clock.now
  }

  recordFailures(failures: readonly FailureRecord[], recognisedNetworks: readonly RecognisedNetworkRecord[]): Promise<void> {
    const now = this.#clock.now()
    const { aheadMs } = this.#clock
    const counts = aheadMs === 0 ? failures : failures.map(count => ({ ...count, expiresAt: count.expiresAt + aheadMs }))
    return this.#do(() => this.#limits.record(counts, later(recognisedNetworks, aheadMs), now))
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

/** The times of a machine whose clock differs, as the server would have noted them. */
function shifted(batch: Batch, ms: number): Batch {
  if (ms === 0) return batch
  return {
    ...batch,
    connections: later(batch.connections, ms),
    activity: later(batch.activity, ms),
    sessions: batch.sessions.map(session => ({ ...session, since: session.since + ms })),
    sent: batch.sent === undefined ? undefined : later(batch.sent, ms),
  }
}

function later<Timed extends { readonly at: number }>(records: readonly Timed[], ms: number): readonly Timed[] {
  return ms === 0 ? records : records.map(record => ({ ...record, at: record.at + ms }))
}
