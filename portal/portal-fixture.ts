/** The portal over a store of its own, without a socket, for tests; and browsers that keep cookies and fill in forms. */
import type { Hono } from 'hono'
import type { Log, LogFields } from '../base/log.ts'
import { Secret } from '../base/secret.ts'
import type { Config, SecondFactorPolicy } from '../config/config.ts'
import type { UseCaseContext } from '../management/use-case.ts'
import type { Rights } from '../store/accounts/people/role-rows.ts'
import type { Store } from '../store/open-store.ts'
import { PasswordHasher } from '../store/passwords/password-hash.ts'
import { StoreFixture, secret } from '../store/store-fixture.ts'
import { type AppEnv, makeApp } from './app.ts'
import { loadAssets } from './asset-table.ts'
import { PortalCounts } from './portal-counts.ts'
import { makeDeviceSetup } from './setup/device-setup.ts'
import type { ProfileSigner } from './setup/profile-signer.ts'
import { SignInLimiter } from './sign-in/sign-in-limiter.ts'
import type { SignInServices } from './sign-in/sign-in-services.ts'
import type { PortalServices } from './web/portal-services.ts'

export const URL_OF_PORTAL = 'https://devices.example.test'
export const OFFICE = 'office@example.test'
/** Another domain, in which nobody of the tests has anything unless told. */
export const ELSEWHERE = 'office@other.test'
export const PASSWORD = 'a password of the person'

const assets = loadAssets()
const hasher = new PasswordHasher()
let hashed: Promise<string> | undefined

export class PortalFixture {
  readonly files = new StoreFixture()
  readonly logged: { readonly level: string; readonly event: string; readonly fields: LogFields }[] = []
  policy: SecondFactorPolicy = 'optional'
  generatedOnly = false
  /** Those of the first upstream in the configuration. */
  domains: readonly string[] = ['example.test', 'other.test']
  signer: ProfileSigner | undefined
  around: UseCaseContext['around']
  store!: Store
  app!: Hono<AppEnv>
  services!: PortalServices

  /** Two mailboxes in two domains. */
  static async open(): Promise<PortalFixture> {
    const fixture = new PortalFixture()
    fixture.store = await fixture.files.create()
    for (const address of [OFFICE, ELSEWHERE]) await fixture.store.mailboxes.add({ address, upstream: 'main', secret: secret('upstream/marker+case') })
    fixture.useStore(fixture.store)
    return fixture
  }

  /** As another process of the portal has it. */
  useStore(store: Store): void {
    const now = this.files.clock
    const signIn: SignInServices = {
      store,
      keyring: this.files.keyring,
      hasher,
      limiter: new SignInLimiter({ attempts: store.signInAttempts, trusted: () => [], now }),
      policy: () => this.policy,
      url: URL_OF_PORTAL,
      now,
      wait: async () => undefined,
    }
    this.services = {
      url: URL_OF_PORTAL,
      log: this.#log,
      store,
      config: () => this.config,
      signIn,
      assets,
      setup: makeDeviceSetup({ hostname: () => this.config.hostname, signer: () => this.signer }),
      counts: new PortalCounts(),
      around: (nouns, act) => (this.around ?? ((_, then) => then()))(nouns, act),
    }
    this.app = makeApp(this.services)
  }

  get config(): Config {
    const upstream = { name: 'main', domains: this.domains, imap: { host: '127.0.0.1', port: 1, tls: 'none' }, auth: { method: 'stored' } }
    return {
      hostname: 'mail.example.test',
      generatedOnly: this.generatedOnly,
      listen: [
        { protocol: 'imap', host: '::', port: 993, tls: 'implicit' },
        { protocol: 'imap', host: '::', port: 143, tls: 'starttls' },
        { protocol: 'submission', host: '::', port: 465, tls: 'implicit' },
      ],
      upstreams: [upstream, { ...upstream, name: 'second', domains: [] }],
      portal: { url: URL_OF_PORTAL, secondFactor: this.policy },
    } as unknown as Config
  }

  /** Somebody with a password. */
  async addPerson(login: string, { name, rights }: { readonly name?: string; readonly rights?: Partial<Rights> } = {}): Promise<void> {
    hashed ??= hasher.hash(Secret.fromText(PASSWORD))
    await this.store.users.add({ login, ...(name !== undefined && { name }) })
    await this.store.credentials.setPassword(login, await hashed)
    if (rights !== undefined) await this.store.rights.set(login, OFFICE, rights)
  }

  async addAdministrator(login = 'anna', name = 'Anna Keller'): Promise<void> {
    await this.addPerson(login, { name })
    await this.store.roles.grant(login, { role: 'admin' })
  }

  /** A browser in which somebody has signed in just now. */
  async signedIn(login: string): Promise<TestBrowser> {
    const browser = new TestBrowser(this)
    const answer = await browser.post('/sign-in', { login, password: PASSWORD })
    if (answer.status !== 303) throw new Error(`${login} was not signed in: ${answer.status}`)
    return browser
  }

