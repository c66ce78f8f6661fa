/**
 * An IMAP session over a pair of streams, with a store of one mailbox and an upstream that is a pair of streams too.
 */
import { duplexPair } from 'node:stream'
import { expect, vi } from 'vitest'
import type { DeviceId, MailboxId } from '../../base/ids.ts'
import type { Log, LogEvent, LogFields } from '../../base/log.ts'
import { Secret } from '../../base/secret.ts'
import { PasswordHasher } from '../../store/passwords/password-hash.ts'
import type { LoginDevice, LoginMailbox } from '../../store/schema/login-record.ts'
import type { Limiter } from '../abuse/limiter.ts'
import { openLimiterForAll } from '../abuse/limiter-fixture.ts'
import { LIMITS } from '../limits.ts'
import { openPretendedConnection } from '../listen/connection-fixture.ts'
import { MigrationLogins } from '../login/migration-login.ts'
import { Metrics } from '../monitoring/metrics.ts'
import { LiveSessions } from '../sessions/live-sessions.ts'
import { ImapCapabilities } from './imap-capabilities.ts'
import type { ImapServices } from './imap-dialogue.ts'
import { ImapSession } from './imap-session.ts'

export const SECRET = 'marker-Secret-chosen-1'
const hasher = new PasswordHasher()
const phc = await hasher.hash(Secret.fromText(SECRET))

export const mailbox: LoginMailbox = { id: 'm1' as MailboxId, address: 'ann@example.com', upstream: 'main', login: null, sealedSecret: null, state: 'active' }
const TAG = Buffer.of(7)

export function makeDevice(changes: Partial<LoginDevice> = {}): LoginDevice {
  const device = {
    id: 'd1' as DeviceId,
    name: 'phone',
    kind: 'chosen',
    phc,
    tag: TAG,
    state: 'active',
    mailboxState: 'active',
    userState: null,
    scopes: ['imap'],
    expiresAt: null,
    allowFrom: [],
    passwordVersion: 1,
    kickedAt: null,
  }
  return { ...device, ...changes } as LoginDevice
}

export interface Bench {
  readonly device?: Partial<LoginDevice>
  readonly tls?: string | null
  readonly connect?: ImapServices['connect']
  readonly store?: Partial<ImapServices['store']>
  /** One that lets everybody try, unless told. */
  readonly limiter?: Limiter
  /** Sessions that a device may have. */
  readonly sessionsPerDevice?: number
}

export function openSession({ device = {}, tls = 'TLSv1.3', connect, store = {}, limiter = openLimiterForAll(), sessionsPerDevice = 100 }: Bench = {}) {
  const [ours, client] = duplexPair()
  const [upstreamSocket, upstream] = duplexPair()
  const lines: { event: LogEvent; fields: LogFields }[] = []
  const write = (event: LogEvent, fields: LogFields = {}) => void lines.push({ event, fields })
  const log: Log = { debug: write, info: write, warn: write, error: write, with: () => log }
  const activity: { result: string; address: string }[] = []
  const live = new LiveSessions()
  const metrics = new Metrics()
  const capabilities = new ImapCapabilities({ upstreams: ['main'], known: new Map(), onLearnt: () => {} })
  let said = ''
  client.on('data', chunk => {
    said += chunk
  })
  client.on('error', () => {})
  const services = {
    store: {
      readGeneration: async () => 1,
      findLogin: async (address: string) => (address === mailbox.address ? { mailbox, devices: [makeDevice(device)], generation: 1 } : undefined),
      findDeviceStatuses: async () => new Map(),
      tagsOf: () => ({ generated: Buffer.alloc(8), chosen: TAG }),
      ...store,
    },
    hasher,
    config: { sessionsPerDevice, upstreams: [] },
    limits: LIMITS,
    limiter,
    live,
    log,
    metrics,
    recorder: { attempted: (record: { result: string; address: string }) => activity.push(record), connected: () => {}, named: () => {}, ended: () => {} },
    routeOf: () => ({ config: { sessionsPerMailbox: 100 } }),
    migrationLogins: new MigrationLogins(),
    migrationRouteOf: (_mailbox: unknown, secret: Secret) => ({ config: { sessionsPerMailbox: 100 }, login: { secret } }),
    capabilities,
    connect: connect ?? (async () => ({ socket: upstreamSocket, unread: Buffer.from('* early\r\n'), capabilities: 'IMAP4rev1 IDLE' })),
  } as unknown as ImapServices
  const connection = openPretendedConnection(ours, tls)
  const session = new ImapSession(services, connection, log)
  const done = session.run()
  return {
    client,
    upstream,
    session,
    done,
    lines,
    activity,
    live,
    metrics,
    capabilities,
    said: () => said,
    hear: (text: string) => vi.waitFor(() => expect(said).toContain(text), { interval: 2, timeout: 10_000 }),
  }
}

/** Sends everything at once and gives what the session said until it closed or said `until`. */
export async function talk(bench: Bench, sent: string | readonly Buffer[], until: string): Promise<string> {
  const { client, hear, said } = openSession(bench)
  for (const piece of typeof sent === 'string' ? [sent] : sent) client.write(piece)
  await hear(until)
  return said()
}

export const b64 = (text: string) => Buffer.from(text).toString('base64')
export const LOGIN = `a LOGIN ann@example.com ${SECRET}\r\n`
export const PLAIN = b64(`\0ann@example.com\0${SECRET}`)
export const LOGGED_IN = 'a OK [CAPABILITY IMAP4rev1 IDLE] Logged in.\r\n* early\r\n'
