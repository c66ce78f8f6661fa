/** The API over a store of its own, without a socket, for tests: two mailboxes of two domains, people, devices, sessions; and whoever checks answers. */
import { Hono } from 'hono'
import type { DeviceId, SessionId } from '../base/ids.ts'
import { makeId } from '../base/ids.ts'
import type { Log, LogFields } from '../base/log.ts'
import type { Config } from '../config/config.ts'
import type { UseCaseContext } from '../management/use-case.ts'
import { SignInLimiter } from '../portal/sign-in/sign-in-limiter.ts'
import type { Store } from '../store/open-store.ts'
import type { TokenScope } from '../store/schema/rights-and-scopes.ts'
import type { NewApiToken } from '../store/sign-in/api-tokens.ts'
import { StoreFixture, secret, type TestNode } from '../store/store-fixture.ts'
import { describeApi, makeApi } from './api.ts'
import type { ApiEnv } from './api-services.ts'
import { type RateTerms, RequestRate } from './request-rate.ts'
import { ResponseSchemas } from './response-schemas-fixture.ts'

export const ORIGIN = 'https://devices.example.test'
export const OFFICE = 'office@example.test'
/** Another domain, in which nobody has anything but the administrator. */
export const ELSEWHERE = 'office@other.test'
const MANY: RateTerms = { burst: 1_000_000, perSecond: 1_000 }

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  // biome-ignore lint/suspicious/noExplicitAny: whatever JSON it is
  readonly body: any
}

export interface Asked {
  readonly token?: string
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
  readonly ip?: string
}

/** What there is to name in a path, inside and outside of the domain example.test. */
export interface Place {
  readonly address: string
  readonly domain: string
  readonly device: DeviceId
  readonly password: string
  readonly session: SessionId
  readonly login: string
  readonly invitation: string
}

export class ApiFixture {
  readonly files = new StoreFixture()
  readonly logged: { readonly event: string; readonly fields: LogFields }[] = []
  readonly schemas = new ResponseSchemas(describeApi(ORIGIN))
  around: UseCaseContext['around']
  store!: Store
  node!: TestNode
  inside!: Place
  outside!: Place
  #app!: Hono<ApiEnv>

  /** `anna` is the administrator; `mina` manages the mailbox of example.test; `otto` has nothing but rights elsewhere. */
  static async open({ rate = MANY }: { readonly rate?: RateTerms } = {}): Promise<ApiFixture> {
    const fixture = new ApiFixture()
    const store = await fixture.files.create()
    fixture.store = store
    fixture.#app = fixture.#mount(store, rate)
    for (const login of ['anna', 'mina', 'otto']) await store.users.add({ login })
    await store.roles.grant('anna', { role: 'admin' })
    for (const address of [OFFICE, ELSEWHERE]) await store.mailboxes.add({ address, upstream: 'main', secret: secret('upstream/marker+api') })
    await store.rights.set('mina', OFFICE, { use: true, make: true, see: true, send: true, manage: true })
    await store.rights.set('otto', ELSEWHERE, { use: true })
    fixture.node = await fixture.files.openNode()
    fixture.inside = await fixture.#fill(OFFICE, 'mina')
    fixture.outside = await fixture.#fill(ELSEWHERE, 'otto')
    return fixture
  }

  async token(scopes: readonly TokenScope[], { login = 'anna', ...terms }: Partial<NewApiToken> & { readonly login?: string } = {}): Promise<string> {
    const endsAt = this.files.now + 86_400_000
    return (await this.store.apiTokens.add(login, { name: 'test', scopes, endsAt, ...terms })).token.reveal().toString()
  }

  /** Every JSON answer is held against the schema of its route. */
  async ask(method: string, path: string, { token, body, headers = {}, ip = '192.0.2.1' }: Asked = {}): Promise<Answer> {
    const text = typeof body === 'string' || body === undefined ? body : JSON.stringify(body)
    const request = new Request(`${ORIGIN}/api/v1${path}`, {
      method,
      headers: {
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...(text !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(text !== undefined && { body: text }),
    })
    const response = await this.#app.fetch(request, { ip })
    const answer = await response.text()
    const type = response.headers.get('content-type') ?? ''
    const value: unknown = type.includes('json') ? JSON.parse(answer) : undefined
    this.schemas.check(method, path, response.status, type, value)
    return { status: response.status, headers: response.headers, text: answer, body: value }
  }

  /** The same, as a function for `fetch`. */
  readonly fetch = (request: Request): Promise<Response> => Promise.resolve(this.#app.fetch(request, { ip: '192.0.2.1' }))

  get config(): Config {
    const upstream = { name: 'main', domains: ['example.test', 'other.test'], auth: { method: 'stored' } }
    return {
      hostname: 'mail.example.test',
      listen: [{ protocol: 'imap', host: '::', port: 993, tls: 'implicit' }],
      upstreams: [upstream, { ...upstream, name: 'away', domains: [], imap: { host: '127.0.0.1', port: 1, tls: 'none' } }],
    } as unknown as Config
  }

  remove(): Promise<void> {
    return this.files.remove()
  }

  #mount(store: Store, rate: RateTerms): Hono<ApiEnv> {
    const now = this.files.clock
    const api = makeApi({
      url: ORIGIN,
      log: this.#log,
      store,
      config: () => this.config,
      now,
      limiter: new SignInLimiter({ attempts: store.signInAttempts, trusted: () => [], now }),
      rate: new RequestRate({ now, terms: rate }),
      links: { invitation: token => `${ORIGIN}/i/${token}`, welcome: token => `${ORIGIN}/welcome/${token}` },
      setup: { profile: async () => new TextEncoder().encode('<plist/>'), qr: async () => '<svg/>' },
      around: (nouns, act) => (this.around ?? ((_, then) => then()))(nouns, act),
    })
    return new Hono<ApiEnv>().route('/api/v1', api)
  }

  async #fill(address: string, login: string): Promise<Place> {
    const { device, password } = await this.store.devices.add(address, { name: 'Phone', user: login })
    const session = makeId<SessionId>()
    const facts = { ip: '192.0.2.9', app: '=cmd', protocol: 'imap' as const }
    await this.node.record({
      connections: [],
      activity: [{ address, device: device.id, result: 'ok', at: this.files.now, ...facts }],
      sessions: [{ id: session, device: device.id, since: this.files.now, bytesIn: 1, bytesOut: 2, ...facts }],
      endedSessions: [],
    })
    const { invitation } = await this.store.invitations.add({ kind: 'device', mailbox: address, by: 'anna' })
    return {
      address,
      domain: address.slice(address.indexOf('@') + 1),
      device: device.id,
      password: password.reveal().toString(),
      session,
      login,
      invitation: invitation.id,
    }
  }

  readonly #log: Log = {
    debug: (event, fields = {}) => void this.logged.push({ event, fields }),
    info: (event, fields = {}) => void this.logged.push({ event, fields }),
    warn: (event, fields = {}) => void this.logged.push({ event, fields }),
    error: (event, fields = {}) => void this.logged.push({ event, fields }),
    with: () => this.#log,
  }
}
