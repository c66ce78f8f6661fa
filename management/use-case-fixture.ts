/**
 * A store with two mailboxes of two domains, people and devices, for tests of use cases; and actors for each role.
 */
import type { UserId } from '../base/ids.ts'
import type { Config } from '../config/config.ts'
import type { Rights } from '../store/accounts/people/role-rows.ts'
import type { Nouns, Store } from '../store/open-store.ts'
import type { Right } from '../store/schema/rights-and-scopes.ts'
import { StoreFixture, secret } from '../store/store-fixture.ts'
import type { Operator, Person } from './actor.ts'
import type { UseCaseContext } from './use-case.ts'

export const OFFICE = 'office@example.test'
/** Where `me` has neither a right nor a role. */
export const ELSEWHERE = 'office@other.test'
export const OPERATOR: Operator = { kind: 'operator', name: 'root', source: 'cli' }

export const upstream = {
  name: 'main',
  domains: ['example.test', 'other.test'],
  imap: { host: '127.0.0.1', port: 1, tls: 'none' },
  auth: { method: 'stored' },
} as unknown as Config['upstreams'][number]

export class UseCaseFixture {
  readonly files = new StoreFixture()
  readonly store: Store
  readonly context: UseCaseContext

  private constructor(files: StoreFixture, store: Store) {
    this.files = files
    this.store = store
    const listen = [{ protocol: 'imap', port: 993, tls: 'implicit' }]
    const config = { hostname: 'mail.example.test', listen, upstreams: [upstream, { ...upstream, name: 'second', domains: [] }] } as unknown as Config
    this.context = { store, config }
  }

  /** `me` has nothing yet but a device in each mailbox. */
  static async open(): Promise<UseCaseFixture> {
    const files = new StoreFixture()
    const store = await files.create()
    for (const login of ['me', 'zoe', 'boss']) await store.users.add({ login })
    await store.roles.grant('boss', { role: 'admin' })
    for (const address of [OFFICE, ELSEWHERE]) {
      await store.mailboxes.add({ address, upstream: 'main', secret: secret('upstream/marker+case') })
      await store.rights.set('zoe', address, { use: true, send: true })
      await store.devices.add(address, { name: 'mine', user: 'me' })
      await store.devices.add(address, { name: 'hers', user: 'zoe' })
      await store.devices.add(address, { name: 'tablet' })
    }
    return new UseCaseFixture(files, store)
  }

  async person(login: string): Promise<Person> {
    return { kind: 'person', user: (await this.store.users.get(login)).id as UserId, login, source: 'test' }
  }

  /** Gives `me` rights at the office. */
  async entitle(...rights: Right[]): Promise<Person> {
    const given = Object.fromEntries(rights.map(right => [right, true])) as Partial<Rights>
    await this.store.rights.set('me', OFFICE, given)
    return this.person('me')
  }

  /** A context in which everything is tried and nothing stays. */
  get trial(): UseCaseContext {
    return { ...this.context, around: undo }
  }

  remove(): Promise<void> {
    return this.files.remove()
  }
}

/** The change was allowed and made, and undone again. */
export class Undone extends Error {}

async function undo<Result>(_: Nouns, act: () => Promise<Result>): Promise<Result> {
  await act()
  throw new Undone()
}
