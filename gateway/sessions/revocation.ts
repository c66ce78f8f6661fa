/**
 * Ends sessions that the store no longer supports: polls the store's generation, or hears of it where the database tells, and when it moved,
 * judges every live device again (architecture §7). One mechanism for every cause; an expiry, which moves nothing in the store, is looked for on every poll.
 */
import type { DeviceId } from '../../base/ids.ts'
import type { Log } from '../../base/log.ts'
import type { GatewayStore } from '../../store/gateway-side/gateway-store.ts'
import type { DeviceStatus } from '../../store/schema/login-record.ts'
import { LIMITS } from '../limits.ts'
import { judgeSession, type LiveSession, type LiveSessions } from './live-sessions.ts'

/** Bounds one query and the time it may hold the loop. */
const DEVICES_PER_QUERY = 500

interface Proved {
  readonly session: LiveSession
  readonly since: number
}

export class Revocation {
  readonly #store: GatewayStore
  readonly #live: LiveSessions
  readonly #log: Log
  readonly #onMoved: (generation: number) => Promise<void>
  #seen: number | undefined
  #timer: NodeJS.Timeout | undefined
  #failing = false
  #polledAt = performance.now()
  #answeredAt = performance.now()
  #polling = false
  /** Something was heard during a poll, which may have come too late for it. */
  #pollsAgain = false
  #listener: Promise<{ stop(): Promise<void> }> | undefined

  /** `onMoved` is told of each new generation, until it took it. */
  constructor(store: GatewayStore, live: LiveSessions, log: Log, onMoved: (generation: number) => Promise<void> = async () => {}) {
    this.#store = store
    this.#onMoved = onMoved
    this.#live = live
    this.#log = log
  }

  start(): void {
    this.#listener = this.#store.listen?.(() => void this.#poll())
    this.#schedule()
  }

  async stop(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    await (await this.#listener)?.stop()
  }

  #schedule(): void {
    this.#timer = setTimeout(() => void this.#poll(), this.#listener === undefined ? LIMITS.generationPollMs : LIMITS.generationLookMs)
  }

  /** Whether the last look at the store failed. */
  get isFailing(): boolean {
    return this.#failing
  }

  /** Since the last poll came back, also with an error: a store that is down is told of, one that never answers is not. */
  get silentMs(): number {
    return performance.now() - this.#answeredAt
  }

  /** Since the last look at the store that succeeded. */
  get ageMs(): number {
    return performance.now() - this.#polledAt
  }

  async #poll(): Promise<void> {
    if (this.#polling) {
      this.#pollsAgain = true
      return
    }
    this.#polling = true
    do {
      this.#pollsAgain = false
      await this.#look()
    } while (this.#pollsAgain)
    this.#polling = false
    if (this.#timer === undefined) return
    clearTimeout(this.#timer)
    this.#schedule()
  }

  async #look(): Promise<void> {
    try {
      const generation = await this.#store.readGeneration()
      if (generation !== this.#seen) {
        await this.#reconcile()
        await this.#onMoved(generation)
      }
      // Only now: a reconciliation that failed is tried again.
      this.#seen = generation
      this.#polledAt = performance.now()
      if (this.#failing) this.#log.info('store.recovered')
      this.#failing = false
    } catch (error) {
      if (!this.#failing) this.#log.error('store.failed', { err: (error as Error).message, doing: 'reading the generation' })
      this.#failing = true
    }
    this.#answeredAt = performance.now()
    this.#endExpired()
  }

  async #reconcile(): Promise<void> {
    const proved = this.#provedByDevice()
    const devices = [...proved.keys()]
    for (let i = 0; i < devices.length; i += DEVICES_PER_QUERY) {
      const part = devices.slice(i, i + DEVICES_PER_QUERY)
      const statuses = await this.#store.findDeviceStatuses(part)
      const now = Date.now()
      for (const id of part) for (const { session, since } of proved.get(id) ?? []) this.#judge(session, since, statuses.get(id), now)
    }
    for (const id of await this.#store.findKickedSessions()) {
      const session = this.#live.find(id)
      if (session !== undefined) this.#end(session, 'kicked')
    }
  }

  /** The sessions to judge, by device, each with the beginning of its login. */
  #provedByDevice(): Map<DeviceId, Proved[]> {
    const proved = new Map<DeviceId, Proved[]>()
    for (const session of this.#live.all()) {
      const id = session.device?.id
      if (id === undefined) continue
      const known = proved.get(id)
      if (known === undefined) proved.set(id, [{ session, since: session.since }])
      else known.push({ session, since: session.since })
    }
    return proved
  }

  /** A login that began after the store was asked knows newer terms than its answer, and compares the generation itself. */
  #judge(session: LiveSession, since: number, status: DeviceStatus | undefined, now: number): void {
    if (session.device === undefined || session.since !== since || this.#live.find(session.id) === undefined) return
    const why = judgeSession(session, status, now)
    if (why !== undefined) this.#end(session, why)
    // From now on an expiry is looked for in the terms that hold now.
    else session.device = status
  }

  #endExpired(): void {
    const now = Date.now()
    for (const session of this.#live.all()) {
      const expiresAt = session.device?.expiresAt ?? null
      if (expiresAt !== null && expiresAt <= now) this.#end(session, 'expired')
    }
  }

  #end(session: LiveSession, why: Parameters<LiveSession['end']>[0]): void {
    this.#log.info('sessions.ended', { cid: session.id, device: session.device?.id, why })
    session.end(why)
  }
}