  browser(): TestBrowser {
    return new TestBrowser(this)
  }

  /** So long that a confirmation is over, and a session is not. */
  passConfirmation(): void {
    this.files.now += 6 * 60_000
  }

  remove(): Promise<void> {
    return this.files.remove()
  }

  readonly #log: Log = {
    debug: (event, fields = {}) => void this.logged.push({ level: 'debug', event, fields }),
    info: (event, fields = {}) => void this.logged.push({ level: 'info', event, fields }),
    warn: (event, fields = {}) => void this.logged.push({ level: 'warn', event, fields }),
    error: (event, fields = {}) => void this.logged.push({ level: 'error', event, fields }),
    with: () => this.#log,
  }
}

/** What a browser got. */
export interface Page {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  /** Where it leads, of a redirect. */
  readonly to: string
  /** The hidden fields of the form that is posted to `action`. */
  hidden(action: string): Record<string, string>
}

type Fields = Readonly<Record<string, string | readonly string[]>>

export class TestBrowser {
  readonly cookies: { name: string; value: string; path: string }[] = []
  readonly #fixture: PortalFixture
  ip = '192.0.2.1'
  headers: Record<string, string> = { 'accept-language': 'en', 'user-agent': 'Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0' }

  constructor(fixture: PortalFixture) {
    this.#fixture = fixture
  }

  get(path: string, headers: Record<string, string> = {}): Promise<Page> {
    return this.ask('GET', path, { headers })
  }

  /** As a page of ours sends it. */
  post(path: string, fields: Fields = {}, headers: Record<string, string> = {}): Promise<Page> {
    const pairs = Object.entries(fields).flatMap(([name, value]) => [value].flat().map(one => [name, one] as [string, string]))
    const body = new URLSearchParams(pairs).toString()
    return this.ask('POST', path, { body, headers: { 'content-type': 'application/x-www-form-urlencoded', 'sec-fetch-site': 'same-origin', ...headers } })
  }

  async postJson(path: string, value: unknown, headers: Record<string, string> = {}): Promise<Record<string, unknown>> {
    const all = { 'content-type': 'application/json', accept: 'application/json', 'sec-fetch-site': 'same-origin', ...headers }
    return JSON.parse((await this.ask('POST', path, { body: JSON.stringify(value), headers: all })).text) as Record<string, unknown>
  }

  /** Opens the page of a form, fills it in, and posts it with what is hidden in it. */
  async submit(page: string, action: string, fields: Fields = {}): Promise<Page> {
    const form = await this.get(page)
    if (form.status !== 200) throw new Error(`${page}: ${form.status}`)
    return this.post(action, { ...form.hidden(action), ...fields })
  }

  async ask(method: string, path: string, { body, headers = {} }: { readonly body?: string; readonly headers?: Record<string, string> } = {}): Promise<Page> {
    const { pathname } = new URL(path, URL_OF_PORTAL)
    const cookie = this.cookies
      .filter(one => pathname === one.path || pathname.startsWith(one.path.endsWith('/') ? one.path : `${one.path}/`))
      .map(({ name, value }) => `${name}=${value}`)
      .join('; ')
    const request = new Request(`${URL_OF_PORTAL}${path}`, {
      method,
      headers: { host: 'devices.example.test', ...this.headers, ...(cookie !== '' && { cookie }), ...headers },
      ...(body !== undefined && { body }),
    })
    const response = await this.#fixture.app.fetch(request, { ip: this.ip })
    for (const line of response.headers.getSetCookie()) this.#keep(line)
    const text = await response.text()
    return { status: response.status, headers: response.headers, text, to: response.headers.get('location') ?? '', hidden: action => hiddenOf(text, action) }
  }

  #keep(line: string): void {
    const [pair = '', ...attributes] = line.split('; ')
    const at = pair.indexOf('=')
    const [name, value] = [pair.slice(0, at), pair.slice(at + 1)]
    const path = attributes.find(one => one.startsWith('Path='))?.slice(5) ?? '/'
    const known = this.cookies.findIndex(cookie => cookie.name === name && cookie.path === path)
    if (known >= 0) this.cookies.splice(known, 1)
    if (value !== '') this.cookies.push({ name, value, path })
  }
}

function hiddenOf(page: string, action: string): Record<string, string> {
  const escaped = action.replaceAll('&', '&amp;')
  const forms = [...page.matchAll(/<form[^>]*>.*?<\/form>/gs)].map(([form]) => form).filter(form => form.includes(`action="${escaped}"`))
  if (forms.length === 0) throw new Error(`no form is posted to ${action}`)
  const inputs = [...(forms[0] ?? '').matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)"/g)]
  return Object.fromEntries(inputs.map(([, name = '', value = '']) => [name, value]))
}
