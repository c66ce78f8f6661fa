/**
 * What each gateway process has for itself, opened here and nowhere else (docs/processes.md says what several of them make of it). All of it is
 * lost with the process; what must not be is in the store. What processes of one machine share besides is `machine/`.
 *
 * Listeners, the ready line, the service manager and the monitoring endpoint belong to `serve` as a whole: gateway.ts or the supervisor has them.
 */
import type { Log } from '../base/log.ts'
import type { Network } from '../base/network.ts'
import type { Config } from '../config/config.ts'
import type { GatewayStore } from '../store/gateway-side/gateway-store.ts'
import { openGatewayStore } from '../store/gateway-side/open-gateway-store.ts'
import { loadKeyring } from '../store/keys/master-key.ts'
import { PasswordHasher } from '../store/passwords/password-hash.ts'
import { Limiter } from './abuse/limiter.ts'
import { LimiterSync } from './abuse/limiter-sync.ts'
import { Unauthenticated } from './abuse/unauthenticated.ts'
import { ImapCapabilities } from './imap/imap-capabilities.ts'
import { imapUpstreams, submissionUpstreams } from './lifecycle/configured.ts'
import type { Limits } from './limits.ts'
import { WrongProtocolLog } from './listen/wrong-protocol.ts'
import { MigrationLogins } from './login/migration-login.ts'
import { OutageGrace } from './login/outage-grace.ts'
import type { Machine } from './machine/machine.ts'
import { meterStore } from './monitoring/metered-store.ts'
import { Metrics } from './monitoring/metrics.ts'
import { LiveSessions } from './sessions/live-sessions.ts'
import { Recorder } from './sessions/recorder.ts'
import { Revocation } from './sessions/revocation.ts'
import { RecentTerms } from './smtp/sending/recent-terms.ts'
import { SendingLedger } from './smtp/sending/sending-ledger.ts'
import { SmtpServerAdapter } from './smtp/smtp-server-adapter.ts'

/** Before an upstream's name, where the store keeps what was learnt of its IMAP server: no name has a TAB. */
const IMAP_KEY = 'imap\t'

export type NodeOptions = Pick<Parameters<typeof openGatewayStore>[0], 'node' | 'isFirst'>

export interface ProcessParts {
  readonly metrics: Metrics
  /** Its own connections and writer thread, under a node id of its own. */
  readonly store: GatewayStore
  /** Who is let in while the database is away; undefined: nobody. */
  readonly outageGrace: OutageGrace | undefined
  /** Counts the sessions of a device and of a mailbox at the upstream. */
  readonly live: LiveSessions
  readonly recorder: Recorder
  readonly revocation: Revocation
  readonly limiter: Limiter
  readonly limiterSync: LimiterSync
  /** Its queue, and the successes that it remembers. */
  readonly hasher: PasswordHasher
  readonly unauthenticated: Unauthenticated
  readonly ledger: SendingLedger
  readonly terms: RecentTerms
  /** Whom the log was told of in the last minute. */
  readonly wrongProtocol: WrongProtocolLog
  /** What the upstreams said of migration passwords, and how many are on their way there. */
  readonly migrationLogins: MigrationLogins
  /** The EHLO keywords of the upstreams, as far as this process knows. */
  readonly smtpServer: SmtpServerAdapter
  /** What the IMAP servers offer, as far as this process knows. */
  readonly imapCapabilities: ImapCapabilities
}

export interface ProcessOptions {
  readonly config: Config
  readonly env: Readonly<Record<string, string | undefined>>
  readonly log: Log
  readonly limits: Limits
  /** As a reload may change them. */
  readonly trusted: () => readonly Network[]
  readonly machine: Machine
  readonly node?: NodeOptions | undefined
}

/** Throws KEY_…, STORE_…. `onOpened` is told of what must be closed, also when a later part cannot be opened. Nothing runs yet. */
export async function openProcessParts(
  { config, env, log, limits, trusted, machine, node }: ProcessOptions,
  onOpened: (close: () => Promise<void>) => void,
): Promise<ProcessParts> {
  const metrics = new Metrics(config.upstreams)
  const store = meterStore(await openGatewayStore({ config, keyring: loadKeyring({ dataDir: config.dataDir, env }), ...node }), metrics)
  onOpened(() => store.close())
  const outageGrace = config.outageGraceMs === undefined ? undefined : new OutageGrace(store, config.outageGraceMs)
  const live = new LiveSessions(machine.counts)
  const recorder = new Recorder(store, live, log)
  const limiter = new Limiter(store, trusted, machine)
  // Offers from the first connection on what was learnt in earlier runs.
  const known = await store.readUpstreamKeywords()
  return {
    metrics,
    store,
    outageGrace,
    live,
    recorder,
    revocation: new Revocation(store, live, log, generation => outageGrace?.follow(generation) ?? Promise.resolve()),
    limiter,
    limiterSync: new LimiterSync(store, limiter),
    hasher: new PasswordHasher({ observer: metrics }),
    unauthenticated: new Unauthenticated(cap => metrics.limited(cap), {
      inAll: machine.shareOf(limits.unauthenticatedConnections),
      perBlock: machine.shareOf(limits.unauthenticatedPerBlock),
    }),
    ledger: new SendingLedger(machine.counts),
    terms: new RecentTerms(device => store.readSendingTerms(device)),
    wrongProtocol: new WrongProtocolLog(log),
    migrationLogins: new MigrationLogins({ limits, machine }),
    smtpServer: new SmtpServerAdapter({
      hostname: config.hostname,
      upstreams: submissionUpstreams(config),
      known,
      onLearnt: (upstream, keywords) => recorder.learnt({ upstream, keywords }),
    }),
    imapCapabilities: new ImapCapabilities({
      upstreams: imapUpstreams(config),
      known: new Map([...known].flatMap(([key, tokens]) => (key.startsWith(IMAP_KEY) ? [[key.slice(IMAP_KEY.length), tokens.keys()]] : []))),
      onLearnt: (upstream, tokens) => recorder.learnt({ upstream: `${IMAP_KEY}${upstream}`, keywords: new Map([...tokens].map(token => [token, ''])) }),
    }),
  }
}
