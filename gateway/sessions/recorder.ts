/**
 * Collects what the store should know of connections (last connection, activity, live sessions) and writes it in batches within a second.
 *
 * A login never waits for it. While the store is away, the newest record of each device is kept and old activity gives way first.
 */
import type { DeviceId, SessionId } from '../../base/ids.ts'
import type { Log } from '../../base/log.ts'
import {
  type ActivityRecord,
  type ConnectionRecord,
  type GatewayStore,
  mergeConnections,
  type NamedRecord,
  type SessionRow,
} from '../../store/gateway-side/gateway-store.ts'
import type { KeywordsRecord, SentRecord } from '../../store/sending/sending-rows.ts'
import { LIMITS } from '../limits.ts'
import type { LiveSession, LiveSessions } from './live-sessions.ts'

interface Sent {
  readonly record: SentRecord
  readonly onWritten: () => void
}

export class Recorder {
  readonly #store: GatewayStore
  readonly #live: LiveSessions
  readonly #log: Log
  #connections = new Map<DeviceId, ConnectionRecord>()
  #activity: ActivityRecord[] = []
  /** The logins of sessions whose app has not told its name yet. */
  readonly #nameless = new WeakMap<LiveSession, ActivityRecord>()
  #named: NamedRecord[] = []
  /** Sessions to write anew; a session that ends before its first batch is never written. */
  #changed = new Set<LiveSession>()
  #ended = new Set<SessionId>()
  #sent: Sent[] = []
  readonly #keywords = new Map<string, KeywordsRecord>()
  readonly #written = new Map<SessionId, number>()
  #timer: NodeJS.Timeout | undefined
  #flushing: Promise<void> | undefined
  #lastBatchAt = 0
  #lastRefreshAt = 0
  #failing = false
  #lastFailureAt: number | undefined

  constructor(store: GatewayStore, live: LiveSessions, log: Log) {
    this.#store = store
    this.#live = live
    this.#log = log
  }

  start(): void {
    this.#timer = setInterval(() => void this.#tick(), LIMITS.recordMs)
  }

