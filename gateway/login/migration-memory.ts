/**
 * What the upstreams said of migration passwords lately: refused ones are not tried again and again, accepted ones need not queue with guesses.
 *
 * SECURITY: it holds no secret, only truncated HMACs under a key that nobody but the gateway processes of this machine have. It lets nobody in: who is let in was
 * accepted by the upstream at that very login.
 */
import { createHmac, randomBytes } from 'node:crypto'
import type { Endpoint } from '../../base/network.ts'
import type { Secret } from '../../base/secret.ts'
import type { LoginMailbox } from '../../store/schema/login-record.ts'
import { LIMITS } from '../limits.ts'

export type MigrationMemoryKey = string & { readonly brand: 'MigrationMemoryKey' }

export interface MigrationServer {
  readonly protocol: 'imap' | 'submission'
  /** Undefined: the upstream has none for this protocol. */
  readonly server: Endpoint | undefined
}

export interface MigrationMemoryOptions {
  /** Milliseconds of any clock that never goes back. */
  readonly now?: () => number
  /** 32 bytes, the same in all processes of this machine. */
  readonly key?: Uint8Array
  /** Tells the others of them. */
  readonly onRecorded?: (key: MigrationMemoryKey, what: 'refused' | 'accepted') => void
}

export class MigrationMemory {
  readonly #key: Uint8Array
  readonly #onRecorded: MigrationMemoryOptions['onRecorded']
  readonly #now: () => number
  readonly #refused: ExpiringSet
  readonly #accepted: ExpiringSet

  constructor({ now = () => performance.now(), key = randomBytes(32), onRecorded = () => {} }: MigrationMemoryOptions = {}) {
    this.#now = now
    this.#key = key
    this.#onRecorded = onRecorded
    this.#refused = new ExpiringSet(LIMITS.migrationRefusedMs, LIMITS.migrationMemoryEntries)
    // In a set of their own: no flood of wrong ones drives them out.
    this.#accepted = new ExpiringSet(LIMITS.migrationAcceptedMs, LIMITS.migrationMemoryEntries)
  }

  /** For one secret at one login of one server; the two protocols may be two servers with two passwords. */
  keyOf({ protocol, server }: MigrationServer, { id, upstream, login }: LoginMailbox, secret: Secret): MigrationMemoryKey {
    // JSON has no NUL: the parts cannot be shifted against each other.
    const digest = createHmac('sha256', this.#key)
      .update(`${JSON.stringify([protocol, server?.host, server?.port, id, upstream, login])}\0`)
      .update(secret.reveal())
      .digest('base64')
    return digest.slice(0, 24) as MigrationMemoryKey
  }

  recall(key: MigrationMemoryKey): 'refused' | 'accepted' | undefined {
    const now = this.#now()
    if (this.#refused.has(key, now)) return 'refused'
    return this.#accepted.has(key, now) ? 'accepted' : undefined
  }

  record(key: MigrationMemoryKey, what: 'refused' | 'accepted'): void {
    this.learn(key, what)
    this.#onRecorded?.(key, what)
  }

  /** What another process of this machine recorded. */
  learn(key: MigrationMemoryKey, what: 'refused' | 'accepted'): void {
    const [to, from] = what === 'refused' ? [this.#refused, this.#accepted] : [this.#accepted, this.#refused]
    from.delete(key)
    to.add(key, this.#now())
  }
}

/** Forgets each entry after a time, the oldest first when there are too many. */
class ExpiringSet {
  readonly #lifeMs: number
  readonly #max: number
  /** Key → when it is forgotten; in the order of adding, so the first is the oldest. */
  readonly #entries = new Map<string, number>()

  constructor(lifeMs: number, max: number) {
    this.#lifeMs = lifeMs
    this.#max = max
  }

  has(key: string, now: number): boolean {
    const until = this.#entries.get(key)
    if (until === undefined) return false
    if (until > now) return true
    this.#entries.delete(key)
    return false
  }

  add(key: string, now: number): void {
    this.#entries.delete(key)
    this.#entries.set(key, now + this.#lifeMs)
    for (const [oldest, until] of this.#entries) {
      if (until > now && this.#entries.size <= this.#max) return
      this.#entries.delete(oldest)
    }
  }

  delete(key: string): void {
    this.#entries.delete(key)
  }
}
