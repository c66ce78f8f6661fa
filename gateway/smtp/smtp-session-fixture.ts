/** A submission session over TCP, whose TLS is only said to be there, with a store of one mailbox and an upstream that is a TCP pair too. */
import { expect, vi } from 'vitest'
import type { DeviceId, MailboxId } from '../../base/ids.ts'
import type { Log, LogEvent, LogFields } from '../../base/log.ts'
import { Secret } from '../../base/secret.ts'
import { Wire } from '../../base/sockets/wire.ts'
import { PasswordHasher } from '../../store/passwords/password-hash.ts'
import type { LoginDevice, LoginMailbox } from '../../store/schema/login-record.ts'
import { openLimiterForAll } from '../abuse/limiter-fixture.ts'
import { LIMITS } from '../limits.ts'
import { openPretendedConnection } from '../listen/connection-fixture.ts'
import { openTcpPair } from '../listen/tcp-pair-fixture.ts'
import { MigrationLogins } from '../login/migration-login.ts'
import { Metrics } from '../monitoring/metrics.ts'
import { LiveSessions } from '../sessions/live-sessions.ts'
import { RecentTerms } from './sending/recent-terms.ts'
import { SendingLedger } from './sending/sending-ledger.ts'
import type { SmtpServices } from './smtp-dialogue.ts'
import { SmtpServerAdapter } from './smtp-server-adapter.ts'
import { SmtpSession } from './smtp-session.ts'

export const SECRET = 'marker-Secret-chosen-2'
const hasher = new PasswordHasher()
const phc = await hasher.hash(Secret.fromText(SECRET))

const mailbox: LoginMailbox = { id: 'm1' as MailboxId, address: 'ann@example.com', upstream: 'main', login: null, sealedSecret: null, state: 'active' }
const TAG = Buffer.of(7)
export const b64 = (text: string) => Buffer.from(text).toString('base64')
export const PLAIN = b64(`\0ann@example.com\0${SECRET}`)

export interface Bench {
  readonly device?: Partial<LoginDevice>
  readonly tls?: string | null
  readonly connect?: SmtpServices['connect']
  readonly terms?: 'closed'
  readonly sessionsPerDevice?: number
}

export async function openSession({ device = {}, tls = 'TLSv1.3', connect, terms, sessionsPerDevice = 100 }: Bench = {}) {
  const [client, ours] = await openTcpPair()
  const [upstream, upstreamSocket] = await openTcpPair()
  const lines: { event: LogEvent; fields: LogFields }[] = []
  const activity: { result: string; address: string }[] = []
  const write = (event: LogEvent, fields: LogFields = {}) => void lines.push({ event, fields })
  const log: Log = { debug: write, info: write, warn: write, error: write, with: () => log }
  const live = new LiveSessions()
  let said = ''
  client.on('data', chunk => {
    said += chunk
  })
  const row = { id: 'd1' as DeviceId, name: 'phone', kind: 'chosen', phc, tag: TAG, state: 'active', mailboxState: 'active', userState: null, scopes: ['smtp'] }
  const found = { ...row, expiresAt: null, allowFrom: [], passwordVersion: 1, kickedAt: null, ...device } as LoginDevice
  const services = {
    store: {
      readGeneration: async () => 1,
      findLogin: async (address: string) => (address === mailbox.address ? { mailbox, devices: [found], generation: 1 } : undefined),
      tagsOf: () => ({ generated: Buffer.alloc(8), chosen: TAG }),
    },
    terms: new RecentTerms(async () => ({ device: found.id, own: [], rules: [] })),
    hasher,
    config: { sessionsPerDevice, upstreams: [] },
    limits: LIMITS,
    limiter: openLimiterForAll(terms),
    live,
    log,
    metrics: new Metrics(),
    recorder: { attempted: (record: { result: string; address: string }) => activity.push(record), connected: () => {}, ended: () => {}, sent: () => {} },
    routeOf: () => ({ config: { sessionsPerMailbox: 100 } }),
    migrationLogins: new MigrationLogins(),
    migrationRouteOf: (_mailbox: unknown, secret: Secret) => ({ config: { sessionsPerMailbox: 100 }, login: { secret } }),
    connect:
      connect ??
      (async () => ({
        socket: upstreamSocket,
        wire: new Wire(upstreamSocket, 65_536),
        keywords: new Map([
          ['PIPELINING', ''],
          ['SIZE', '1000'],
          ['CHUNKING', ''],
        ]),
      })),
    ledger: new SendingLedger(),
    smtpServer: new SmtpServerAdapter({ hostname: 'mail.example.com', upstreams: ['main'], known: new Map(), onLearnt: () => {} }),
  } as unknown as SmtpServices
  const connection = openPretendedConnection(ours, tls)
  const session = new SmtpSession(services, connection, log)
  const done = session.run()
  const says = (text: string) => vi.waitFor(() => expect(said).toContain(text), { interval: 2, timeout: 10_000 })
  return { client, ours, upstream, done, lines, activity, live, services, said: () => said, says }
}

export async function talk(bench: Bench, sent: readonly string[], until: string): Promise<string> {
  const { client, says, said } = await openSession(bench)
  await says('220 ')
  for (const text of sent) {
    const before = said().length
    client.write(text)
    await vi.waitFor(() => expect(said().length).toBeGreaterThan(before), { interval: 2, timeout: 10_000 })
  }
  await says(until)
  return said()
}

export const EHLO = 'EHLO client.example\r\n'
