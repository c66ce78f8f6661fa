/**
 * The store of a gateway: reads on connections of their own, writes where they hold up no session (`gateway-store.ts`).
 */

import { type DeviceId, makeId, type NodeId, type SessionId } from '../../base/ids.ts'
import { Problem } from '../../base/problems.ts'
import type { Secret } from '../../base/secret.ts'
import type { Config } from '../../config/config.ts'
import type { Keyring } from '../keys/master-key.ts'
import { openSealed } from '../keys/seal.ts'
import { getStoreKeyId, openPepper, upstreamSecretPlace } from '../keys/store-keys.ts'
import { LimitQueries } from '../limits/limit-queries.ts'
import type { FailureRecord, FailureRow, RecognisedNetworkRecord } from '../limits/limit-records.ts'
import { featuresOf, openBackend } from '../open-backend.ts'
import { bucketOf, type Tags, tagsOf } from '../passwords/tag.ts'
import type { Backend, Integrity } from '../schema/backend.ts'
import type { DeviceStatus, LoginMailbox, LoginRecord } from '../schema/login-record.ts'
import { SendingQueries } from '../sending/sending-queries.ts'
import type { SendingTerms } from '../sending/sending-rows.ts'
import { DirectWriter } from './direct-writer.ts'
import type { Batch, Changes, GatewayStore, GatewayWriter } from './gateway-store.ts'
import { LoginQueries } from './login-queries.ts'
import { ThreadedWriter } from './threaded-writer.ts'

export interface GatewayStoreOptions {
  readonly config: Pick<Config, 'store'>
  readonly keyring: Keyring
  readonly now?: (() => number) | undefined
  /** Its id; a new one unless told. Rows that an earlier run left under it go. */
  readonly node?: NodeId
  /** Whether it is for this gateway to look whether the store is whole: yes unless told. */
  readonly isFirst?: boolean
}

/** Opens the store and joins it as a new node. Throws NOT_FOUND, STORE_TOO_OLD, STORE_TOO_NEW, STORE_DAMAGED, STORE_UNAVAILABLE, KEY_WRONG. */
export async function openGatewayStore({
  config,
  keyring,
  now = Date.now,
  node = makeId<NodeId>(),
  isFirst = true,
}: GatewayStoreOptions): Promise<GatewayStore> {
  // The writer first: it makes the files that a read-only connection needs, and cleans up after a crash.
  const Writer = featuresOf(config.store).blocksItsThread ? ThreadedWriter : DirectWriter
  const writer: GatewayWriter = await Writer.start({ store: config.store, node, checksIntegrity: isFirst }, now)
  let reader: Backend | undefined
  try {
    reader = await openBackend(config.store, 'read')
    keyring.get(await getStoreKeyId(reader.db))
    const pepper = await openPepper(reader.db, keyring)
    await writer.record({ connections: [], activity: [], sessions: [], endedSessions: [] })
    return new OpenGatewayStore({ node, keyring, pepper, reader, writer, now: writer.now ?? now })
  } catch (error) {
    await reader?.close()
    await writer.close()
    throw error
  }
}

interface Parts {
  readonly node: NodeId
  readonly keyring: Keyring
  readonly pepper: Secret
  readonly reader: Backend
  readonly writer: GatewayWriter
  readonly now: () => number
}

class OpenGatewayStore implements GatewayStore {
  readonly node: NodeId
  readonly listen?: NonNullable<GatewayStore['listen']>
  readonly readSpace?: NonNullable<GatewayStore['readSpace']>
  readonly #parts: Parts
  readonly #queries: LoginQueries
  readonly #sending: SendingQueries
  readonly #limits: LimitQueries

  constructor(parts: Parts) {
    this.node = parts.node
    this.#parts = parts
    this.#queries = new LoginQueries(parts.reader.db)
    this.#sending = new SendingQueries(parts.reader.db)
    this.#limits = new LimitQueries(parts.reader.db)
    const { listen } = parts.reader
    if (listen !== undefined) this.listen = listen
    const { reserve } = parts.reader
    if (reserve !== undefined) this.readSpace = () => reserve.readSpace()
  }

  get integrity(): Integrity {
    return this.#parts.writer.integrity
  }

  findLogin(address: string, secret: Secret): Promise<LoginRecord | undefined> {
    return this.#queries.findLogin(address, bucketOf(this.#parts.pepper, secret), this.#parts.now())
  }

  readGeneration(): Promise<number> {
    return this.#queries.readGeneration()
  }

  findDeviceStatuses(devices: readonly DeviceId[]): Promise<ReadonlyMap<DeviceId, DeviceStatus>> {
    return this.#queries.findDeviceStatuses(devices)
  }

  findKickedSessions(): Promise<readonly SessionId[]> {
    return this.#queries.findKickedSessions(this.node)
  }

  readChanges(after: number | undefined): Promise<Changes> {
    return this.#queries.readChanges(after)
  }

  readSendingTerms(device: DeviceId): Promise<SendingTerms> {
    return this.#sending.readSendingTerms(device, this.#parts.now())
  }

  readUpstreamKeywords(): Promise<ReadonlyMap<string, ReadonlyMap<string, string>>> {
    return this.#sending.readUpstreamKeywords()
  }

  isRecognisedNetwork(address: string, block: string, after: number): Promise<boolean> {
    return this.#limits.isRecognisedNetwork(address, block, after)
  }

  isRecognisedByAnyMailbox(block: string, after: number): Promise<boolean> {
    return this.#limits.isRecognisedByAnyMailbox(block, after)
  }

  readFailures(revision: number, limit: number): Promise<{ rows: readonly FailureRow[]; revision: number }> {
    return this.#limits.readFailures(revision, limit)
  }

  recordFailures(failures: readonly FailureRecord[], recognisedNetworks: readonly RecognisedNetworkRecord[]): Promise<void> {
    return this.#parts.writer.recordFailures(failures, recognisedNetworks)
  }

  openUpstreamSecret({ id, address, sealedSecret }: LoginMailbox): Secret {
    if (sealedSecret === null) {
      throw new Problem('mailbox.no-secret', { address })
    }
    return openSealed(this.#parts.keyring, sealedSecret, upstreamSecretPlace(id))
  }

  tagsOf(mailbox: string, secret: Secret): Tags {
    return tagsOf(this.#parts.pepper, mailbox, secret)
  }

  record(batch: Batch): Promise<void> {
    return this.#parts.writer.record(batch)
  }

  setTag(device: DeviceId, tag: Uint8Array): Promise<void> {
    return this.#parts.writer.setTag(device, tag)
  }

  async close(): Promise<void> {
    // The reader first: the last connection to close folds the WAL into the database, and only a writer can.
    await this.#parts.reader.close()
    await this.#parts.writer.close()
  }
}
