/**
 * Puts the gateway together and takes it apart again: store, certificates, sessions, listeners.
 * It serves as soon as the `ready` line is out, which is after every listener is bound.
 */

import type { LevelledLog, LogSink } from '../base/log.ts'
import type { Secret } from '../base/secret.ts'
import { openCertificates } from '../certs/certificates.ts'
import type { Config } from '../config/config.ts'
import type { LoginMailbox } from '../store/schema/login-record.ts'
import type { ImapServices } from './imap/imap-dialogue.ts'
import { ImapSession } from './imap/imap-session.ts'
import { openConfigured } from './lifecycle/configured.ts'
import { reloadConfig } from './lifecycle/reload.ts'
import { LIMITS, type Limits } from './limits.ts'
import type { Connection } from './listen/connection.ts'
import type { ListenFacts } from './listen/listener.ts'
import { openListeners } from './listen/listeners.ts'
import { openMonitoring } from './monitoring/monitoring.ts'
import { StoreHealth } from './monitoring/store-health.ts'
import { openProcessParts } from './process-parts.ts'
import { drain } from './sessions/drain.ts'
import type { LiveSessions } from './sessions/live-sessions.ts'
import type { SmtpServices } from './smtp/smtp-dialogue.ts'
import { SmtpSession } from './smtp/smtp-session.ts'

export interface Gateway {
  /** As bound now. */
  readonly listen: readonly ListenFacts[]
  /** `draining`: no new connections are taken, those that there are come to their end. */
  readonly phase: 'serving' | 'draining'
  /** SIGHUP: reads the configuration and its files again; bad ones are logged and the old ones stay: false. Never rejects. */
  reload(): Promise<boolean>
  /** Takes no more connections, lets every session go within the drain time, and closes everything. To be called once. */
  stop(): Promise<void>
}

/** What a service manager is told of this process. */
export interface ServiceManagerLink {
  ready(): void
  /** To be followed by `ready`, also when the reload was refused. */
  reloading(): void
  stopping(sessions: number, mayTakeMs: number): void
  /** Says that we are alive for as long as `isAlive` says so. */
  startWatchdog(isAlive: () => boolean): void
  /** Resolves when everything was told. */
  close(): Promise<void>
}

export interface GatewayOptions {
  readonly config: Config
  /** The environment, for the master key and for sockets that were opened for us. */
  readonly env: Readonly<Record<string, string | undefined>>
  readonly log: LevelledLog
  /** Where the ready line goes. */
  readonly out: LogSink
  /** What serves beside it, by name, for the ready line. */
  readonly companions?: Readonly<Record<string, unknown>> | undefined
  /** Other ones than `LIMITS`, for tests. */
  readonly limits?: Limits
  /** Undefined: nobody is told. */
  readonly serviceManager?: ServiceManagerLink | undefined
}

/** Throws what the parts throw: CONFIG_INVALID, KEY_…, STORE_…, CERTIFICATE_INVALID, LISTEN_FAILED. Then nothing is left open. */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  // How to close what was opened, in the order of opening.
  const closers: Closer[] = []
  try {
    return await openParts(options, closers)
  } catch (error) {
    await closeAll(closers)
    throw error
  }
}

type Closer = () => void | Promise<void>

/** A poll takes milliseconds; a store that is locked answers within its own patience of some seconds. */
const WATCHED_POLL_MS = 15_000
/** For what comes after the drain: last replies, the last batch, the database. */
const STOP_MARGIN_MS = 30_000

