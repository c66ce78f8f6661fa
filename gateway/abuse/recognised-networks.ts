/**
 * The address blocks from which a mailbox's devices logged in within 30 days: the store knows them, this asks and remembers for a while.
 */
import { LRUCache } from 'lru-cache'
import type { MailboxId } from '../../base/ids.ts'
import type { GatewayStore } from '../../store/gateway-side/gateway-store.ts'
import type { RecognisedNetworkRecord } from '../../store/limits/limit-records.ts'
import { RECOGNISED_NETWORK_MS } from '../../store/schema/failure-limits.ts'
import { LIMITS } from '../limits.ts'

export type RecognisedNetworkStore = Pick<GatewayStore, 'isRecognisedNetwork' | 'isRecognisedByAnyMailbox'>

export class RecognisedNetworks {
  readonly #store: RecognisedNetworkStore
  /** What this process proved: the store may not know it yet, and need not hear of it twice a day. Values: when. */
  readonly #proved = new LRUCache<string, number>({ max: LIMITS.recognisedNetworksInMemory })
  /** Whether nobody is known in a block. */
  readonly #unknownToAll = new LRUCache<string, boolean>({ max: LIMITS.countedBlocks, ttl: LIMITS.unknownBelievedMs })
  /** Pairs of which the store said no a moment ago: in a flood it is asked about each of them again and again. */
  readonly #unrecognised = new LRUCache<string, true>({ max: LIMITS.countedBlocks, ttl: LIMITS.unknownBelievedMs })
  #records: RecognisedNetworkRecord[] = []

  constructor(store: RecognisedNetworkStore) {
    this.#store = store
  }

  /** Throws STORE_UNAVAILABLE. */
  async isRecognised(block: string, address: string): Promise<boolean> {
    const now = Date.now()
    // Only until the store knows it: a mailbox may be removed and made anew.
    const pair = `${block} ${address}`
    if ((this.#proved.get(pair) ?? 0) > now - LIMITS.provedBelievedMs) return true
    if (this.#unrecognised.has(pair)) return false
    const isRecognised = await this.#store.isRecognisedNetwork(address, block, now - RECOGNISED_NETWORK_MS)
    if (!isRecognised) this.#unrecognised.set(pair, true)
    return isRecognised
  }

  /** Whether no mailbox knows the block; `false` when the store cannot say. Never rejects. */
  async isUnknown(block: string): Promise<boolean> {
    const believed = this.#unknownToAll.get(block)
    if (believed !== undefined) return believed
    try {
      const isUnknown = !(await this.#store.isRecognisedByAnyMailbox(block, Date.now() - RECOGNISED_NETWORK_MS))
      this.#unknownToAll.set(block, isUnknown)
      return isUnknown
    } catch {
      // The login will say that the store is down, and log it.
      return false
    }
  }

  /** A device of the mailbox gave its right secret there. */
  prove(block: string, address: string, mailbox: MailboxId): void {
    const now = Date.now()
    const key = `${block} ${address}`
    if ((this.#proved.get(key) ?? 0) > now - LIMITS.recognisedNetworkRepeatMs) return
    this.#proved.set(key, now)
    this.#unknownToAll.set(block, false)
    this.#unrecognised.delete(key)
    if (this.#records.length < LIMITS.pendingActivity) this.#records.push({ mailbox, block, at: now })
  }

  /** What the store has to be told, at most `limit` of it. */
  takeRecords(limit: number): RecognisedNetworkRecord[] {
    return this.#records.splice(0, limit)
  }

  /** Puts back what could not be written. */
  keepRecords(records: readonly RecognisedNetworkRecord[]): void {
    this.#records = [...records, ...this.#records].slice(-LIMITS.pendingActivity)
  }
}
