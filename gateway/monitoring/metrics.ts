/**
 * What the gateway counts, as methods in its own words. Nobody else sees prom-client; the metrics themselves stand in metrics-table.ts.
 *
 * Each gateway has a registry of its own. What others count already (queues, bytes of live sessions, certificates) is read when somebody
 * asks for the text, so a session costs nothing here while it lives.
 */
import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { Certificates } from '../../certs/certificates.ts'
import type { UpstreamConfig } from '../../config/config.ts'
import type { HashObserver, PasswordHasher } from '../../store/passwords/password-hash.ts'
import { UpstreamFailure } from '../../upstream/upstream-failure.ts'
import type { LiveSession } from '../sessions/live-sessions.ts'
import type { LoginResult } from '../sessions/login-result.ts'
import type { Recorder } from '../sessions/recorder.ts'
import type { Revocation } from '../sessions/revocation.ts'
import type { MetricFigures } from './aggregate-metrics.ts'
import { STORE_OPERATIONS, type StoreMeter, type StoreOperation, type StoreQuery } from './metered-store.ts'
import { type LabelsOf, METRICS, type MetricFacts, type MetricName } from './metrics-table.ts'
import { PortalMetrics } from './portal-metrics.ts'
import { addProcessMetrics } from './process-metrics.ts'
import { NOT_READY, type Readiness } from './readiness.ts'
import { type StoreHealth, WARNINGS } from './store-health.ts'

type Protocol = LiveSession['protocol']
const PROTOCOLS: readonly Protocol[] = ['imap', 'submission']
const DIRECTIONS = ['in', 'out'] as const

/** The limits that refuse or slow down: connections, attempts, sessions. */
export const LIMIT_KINDS = ['block', 'mailbox', 'connections-per-block', 'unauthenticated', 'sessions-per-device', 'sessions-per-mailbox'] as const
export type LimitKind = (typeof LIMIT_KINDS)[number]

/** `upstream`: the upstream did not take a whole message; `uncertain`: it did not say. The others: our rules. */
export const MESSAGE_REFUSALS = ['sender', 'recipient', 'message', 'upstream', 'uncertain'] as const
export type MessageRefusal = (typeof MESSAGE_REFUSALS)[number]

/** What is read when somebody asks for the text. */
export interface MetricSources {
  /** Connections that are not logged in. */
  readonly unauthenticated: () => number
  readonly hasher: Pick<PasswordHasher, 'waiting' | 'running'>
  readonly recorder: Pick<Recorder, 'pending'>
  readonly revocation: Pick<Revocation, 'ageMs'>
  readonly certificates: Pick<Certificates, 'list'>
  readonly readiness: Pick<Readiness, 'notReady'>
  readonly storeHealth: Pick<StoreHealth, 'warnings' | 'lastFailureAt' | 'space'>
}

export interface UpstreamLoginFacts {
  /** Its name in the configuration. */
  readonly upstream: string
  readonly protocol: Protocol
  /** Whose they are; `ours` unless told. */
  readonly credentials?: 'ours' | 'of-client'
}

export class Metrics implements HashObserver, StoreMeter {
  /** What the portal tells, where this process starts it. */
  readonly portal: PortalMetrics
  readonly #registry = new Registry()
  readonly #notReady = this.#gauge('mailwicket_not_ready')
  readonly #warnings = this.#gauge('mailwicket_warning')
  readonly #logins = this.#counter('mailwicket_logins_total')
  readonly #loginDuration = this.#histogram('mailwicket_login_duration_seconds')
  readonly #limited = this.#counter('mailwicket_limited_total')
  readonly #connections = this.#counter('mailwicket_connections_total')
  readonly #connectionsFailed = this.#counter('mailwicket_connections_failed_total')
  readonly #unauthenticated = this.#gauge('mailwicket_unauthenticated_connections')
  readonly #sessions = this.#gauge('mailwicket_sessions')
  readonly #sessionsEnded = this.#counter('mailwicket_sessions_ended_total')
  readonly #sessionBytes = this.#counter('mailwicket_session_bytes_total')
  readonly #messagesAccepted = this.#counter('mailwicket_messages_accepted_total')
  readonly #messagesRefused = this.#counter('mailwicket_messages_refused_total')
  readonly #upstreamLogin = this.#histogram('mailwicket_upstream_login_duration_seconds')
  readonly #upstreamFailures = this.#counter('mailwicket_upstream_failures_total')
  readonly #hashQueue = this.#gauge('mailwicket_hash_queue_length')
  readonly #hashesRunning = this.#gauge('mailwicket_hashes_running')
  readonly #hashDuration = this.#histogram('mailwicket_hash_duration_seconds')
  readonly #memoHits = this.#counter('mailwicket_hash_memo_hits_total')
  readonly #storeRead = this.#histogram('mailwicket_store_read_duration_seconds')
  readonly #storeWrite = this.#histogram('mailwicket_store_write_duration_seconds')
  readonly #storeFailures = this.#counter('mailwicket_store_failures_total')
  readonly #pendingRecords = this.#gauge('mailwicket_store_pending_notes')
  readonly #lastWriteFailure = this.#gauge('mailwicket_store_last_write_failure_timestamp_seconds')
  readonly #storeFree = this.#gauge('mailwicket_store_free_bytes')
  readonly #storeReserve = this.#gauge('mailwicket_store_reserve_bytes')
  readonly #generationAge = this.#gauge('mailwicket_generation_age_seconds')
  readonly #certificateDays = this.#gauge('mailwicket_certificate_days_left')
  readonly #open = new Set<LiveSession>()
  /** Bytes of sessions that are over, and how much of the whole the counter has. */
  readonly #finished = { imap: { in: 0, out: 0 }, submission: { in: 0, out: 0 } }
  readonly #counted = { imap: { in: 0, out: 0 }, submission: { in: 0, out: 0 } }
  readonly #whys = new LabelValues(64, /^[a-z][a-z-]{0,31}$/)
  readonly #upstreams = new LabelValues(1_000, /^/)
  #sources: MetricSources | undefined

