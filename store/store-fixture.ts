/**
 * A store of its own for a test, in a temporary folder, with a clock that stands still until the test moves it.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Secret } from '../base/secret.ts'
import type { GatewayStore } from './gateway-store.ts'
import { createKeyFile, type Keyring, keyFilePath, loadKeyring } from './master-key.ts'
import { openGatewayStore } from './open-gateway-store.ts'
import { createStore, openStore, type Store } from './open-store.ts'

export const ACTOR = { name: 'root', source: 'cli' } as const

export class StoreFixture {
  readonly dir = mkdtempSync(join(tmpdir(), 'mailwicket-store-'))
  readonly config = { store: { url: 'sqlite:mailwicket.db', sqlitePath: join(this.dir, 'data', 'mailwicket.db') }, generatedOnly: false }
  keyring: Keyring = createKeyFile(keyFilePath(this.dir))
  now = Date.UTC(2026, 10, 22, 6)
  readonly #open = new Set<{ close(): Promise<void> }>()

  get path(): string {
    return this.config.store.sqlitePath
  }

  readonly clock = (): number => this.now

  async create(): Promise<Store> {
    return this.#keep(await createStore({ config: this.config, keyring: this.keyring, actor: ACTOR, now: this.clock }))
  }

  async open(changes: { readonly generatedOnly?: boolean } = {}): Promise<Store> {
    return this.#keep(await openStore({ config: { ...this.config, ...changes }, keyring: () => this.loadKeyring(), actor: ACTOR, now: this.clock }))
  }

  async openGateway(): Promise<GatewayStore> {
    return this.#keep(await openGatewayStore({ config: this.config, keyring: this.loadKeyring(), now: this.clock }))
  }

  loadKeyring(): Keyring {
    return loadKeyring({ dataDir: this.dir, env: {} })
  }

  async remove(): Promise<void> {
    for (const store of this.#open) await store.close().catch(() => undefined)
    rmSync(this.dir, { recursive: true, force: true })
  }

  #keep<Opened extends { close(): Promise<void> }>(store: Opened): Opened {
    this.#open.add(store)
    return store
  }
}

export const secret = (text: string): Secret => Secret.fromText(text)
