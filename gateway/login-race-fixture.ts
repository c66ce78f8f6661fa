/**
 * A login that can be stopped before and after each thing it waits for, for both protocols, over a real store that a second party changes.
 * Timers and the date are faked, so that the poll for revocations comes when the test says so.
 */
import { type Duplex, duplexPair } from 'node:stream'
import { vi } from 'vitest'
import type { DeviceId } from '../base/ids.ts'
import type { Log, LogEvent, LogFields } from '../base/log.ts'
import { Wire } from '../base/sockets/wire.ts'
import type { GatewayStore } from '../store/gateway-side/gateway-store.ts'
import type { Store } from '../store/open-store.ts'
import { normaliseSecret } from '../store/passwords/app-password.ts'
import { PasswordHasher } from '../store/passwords/password-hash.ts'
import { StoreFixture } from '../store/store-fixture.ts'
import { openLimiterForAll } from './abuse/limiter-fixture.ts'
import { ImapCapabilities } from './imap/imap-capabilities.ts'
import type { ImapServices } from './imap/imap-dialogue.ts'
import { ImapSession } from './imap/imap-session.ts'
import { LIMITS } from './limits.ts'
import { openPretendedConnection } from './listen/connection-fixture.ts'
import { openTcpPair } from './listen/tcp-pair-fixture.ts'
import { MigrationLogins } from './login/migration-login.ts'
import { Metrics } from './monitoring/metrics.ts'
import { LiveSessions } from './sessions/live-sessions.ts'
import { Revocation } from './sessions/revocation.ts'
import { RecentTerms } from './smtp/sending/recent-terms.ts'
import { SendingLedger } from './smtp/sending/sending-ledger.ts'
import type { SmtpServices } from './smtp/smtp-dialogue.ts'
import { SmtpServerAdapter } from './smtp/smtp-server-adapter.ts'
import { SmtpSession } from './smtp/smtp-session.ts'

export const ADDRESS = 'ann@example.com'

/** Stops whoever comes to one step, until it is let go. */
class Gates {
  readonly #step: string
  readonly #arrived = Promise.withResolvers<void>()
  readonly #released = Promise.withResolvers<void>()

  constructor(step: string) {
    this.#step = step
  }

  get arrived(): Promise<void> {
    return this.#arrived.promise
  }

  release(): void {
    this.#released.resolve()
  }

  async run<Result>(name: string, act: () => Promise<Result>): Promise<Result> {
    await this.#pass(`before ${name}`)
    const result = await act()
    await this.#pass(`after ${name}`)
    return result
  }

  async #pass(step: string): Promise<void> {
    if (step !== this.#step) return
    this.#arrived.resolve()
    await this.#released.promise
  }
}

/** The store of all cases: one mailbox with two devices, put back as they were before each case. */
export class RaceStage {
  readonly #fixture = new StoreFixture()
  readonly #hasher = new PasswordHasher()
  #tables: { readonly table: string; readonly rows: readonly Record<string, unknown>[] }[] = []
  readonly store: Store
  readonly #gateway: GatewayStore
  readonly device: DeviceId
  readonly other: DeviceId
  readonly #password: string

  private constructor(fixture: StoreFixture, parts: { store: Store; gateway: GatewayStore; device: DeviceId; other: DeviceId; password: string }) {
    this.#fixture = fixture
    this.store = parts.store
    this.#gateway = parts.gateway
    this.device = parts.device
    this.other = parts.other
    this.#password = parts.password
  }

  static async open(): Promise<RaceStage> {
    const fixture = new StoreFixture()
    const store = await fixture.create()
    const gateway = await fixture.openGateway()
    await store.mailboxes.add({ address: ADDRESS, upstream: 'main' })
    const { device, password } = await store.devices.add(ADDRESS, { name: 'Phone', scopes: ['imap', 'smtp'] })
    const other = await store.devices.add(ADDRESS, { name: 'Tablet', scopes: ['imap', 'smtp'] })
    const stage = new RaceStage(fixture, { store, gateway, device: device.id, other: other.device.id, password: password.reveal().toString() })
    // From now on it is remembered: no case waits for argon2.
    await stage.#hasher.verify((await fixture.query('select phc from devices where id = ?', [device.id])).rows[0]?.phc as string, normaliseSecret(password))
    for (const table of ['mailboxes', 'devices']) stage.#tables.push({ table, rows: (await fixture.query(`select * from ${table}`)).rows })
    return stage
  }

  /** The clock of the commands is the faked one. */
  setClock(): void {
    this.#fixture.now = Date.now()
  }