  /** Writes what is left. */
  async stop(): Promise<void> {
    clearInterval(this.#timer)
    await this.#flushing
    await this.#flush()
  }

  /** `session` is what a login began: its app may tell its name later. */
  attempted(record: ActivityRecord, session?: LiveSession): void {
    if (this.#activity.length >= LIMITS.pendingActivity) this.#activity.splice(0, LIMITS.pendingActivity / 10)
    this.#activity.push(record)
    if (session !== undefined && record.app === null) this.#nameless.set(session, record)
  }

  connected(session: LiveSession, record: ConnectionRecord): void {
    this.#remember(record)
    this.#changed.add(session)
  }

  /** The app told its name after login. */
  named(session: LiveSession, record: ConnectionRecord & { readonly app: string }): void {
    this.#remember(record)
    if (this.#live.find(session.id) !== undefined) this.#changed.add(session)
    const login = this.#nameless.get(session)
    if (login === undefined) return
    this.#nameless.delete(session)
    const at = this.#activity.lastIndexOf(login)
    if (at >= 0) this.#activity[at] = { ...login, app: record.app }
    else if (this.#named.length < LIMITS.pendingActivity) this.#named.push({ ...login, app: record.app })
  }

  /** The latest of each device; what it did not tell stays as it was known. */
  #remember(record: ConnectionRecord): void {
    const waiting = this.#connections.get(record.device)
    this.#connections.set(record.device, waiting === undefined ? record : mergeConnections(waiting, record))
  }

  ended(session: LiveSession): void {
    this.#changed.delete(session)
    if (this.#written.delete(session.id) && this.#ended.size < LIMITS.pendingEnded) this.#ended.add(session.id)
  }

  /** A message was accepted for so many recipients; `onWritten` is called once the store counts them. */
  sent(record: SentRecord, onWritten: () => void): void {
    // Uncounted in the end, or a store that stays away would take all memory.
    if (this.#sent.length >= LIMITS.pendingSent) for (const { onWritten } of this.#sent.splice(0, LIMITS.pendingSent / 10)) onWritten()
    this.#sent.push({ record, onWritten })
  }

  learnt(record: KeywordsRecord): void {
    this.#keywords.set(record.upstream, record)
  }

  /** The last batch could not be written. */
  get isFailing(): boolean {
    return this.#failing
  }

  /** When the last batch that failed did so, milliseconds since 1970; undefined: none has. */
  get lastFailureAt(): number | undefined {
    return this.#lastFailureAt
  }

  /** Records that wait to be written. */
  get pending(): number {
    return this.#connections.size + this.#activity.length + this.#named.length + this.#changed.size + this.#ended.size + this.#sent.length + this.#keywords.size
  }

  async #tick(): Promise<void> {
    if (this.#flushing !== undefined) return
    // The monotonic clock: after the wall clock was set back, nobody would hear of us for as long as the step was wide.
    const now = performance.now()
    if (now - this.#lastRefreshAt >= LIMITS.sessionRefreshMs) {
      this.#lastRefreshAt = now
      this.#refresh()
    }
    if (this.pending === 0 && now - this.#lastBatchAt < LIMITS.heartbeatMs) return
    this.#flushing = this.#flush()
    await this.#flushing
    this.#flushing = undefined
  }

  /** Marks the sessions whose byte counts moved since they were written. */
  #refresh(): void {
    for (const session of this.#live.all()) {
      const written = this.#written.get(session.id)
      if (written === undefined) continue
      const { bytesIn, bytesOut } = session.countBytes()
      if (bytesIn + bytesOut !== written) this.#changed.add(session)
    }
  }

  async #flush(): Promise<void> {
    const connections = this.#connections
    const activity = this.#activity
    const named = this.#named
    const changed = this.#changed
    const ended = this.#ended
    this.#named = []
    this.#connections = new Map()
    this.#activity = []
    this.#changed = new Set()
    this.#ended = new Set()
    const sent = this.#sent
    this.#sent = []
    const keywords = [...this.#keywords.values()]
    const sessions = [...changed].flatMap(session => this.#rowOf(session))
    try {
      await this.#store.record({
        connections: [...connections.values()],
        activity,
        named,
        sessions,
        endedSessions: [...ended],
        sent: sent.map(({ record }) => record),
        keywords,
      })
      this.#lastBatchAt = performance.now()
      for (const { onWritten } of sent) onWritten()
      for (const record of keywords) if (this.#keywords.get(record.upstream) === record) this.#keywords.delete(record.upstream)
      if (this.#failing) this.#log.info('store.recovered')
      this.#failing = false
    } catch (error) {
      this.#lastFailureAt = Date.now()
      if (!this.#failing) this.#log.error('store.failed', { err: (error as Error).message, doing: 'recording connections' })
      this.#failing = true
      this.#keep(connections, activity, changed, ended)
      this.#named = [...named, ...this.#named].slice(-LIMITS.pendingActivity)
      this.#sent = [...sent, ...this.#sent]
    }
  }

  #rowOf(session: LiveSession): SessionRow[] {
    if (session.device === undefined) return []
    const { bytesIn, bytesOut } = session.countBytes()
    this.#written.set(session.id, bytesIn + bytesOut)
    const { id, protocol, ip, app, since } = session
    return [{ id, device: session.device.id, protocol, ip, app, since, bytesIn, bytesOut }]
  }

  /** Puts back what could not be written, behind what came since. */
  #keep(connections: Map<DeviceId, ConnectionRecord>, activity: readonly ActivityRecord[], changed: Set<LiveSession>, ended: Set<SessionId>): void {
    for (const record of connections.values()) this.#remember(record)
    this.#activity = [...activity, ...this.#activity].slice(-LIMITS.pendingActivity)
    for (const session of changed) if (this.#live.find(session.id) !== undefined) this.#changed.add(session)
    this.#ended = new Set([...ended, ...this.#ended].slice(0, LIMITS.pendingEnded))
  }
}