  /** What is known from the start begins at 0: a counter that appears with its first event hides that event from `rate()`. */
  constructor(upstreams: readonly Pick<UpstreamConfig, 'name' | Protocol>[] = []) {
    for (const protocol of PROTOCOLS) {
      for (const result of ['ok', 'wrong-secret', 'unknown-address'] as const) this.#logins.inc({ protocol, result }, 0)
      for (const direction of DIRECTIONS) this.#sessionBytes.inc({ protocol, direction }, 0)
      for (const upstream of upstreams)
        if (upstream[protocol] !== undefined)
          for (const reason of ['refused-us', 'unreachable'] as const) this.#upstreamFailures.inc({ upstream: upstream.name, protocol, reason }, 0)
    }
    // What a supervisor knows; declared here, so that all processes have the same metrics.
    this.#gauge('mailwicket_process_serving')
    this.#counter('mailwicket_process_starts_total')
    this.portal = new PortalMetrics(this.#registry)
    for (const kind of LIMIT_KINDS) this.#limited.inc({ kind }, 0)
    for (const what of MESSAGE_REFUSALS) this.#messagesRefused.inc({ what }, 0)
    for (const operation of STORE_OPERATIONS) this.#storeFailures.inc({ operation }, 0)
  }

  /** From now on the text also has what these know. */
  watch(sources: MetricSources): void {
    this.#sources = sources
  }

  /** Also of the process: memory, CPU, open files, lag of the loop. It observes for as long as the process lives: once a process. */
  addProcess(): void {
    addProcessMetrics(this.#registry)
  }

  connectionAccepted(protocol: Protocol, listener: string): void {
    this.#connections.inc({ protocol, listener })
  }

  /** It ended before its protocol began. */
  connectionFailed(protocol: Protocol, listener: string): void {
    this.#connectionsFailed.inc({ protocol, listener })
  }

  /** A limit refused or slowed down. */
  limited(kind: LimitKind): void {
    this.#limited.inc({ kind })
  }

  loginEnded(login: { protocol: Protocol; outcome: 'ok' | 'refused' | 'failed'; result: LoginResult; seconds: number }): void {
    const { protocol, outcome, result, seconds } = login
    this.#logins.inc({ protocol, result })
    this.#loginDuration.observe({ protocol, outcome }, seconds)
  }

  /** Connects to an upstream by `connect`, and takes the time. Throws what it throws. */
  async timeUpstreamLogin<Upstream>(
    { upstream: name, protocol, credentials = 'ours' }: UpstreamLoginFacts,
    connect: () => Promise<Upstream>,
  ): Promise<Upstream> {
    const upstream = this.#upstreams.bounded(name)
    const startedAt = performance.now()
    try {
      const connected = await connect()
      this.#upstreamLogin.observe({ upstream, protocol }, secondsSince(startedAt))
      return connected
    } catch (error) {
      // A client that left meanwhile is no failure of the upstream, nor is its wrong password.
      const isWrongPassword = credentials === 'of-client' && error instanceof UpstreamFailure && error.reason === 'refused-us'
      if (error instanceof UpstreamFailure && !isWrongPassword) this.#upstreamFailures.inc({ upstream, protocol, reason: error.reason })
      throw error
    }
  }

  /** It is logged in; `sessionEnded` must follow. */
  sessionBegan(session: LiveSession): void {
    this.#open.add(session)
  }

  /** Of sessions that never began nothing is counted. */
  sessionEnded(session: LiveSession, why: string): void {
    if (!this.#open.delete(session)) return
    const { bytesIn, bytesOut } = session.countBytes()
    const finished = this.#finished[session.protocol]
    finished.in += bytesIn
    finished.out += bytesOut
    this.#sessionsEnded.inc({ protocol: session.protocol, why: this.#whys.bounded(why) })
  }

  messageAccepted(): void {
    this.#messagesAccepted.inc()
  }

  messageRefused(what: MessageRefusal): void {
    this.#messagesRefused.inc({ what })
  }

  hashed(seconds: number): void {
    this.#hashDuration.observe(seconds)
  }

  memoHit(): void {
    this.#memoHits.inc()
  }

  storeRead(query: StoreQuery, seconds: number): void {
    this.#storeRead.observe({ query }, seconds)
  }

  storeWritten(seconds: number): void {
    this.#storeWrite.observe(seconds)
  }

  storeFailed(operation: StoreOperation): void {
    this.#storeFailures.inc({ operation })
  }

  get contentType(): string {
    return this.#registry.contentType
  }

  /** All of it in the text format of Prometheus. */
  text(): Promise<string> {
    this.#look()
    return this.#registry.metrics()
  }

  /** All of it for another process, which joins it with that of others. */
  async figures(): Promise<readonly MetricFigures[]> {
    this.#look()
    return (await this.#registry.getMetricsAsJSON()) as unknown as readonly MetricFigures[]
  }

  #look(): void {
    this.#readSessions()
    if (this.#sources !== undefined) this.#readSources(this.#sources)
  }

  #readSessions(): void {
    const live = { imap: 0, submission: 0 }
    const bytes = { imap: { ...this.#finished.imap }, submission: { ...this.#finished.submission } }
    for (const session of this.#open) {
      const { bytesIn, bytesOut } = session.countBytes()
      live[session.protocol] += 1
      bytes[session.protocol].in += bytesIn
      bytes[session.protocol].out += bytesOut
    }
    for (const protocol of PROTOCOLS) {
      this.#sessions.set({ protocol }, live[protocol])
      for (const direction of DIRECTIONS) {
        this.#sessionBytes.inc({ protocol, direction }, bytes[protocol][direction] - this.#counted[protocol][direction])
        this.#counted[protocol][direction] = bytes[protocol][direction]
      }
    }
  }

  #readSources({ unauthenticated, hasher, recorder, revocation, certificates, readiness, storeHealth }: MetricSources): void {
    this.#unauthenticated.set(unauthenticated())
    this.#hashQueue.set(hasher.waiting)
    this.#hashesRunning.set(hasher.running)
    this.#pendingRecords.set(recorder.pending)
    this.#generationAge.set(revocation.ageMs / 1000)
    // A renewed certificate may have other names: the old ones must go.
    this.#certificateDays.reset()
    for (const { cert, names, daysLeft } of certificates.list()) this.#certificateDays.set({ cert, name: names[0] ?? '' }, daysLeft)
    const reasons = readiness.notReady()
    for (const reason of NOT_READY) this.#notReady.set({ reason }, reasons.includes(reason) ? 1 : 0)
    this.#readStore(storeHealth)
  }

  #readStore(health: MetricSources['storeHealth']): void {
    const warnings = health.warnings()
    for (const reason of WARNINGS) this.#warnings.set({ reason }, warnings.includes(reason) ? 1 : 0)
    this.#lastWriteFailure.set((health.lastFailureAt ?? 0) / 1000)
    const { space } = health
    if (space === undefined) for (const gauge of [this.#storeFree, this.#storeReserve]) gauge.remove()
    else {
      this.#storeFree.set(space.freeBytes)
      this.#storeReserve.set(space.reserveBytes)
    }
  }

  #counter<Name extends MetricName>(name: Name): Counter<LabelsOf<Name>> {
    return new Counter(this.#settings(name))
  }

  #gauge<Name extends MetricName>(name: Name): Gauge<LabelsOf<Name>> {
    return new Gauge(this.#settings(name))
  }

  #histogram<Name extends MetricName>(name: Name): Histogram<LabelsOf<Name>> {
    const { buckets = [] }: MetricFacts = METRICS[name]
    return new Histogram({ ...this.#settings(name), buckets: [...buckets] })
  }

  #settings<Name extends MetricName>(name: Name) {
    const { help, labels, aggregator = 'sum' }: MetricFacts = METRICS[name]
    return { name, help, aggregator, labelNames: labels as readonly LabelsOf<Name>[], registers: [this.#registry] }
  }
}

/** SECURITY: what becomes a label stays in memory for good: only so many values, only of this shape; the rest is `other`. */
class LabelValues {
  readonly #known = new Set<string>()
  readonly #max: number
  readonly #shape: RegExp

  constructor(max: number, shape: RegExp) {
    this.#max = max
    this.#shape = shape
  }

  bounded(value: string): string {
    if (this.#known.has(value)) return value
    if (this.#known.size >= this.#max || !this.#shape.test(value)) return 'other'
    this.#known.add(value)
    return value
  }
}

function secondsSince(startedAt: number): number {
  return (performance.now() - startedAt) / 1000
}