  async reset(expiresAt: number | null): Promise<void> {
    for (const { table, rows } of this.#tables) {
      for (const row of rows) {
        const columns = Object.keys(row)
        await this.#fixture.query(
          `insert or replace into ${table} (${columns.join(', ')}) values (${columns.map(() => '?').join(', ')})`,
          Object.values(table === 'devices' ? { ...row, expires_at: expiresAt } : row),
        )
      }
    }
  }

  async close(): Promise<void> {
    await this.#fixture.remove()
  }

  /** Begins a login that stops at `step`; `onConnected` runs when it is recorded as a success, in the moment of the hand-over. */
  async begin(protocol: 'imap' | 'submission', step: string, onConnected?: (race: Race) => void): Promise<Race> {
    const race = new Race(new Gates(step), this.#gateway)
    const store = this.#gateway
    const { gates } = race
    const connect = (upstream: Duplex) =>
      gates.run('connect', async () => {
        // The generation moves for somebody else, so that this login is judged once more.
        if (step.includes('findDeviceStatuses')) await this.store.devices.disable(this.other)
        race.upstream = upstream
      })
    const services = {
      store: {
        readGeneration: () => gates.run('readGeneration', () => store.readGeneration()),
        findLogin: (...given: Parameters<GatewayStore['findLogin']>) => gates.run('findLogin', () => store.findLogin(...given)),
        findDeviceStatuses: (...given: Parameters<GatewayStore['findDeviceStatuses']>) =>
          gates.run('findDeviceStatuses', () => store.findDeviceStatuses(...given)),
        tagsOf: store.tagsOf.bind(store),
      },
      hasher: { verify: (...given: Parameters<PasswordHasher['verify']>) => gates.run('verify', () => this.#hasher.verify(...given)) },
      config: { sessionsPerDevice: 100, upstreams: [] },
      limits: LIMITS,
      limiter: openLimiterForAll(),
      metrics: new Metrics(),
      migrationLogins: new MigrationLogins(),
      live: race.live,
      log: race.log,
      recorder: { attempted: () => {}, named: () => {}, ended: () => {}, connected: () => onConnected?.(race) },
      routeOf: () => ({}),
    }
    const [client, ours] = await openTcpPair()
    race.listen(client)
    const connection = openPretendedConnection(ours, 'TLSv1.3')
    const [upstream] = duplexPair()
    if (protocol === 'imap') {
      const capabilities = new ImapCapabilities({ upstreams: [], known: new Map(), onLearnt: () => {} })
      const imap = {
        ...services,
        capabilities,
        connect: () => connect(upstream).then(() => ({ socket: upstream, unread: Buffer.alloc(0), capabilities: 'IMAP4rev1' })),
      }
      void new ImapSession(imap as unknown as ImapServices, connection, race.log).run()
      await race.until(() => race.said.includes('* OK'))
      client.write(`a LOGIN ${ADDRESS} ${this.#password}\r\n`)
    } else {
      const smtp = {
        ...services,
        connect: () => connect(upstream).then(() => ({ socket: upstream, wire: new Wire(upstream, 65_536), keywords: new Map() })),
        ledger: new SendingLedger(),
        terms: new RecentTerms(device => this.#gateway.readSendingTerms(device)),
        smtpServer: new SmtpServerAdapter({ hostname: 'mail.example.com', upstreams: ['main'], known: new Map(), onLearnt: () => {} }),
      }
      void new SmtpSession(smtp as unknown as SmtpServices, connection, race.log).run()
      client.write('EHLO app.example\r\n')
      await race.until(() => race.said.includes('250 '))
      client.write(`AUTH PLAIN ${Buffer.from(`\0${ADDRESS}\0${this.#password}`).toString('base64')}\r\n`)
    }
    return race
  }
}

export class Race {
  readonly gates: Gates
  readonly live = new LiveSessions()
  readonly lines: { event: LogEvent; fields: LogFields }[] = []
  readonly log: Log
  /** Once the login was connected to it. */
  upstream: Duplex | undefined
  said = ''
  isClosed = false
  readonly #revocation: Revocation

  constructor(gates: Gates, store: GatewayStore) {
    const write = (event: LogEvent, fields: LogFields = {}) => void this.lines.push({ event, fields })
    this.log = { debug: write, info: write, warn: write, error: write, with: () => this.log }
    this.gates = gates
    this.#revocation = new Revocation(store, this.live, this.log)
  }

  listen(client: Duplex): void {
    client.on('data', chunk => {
      this.said += chunk
    })
    client.on('end', () => {
      this.isClosed = true
    })
    client.on('close', () => {
      this.isClosed = true
    })
  }

  /** Whether the app was ever told that it is in. */
  get wasLetIn(): boolean {
    return /^(a OK|235) /m.test(this.said)
  }

  get isAnswered(): boolean {
    return /^(a (OK|NO)|\* BYE|235 |535 |454 |421 )/m.test(this.said) || this.isClosed
  }

  /** One look of the gateway at the store, with all that follows from it. */
  async poll(): Promise<void> {
    this.#revocation.start()
    await vi.advanceTimersByTimeAsync(LIMITS.generationPollMs)
    this.#revocation.stop()
    await turns(20)
  }

  /** Lets what the login was stopped at go on: its answer does not wait for it. */
  async settle(): Promise<void> {
    await turns(50)
  }

  /** Lets time and input pass until `isSo`; at most about two seconds of faked time. */
  async until(isSo: () => boolean): Promise<void> {
    for (let turn = 1; turn <= 4000 && !isSo(); turn += 1) {
      await turns(1)
      if (turn % 10 === 0) await vi.advanceTimersByTimeAsync(5)
    }
    if (!isSo()) throw new Error(`not so; said: ${JSON.stringify(this.said)}`)
  }
}

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await new Promise(setImmediate)
}
