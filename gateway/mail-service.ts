/**
 * What serves mail in one process: store, certificates, limits, sessions. Connections are given to it, whoever accepts them: the listeners of this
 * process (gateway.ts), or a supervisor that hands them to its workers (cluster/).
 */
import type { Socket } from 'node:net'
import type { LevelledLog } from '../base/log.ts'
import type { Secret } from '../base/secret.ts'
import { type Certificates, openCertificates } from '../certs/certificates.ts'
import type { Config } from '../config/config.ts'
import type { LoginMailbox } from '../store/schema/login-record.ts'
import type { ImapServices } from './imap/imap-dialogue.ts'
import { ImapSession } from './imap/imap-session.ts'
import { openConfigured } from './lifecycle/configured.ts'
import { prepareReload } from './lifecycle/prepare-reload.ts'
import { LIMITS, type Limits } from './limits.ts'
import type { Connection } from './listen/connection.ts'
import type { Accepted } from './listen/listener.ts'
import { serveConnection } from './listen/serve-connection.ts'
import type { Machine } from './machine/machine.ts'
import type { Metrics } from './monitoring/metrics.ts'
import { type Health, Readiness } from './monitoring/readiness.ts'
import { StoreHealth } from './monitoring/store-health.ts'
import { type NodeOptions, openProcessParts } from './process-parts.ts'
import { drain } from './sessions/drain.ts'
import type { LiveSessions } from './sessions/live-sessions.ts'
import type { SmtpServices } from './smtp/smtp-dialogue.ts'
import { SmtpSession } from './smtp/smtp-session.ts'

export interface MailServiceOptions {
  readonly config: Config
  /** The environment, for the master key. */
  readonly env: Readonly<Record<string, string | undefined>>
  readonly log: LevelledLog
  readonly limits?: Limits | undefined
  /** What it shares with other processes of this machine. */
  readonly machine: Machine
  readonly node?: NodeOptions | undefined
}

/** A poll takes milliseconds; a store that is locked answers within its own patience of some seconds. */
const WATCHED_POLL_MS = 15_000

type Closer = () => void | Promise<void>

/** Throws KEY_…, STORE_…, CERTIFICATE_INVALID. Then nothing is left open. */
export async function openMailService(options: MailServiceOptions): Promise<MailService> {
  // How to close what was opened, in the order of opening.
  const closers: Closer[] = []
  try {
    return await openParts(options, closers)
  } catch (error) {
    await closeAll(closers)
    throw error
  }
}

async function openParts({ config, env, log, limits = LIMITS, machine, node }: MailServiceOptions, closers: Closer[]): Promise<MailService> {
  // What a reload replaces; everything below asks for it anew each time.
  const current = { configured: openConfigured(config) }
  const certificates = await openCertificates({ files: config.certificates, log, ticketKeys: machine.ticketKeys })
  closers.push(() => certificates.close())
  const trusted = () => current.configured.trusted
  const parts = await openProcessParts({ config, env, log, limits, trusted, machine, node }, close => closers.push(close))
  const { metrics, store, outageGrace, live, recorder, revocation, limiter, limiterSync, hasher, unauthenticated, wrongProtocol } = parts
  const { unchecked, ms } = store.integrity
  if (node?.isFirst === false) log.debug('store.checked', { ms, why: 'the first worker looks through it' })
  else if (unchecked.length === 0) log.info('store.checked', { ms })
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
    migrationLogins: parts.migrationLogins,
    migrationRouteOf: (mailbox: LoginMailbox, secret: Secret) => current.configured.routes.migrationRouteOf(mailbox, secret),
    log,
  }
  const imap: ImapServices = {
    ...common,
    get config() {
      return current.configured.config
    },
    connect: (...call) => current.configured.connectImap(...call),
    capabilities: parts.imapCapabilities,
  }
  const smtp: SmtpServices = {
    ...common,
    get config() {
      return current.configured.config
    },
    connect: (...call) => current.configured.connectSmtp(...call),
    smtpServer: parts.smtpServer,
    ledger: parts.ledger,
    terms: parts.terms,
  }
  const storeHealth = new StoreHealth(store, recorder, log)
  const readiness = new Readiness({ revocation, certificates, hasher, graceMs: config.outageGraceMs })
  metrics.watch({ unauthenticated: () => unauthenticated.size, hasher, recorder, revocation, certificates, readiness, storeHealth })
  await storeHealth.start()
  closers.push(
    () => storeHealth.stop(),
    () => limiterSync.stop(),
    () => recorder.stop(),
    () => endAll(live, limits.disconnectMs),
    () => revocation.stop(),
  )
  await limiterSync.start()
  const serve = {
    imap: (connection: Connection, msToLogin: number) => new ImapSession(imap, connection, log).run(msToLogin),
    submission: (connection: Connection, msToLogin: number) => new SmtpSession(smtp, connection, log).run(msToLogin),
  }
  const services = { certificates, log, metrics, unauthenticated, limiter, limits, wrongProtocol, serve }
  return {
    node: store.node,
    metrics,
    certificates,
    get config() {
      return current.configured.config
    },
    get sessions() {
      return live.size
    },
    health: () => ({ notReady: readiness.notReady(), warnings: storeHealth.warnings(), lastFailureAt: storeHealth.lastFailureAt }),
    isAlive: () => revocation.silentMs < WATCHED_POLL_MS,
    serveConnection: (socket, accepted) => void serveConnection(socket, accepted, services),
    start: () => {
      recorder.start()
      revocation.start()
      readiness.serving()
    },
    prepareReload: config => prepareReload({ current, certificates, smtpServer: parts.smtpServer, imapCapabilities: parts.imapCapabilities }, config),
    stopAdmitting: () => readiness.draining(),
    drain: async () => {
      await drain({ live, drainMs: current.configured.config.drainSeconds * 1000 })
      return live.size
    },
    close: () => closeAll(closers),
  }
}

export interface MailService {
  /** Its id in the store. */
  readonly node: string
  readonly metrics: Metrics
  readonly certificates: Certificates
  /** In force now. */
  readonly config: Config
  /** How many there are, logins included. */
  readonly sessions: number
  health(): Health
  /** Whether it still looks which sessions must end. */
  isAlive(): boolean
  /** Never throws. */
  serveConnection(socket: Socket, accepted: Accepted): void
  /** To be called when connections can come. */
  start(): void
  /** Throws Rejected; then nothing has changed. What it gives cannot fail. */
  prepareReload(config: Config): Promise<() => void>
  /** Says that this process goes away. */
  stopAdmitting(): void
  /** Lets sessions go within the drain time; gives how many are left. */
  drain(): Promise<number>
  /** Ends what is left, writes the last records and closes everything. To be called once. */
  close(): Promise<void>
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
