/**
 * A store of its own for a test, in a temporary folder, with a clock that stands still until the test moves it.
 */
import { constants, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { CompiledQuery, sql } from 'kysely'
import { inject } from 'vitest'
import { makeId, type NodeId } from '../base/ids.ts'
import { Secret } from '../base/secret.ts'
import { formatPostgresUrl } from '../config/store-url.ts'
import { GatewayRecords } from './gateway-side/gateway-records.ts'
import type { GatewayStore } from './gateway-side/gateway-store.ts'
import { LoginQueries } from './gateway-side/login-queries.ts'
import { openGatewayStore } from './gateway-side/open-gateway-store.ts'
import { createKeyFile, type Keyring, keyFilePath, loadKeyring } from './keys/master-key.ts'
import { openPepper } from './keys/store-keys.ts'
import { LimitQueries } from './limits/limit-queries.ts'
import { LimitRecords } from './limits/limit-records.ts'
import { filePathOf, openBackend, type StoreConfig } from './open-backend.ts'
import { createStore, openStore, type Store } from './open-store.ts'
import { bucketOf } from './passwords/tag.ts'
import { SendingQueries } from './sending/sending-queries.ts'
import { ACTOR, TEMPLATE_AT, TEMPLATE_DATABASE } from './store-template-fixture.ts'

export { ACTOR }

export type TestNode = Omit<GatewayStore, 'openUpstreamSecret' | 'tagsOf' | 'integrity'>

export class StoreFixture {
  readonly dir = mkdtempSync(join(tmpdir(), 'mailwicket-store-'))
  readonly config: { readonly store: StoreConfig; readonly dataDir: string; readonly generatedOnly: boolean }
  readonly #database = inject('storeTemplate').postgresPort === undefined ? undefined : `t${process.pid}_${++databases}`
  keyring: Keyring
  now = TEMPLATE_AT
  readonly #origin: 'template' | 'new'
  readonly #open = new Set<{ close(): Promise<void> }>()

  /** `template`: it begins as a copy of the run's template, keys and pepper included. `new`: made from nothing, with a master key of its own. */
  constructor({ origin = 'template' }: { readonly origin?: 'template' | 'new' } = {}) {
    this.#origin = origin
    this.config = { store: this.#place(), dataDir: join(this.dir, 'data'), generatedOnly: false }
    if (origin === 'template') copy(inject('storeTemplate').keyPath, keyFilePath(this.dir))
    this.keyring = origin === 'new' ? createKeyFile(keyFilePath(this.dir)) : this.loadKeyring()
  }

  get isFile(): boolean {
    return this.#database === undefined
  }

  /** All that the database holds, as far as it can be looked at; close the store first. */
  async contents(): Promise<string> {
    if (this.isFile) return readFileSync(this.path, 'latin1')
    const { rows: tables } = await this.query(`select tablename as name from pg_tables where schemaname = 'public'`)
    const rows = await Promise.all(tables.map(({ name }) => this.query(`select t::text as row from ${name} t`)))
    return JSON.stringify(rows)
  }

  /** Of the file, for tests of what only a file can do. */
  get path(): string {
    return filePathOf(this.config.store)
  }

  readonly clock = (): number => this.now

  async create(): Promise<Store> {
    const isCopy = this.#origin === 'template' && this.now === TEMPLATE_AT
    if (this.#database !== undefined) await onServer(`create database ${this.#database}${isCopy ? ` template ${TEMPLATE_DATABASE}` : ''}`)
    else if (isCopy) copy(inject('storeTemplate').sqlitePath, this.path)
    if (isCopy) return this.open()
    return this.#keep((await createStore({ config: this.config, keyring: this.keyring, actor: ACTOR, now: this.clock })).as(ACTOR))
  }

  /** Where a store could be, without one. */
  async makePlace(): Promise<void> {
    if (this.#database !== undefined) await onServer(`create database ${this.#database}`)
  }

  /** The store is gone, and so is its place; close it first. */
  async lose(): Promise<void> {
    if (this.#database === undefined) rmSync(dirname(this.path), { recursive: true })
    else await onServer(`drop database ${this.#database} with (force)`)
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
    const records = new GatewayRecords(writer, node)
    const limitQueries = new LimitQueries(reader.db)
    const limitRecords = new LimitRecords(writer)
    return this.#keep({
      node,
      findLogin: (address, secret) => queries.findLogin(address, bucketOf(pepper, secret), this.now),
      readGeneration: () => queries.readGeneration(),
      findDeviceStatuses: devices => queries.findDeviceStatuses(devices),
      findKickedSessions: () => queries.findKickedSessions(node),
      readChanges: after => queries.readChanges(after),
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
      const { rows, numAffectedRows } = await backend.db.executeQuery<Record<string, unknown>>(
        CompiledQuery.raw(this.#database === undefined ? text : numbered(text), [...values]),
      )
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
    if (this.#database !== undefined) await onServer(`drop database if exists ${this.#database} with (force)`)
    rmSync(this.dir, { recursive: true, force: true })
  }

  #place(): StoreConfig {
    if (this.#database !== undefined) return postgresStore(this.#database)
    return { url: 'sqlite:mailwicket.db', sqlitePath: join(this.dir, 'data', 'mailwicket.db') }
  }

  #keep<Opened extends { close(): Promise<void> }>(store: Opened): Opened {
    this.#open.add(store)
    return store
  }
}

let databases = 0

function postgresStore(database: string): StoreConfig {
  const port = inject('storeTemplate').postgresPort ?? 0
  const tls = { mode: 'disable', ca: undefined, cert: undefined, key: undefined } as const
  const postgres = { hosts: [{ host: '127.0.0.1', port }], database, user: 'mailwicket', password: undefined, tls, mustWrite: false }
  return { url: formatPostgresUrl(postgres), postgres }
}

/** What cannot run in a transaction, nor in the database that it is about. */
async function onServer(text: string): Promise<void> {
  const backend = await openBackend(postgresStore('postgres'), 'write')
  await sql
    .raw(text)
    .execute(backend.db)
    .finally(() => backend.close())
}

/** `?` as PostgreSQL writes it. */
function numbered(text: string): string {
  let count = 0
  return text.replace(/\?/g, () => `$${++count}`)
}

function copy(from: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true, mode: 0o700 })
  cpSync(from, to, { mode: constants.COPYFILE_FICLONE })
}

export const secret = (text: string): Secret => Secret.fromText(text)