async function openParts({ config, env, log, out, companions, serviceManager: manager, limits = LIMITS }: GatewayOptions, closers: Closer[]): Promise<Gateway> {
  // What a reload replaces; everything below asks for it anew each time.
  const current = { configured: openConfigured(config) }
  const certificates = await openCertificates({ files: config.certificates, log })
  closers.push(() => certificates.close())
  const trusted = () => current.configured.trusted
  const parts = await openProcessParts({ config, env, log, limits, trusted }, close => closers.push(close))
  const {
    metrics,
    store,
    outageGrace,
    live,
    recorder,
    revocation,
    limiter,
    limiterSync,
    hasher,
    unauthenticated,
    ledger,
    migrationLogins,
    smtpServer,
    imapCapabilities,
    wrongProtocol,
  } = parts
  const { unchecked, ms } = store.integrity
  if (unchecked.length === 0) log.info('store.checked', { ms })
  else log.warn('store.checked', { ms, unchecked, advice: 'run `mailwicket check`, which looks at all of the store' })
  const common = {
    limits,
    store: outageGrace?.store ?? store,
    outageGrace,
    hasher,
    recorder,
    limiter,
    metrics,
    live,
    routeOf: (mailbox: LoginMailbox) => current.configured.routes.of(mailbox, store),
    migrationLogins,
    migrationRouteOf: (mailbox: LoginMailbox, secret: Secret) => current.configured.routes.migrationRouteOf(mailbox, secret),
    log,
  }
  const imap: ImapServices = {
    ...common,
    get config() {
      return current.configured.config
    },
    connect: (...call) => current.configured.connectImap(...call),
    capabilities: imapCapabilities,
  }
  const smtp: SmtpServices = {
    ...common,
    get config() {
      return current.configured.config
    },
    connect: (...call) => current.configured.connectSmtp(...call),
    smtpServer,
    ledger,
  }
  // Before the listeners, so that it is closed after them: who asks meanwhile hears that this node goes away.
  const monitoring = await openMonitoring(
    config.admin,
    metrics,
    { unauthenticated: () => unauthenticated.size, hasher, recorder, revocation, certificates, storeHealth: new StoreHealth(store, recorder, log) },
    log,
  )
  closers.push(
    () => monitoring.close(),
    () => limiterSync.stop(),
    () => recorder.stop(),
    () => endAll(live, limits.disconnectMs),
  )
  await limiterSync.start()
  const serve = {
    imap: (connection: Connection, msToLogin: number) => new ImapSession(imap, connection, log).run(msToLogin),
    submission: (connection: Connection, msToLogin: number) => new SmtpSession(smtp, connection, log).run(msToLogin),
  }
  const listeners = await openListeners({
    listen: config.listen,
    env,
    services: { certificates, log, metrics, unauthenticated, limiter, limits, wrongProtocol, serve },
  })
  closers.push(() => listeners.close())
  recorder.start()
  revocation.start()
  closers.push(() => revocation.stop())
  manager?.startWatchdog(() => revocation.silentMs < WATCHED_POLL_MS)
  closers.push(async () => manager?.close())
  monitoring.readiness.serving()
  const admin = monitoring.address
  // Not by the log: whoever waits for this line waits at every log level.
  out.write(
    `${JSON.stringify({ event: 'ready', level: 'info', time: new Date().toISOString(), listen: listeners.facts, admin, ...companions, hostname: config.hostname, node: store.node, pid: process.pid })}\n`,
  )
  manager?.ready()
  let phase: Gateway['phase'] = 'serving'
  // One after another: two at a time would each bind what the other does.
  let reloading: Promise<boolean> = Promise.resolve(false)
  let isReloadAsked = false
  return {
    get listen() {
      return listeners.facts
    },
    get phase() {
      return phase
    },
    reload: () => {
      // One that has not begun yet will read the newest file.
      if (isReloadAsked) return reloading
      isReloadAsked = true
      reloading = reloading.then(async () => {
        isReloadAsked = false
        if (phase !== 'serving') return false
        manager?.reloading()
        const isInForce = await reloadConfig({ current, certificates, listeners, smtpServer, imapCapabilities, log })
        manager?.ready()
        return isInForce
      })
      return reloading
    },
    stop: async () => {
      phase = 'draining'
      monitoring.readiness.draining()
      await reloading
      const drainMs = current.configured.config.drainSeconds * 1000
      listeners.close()
      log.info('stopping', { sessions: live.size, drainSeconds: drainMs / 1000 })
      manager?.stopping(live.size, drainMs + STOP_MARGIN_MS)
      await drain({ live, drainMs })
      const cut = live.size
      await closeAll(closers)
      log.info('stopped', { cut })
    },
  }
}

async function closeAll(closers: Closer[]): Promise<void> {
  for (const close of closers.reverse()) await close()
}

/** Says goodbye to every session. Last replies need a moment; who does not take his is destroyed by his own timer. */
async function endAll(live: LiveSessions, disconnectMs: number): Promise<void> {
  live.close()
  const giveUpAt = performance.now() + 2 * disconnectMs
  while (live.size > 0 && performance.now() < giveUpAt) await new Promise(resolve => setTimeout(resolve, 20))
}
