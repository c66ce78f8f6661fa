/**
 * A store of its own for a test, in a temporary folder, with a clock that stands still until the test moves it.
 */
import { constants, cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { CompiledQuery } from 'kysely'
import { inject } from 'vitest'
import { makeId, type NodeId } from '../base/ids.ts'
import { Secret } from '../base/secret.ts'
import { GatewayRecords } from './gateway-side/gateway-records.ts'
import type { GatewayStore } from './gateway-side/gateway-store.ts'
import { LoginQueries } from './gateway-side/login-queries.ts'
import { openGatewayStore } from './gateway-side/open-gateway-store.ts'
import { createKeyFile, type Keyring, keyFilePath, loadKeyring } from './keys/master-key.ts'
import { openPepper } from './keys/store-keys.ts'
import { LimitQueries } from './limits/limit-queries.ts'
import { LimitRecords } from './limits/limit-records.ts'
import { openBackend } from './open-backend.ts'
import { createStore, openStore, type Store } from './open-store.ts'
import { bucketOf } from './passwords/tag.ts'
import { SendingQueries } from './sending/sending-queries.ts'
import { ACTOR, TEMPLATE_AT } from './store-template-fixture.ts'

export { ACTOR }

export type TestNode = Omit<GatewayStore, 'openUpstreamSecret' | 'tagsOf' | 'integrity'>

export class StoreFixture {
  readonly dir = mkdtempSync(join(tmpdir(), 'mailwicket-store-'))
  readonly config = { store: { url: 'sqlite:mailwicket.db', sqlitePath: join(this.dir, 'data', 'mailwicket.db') }, generatedOnly: false }
  keyring: Keyring
  now = TEMPLATE_AT
  readonly #origin: 'template' | 'new'
  readonly #open = new Set<{ close(): Promise<void> }>()

  /** `template`: it begins as a copy of the run's template, keys and pepper included. `new`: made from nothing, with a master key of its own. */
  constructor({ origin = 'template' }: { readonly origin?: 'template' | 'new' } = {}) {
    this.#origin = origin
    if (origin === 'template') copy(inject('storeTemplate').keyPath, keyFilePath(this.dir))
    this.keyring = origin === 'new' ? createKeyFile(keyFilePath(this.dir)) : this.loadKeyring()
  }

  get path(): string {
    return this.config.store.sqlitePath
  }

  readonly clock = (): number => this.now

  async create(): Promise<Store> {
    if (this.#origin === 'template' && this.now === TEMPLATE_AT) {
      copy(inject('storeTemplate').sqlitePath, this.path)
      return this.open()
    }
    return this.#keep((await createStore({ config: this.config, keyring: this.keyring, actor: ACTOR, now: this.clock })).as(ACTOR))
  }

  async open(changes: { readonly generatedOnly?: boolean } = {}): Promise<Store> {
    const opened = await openStore({ config: { ...this.config, ...changes }, keyring: () => this.loadKeyring(), now: this.clock })
    return this.#keep(opened.as(ACTOR))
  }

  async openGateway(): Promise<GatewayStore> {
    return this.#keep(await openGatewayStore({ config: this.config, keyring: this.loadKeyring(), now: this.clock }))
  }

  /** What a gateway does with the store, without its worker thread, which takes its time to start. */
  async openNode(): Promise<TestNode> {
    const [writer, reader] = [await openBackend(this.config.store, 'write-records'), await openBackend(this.config.store, 'read')]
    const node = makeId<NodeId>()
    const pepper = await openPepper(reader.db, this.loadKeyring())
    const queries = new LoginQueries(reader.db)
    const sending = new SendingQueries(reader.db)
    const records = new GatewayRecords(writer.db, node)
    const limitQueries = new LimitQueries(reader.db)
    const limitRecords = new LimitRecords(writer.db)
    return this.#keep({
      node,
      findLogin: (address, secret) => queries.findLogin(address, bucketOf(pepper, secret), this.now),
      readGeneration: () => queries.readGeneration(),
      findDeviceStatuses: devices => queries.findDeviceStatuses(devices),
      findKickedSessions: () => queries.findKickedSessions(node),
      readSendingTerms: device => sending.readSendingTerms(device, this.now),
      readUpstreamKeywords: () => sending.readUpstreamKeywords(),
      isRecognisedNetwork: (address, block, after) => limitQueries.isRecognisedNetwork(address, block, after),
      isRecognisedByAnyMailbox: (block, after) => limitQueries.isRecognisedByAnyMailbox(block, after),
      readFailures: (revision, limit) => limitQueries.readFailures(revision, limit),
      recordFailures: (failures, recognisedNetworks) => limitRecords.record(failures, recognisedNetworks, this.now),
      record: batch => records.record(batch, this.now),
      setTag: (device, tag) => records.setTag(device, tag),
      close: async () => {
        await reader.close()
        await records.leave()
        await writer.close()
      },
    })
  }

  /**
   * One statement from outside the store, as another program would run it; gives rows and how many were changed.
   * Not by another SQLite library: two of them in one process take each other's file locks away.
   */
  async query(text: string, values: readonly unknown[] = []): Promise<{ rows: Record<string, unknown>[]; changed: number }> {
    const backend = await openBackend(this.config.store, 'write')
    try {
      const { rows, numAffectedRows } = await backend.db.executeQuery<Record<string, unknown>>(CompiledQuery.raw(text, [...values]))
      return { rows, changed: Number(numAffectedRows ?? 0) }
    } finally {
      await backend.close()
    }
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

function copy(from: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true, mode: 0o700 })
  cpSync(from, to, { mode: constants.COPYFILE_FICLONE })
}

export const secret = (text: string): Secret => Secret.fromText(text)
