/**
 * Hashing of app passwords: argon2id behind a bounded queue, with a memo of successes. The only adapter for argon2.
 *
 * Invariants: a hash that cannot be judged (malformed, other algorithm, hostile parameters) throws and is never "wrong password";
 * SECURITY: the memo holds only that a pure function (PHC string, secret) was true. Whether a device is still good is not its business.
 */
import { createHmac, randomBytes } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import { MailwicketError } from '../../base/errors.ts'
import { orAborted } from '../../base/or-aborted.ts'
import type { Secret } from '../../base/secret.ts'
import { HashQueue, type HashTurn } from './hash-queue.ts'

/** OWASP Password Storage: argon2id with 19 MiB, two passes, one lane. */
const MEMORY_KIB = 19_456
const PASSES = 2
const LANES = 1
/** A stored hash may be imported: these bounds keep one row from taking the machine's memory or a minute of its time. */
const MAX_MEMORY_KIB = 256 * 1024
const MAX_PASSES = 10
const MAX_LANES = 8
const PHC = /^\$argon2id\$v=19\$([mtp]=[1-9]\d{0,9}(?:,[mtp]=[1-9]\d{0,9}){2})\$[A-Za-z0-9+/]{11,86}\$[A-Za-z0-9+/]{16,86}$/
/**
 * argon2 runs on libuv's pool, which has four threads unless the environment says more: two stay free for DNS and files, so that logins
 * of others go on while hashes are computed. A main that enlarges the pool passes a larger number.
 */
const CONCURRENCY = 2
/** At 25 ms and two at a time, the last of 256 waits 3 s: an app still waits, and the client that comes later is told to try again. */
const MAX_WAITING = 256
/** About 200 bytes an entry: 6 MiB. A device that falls out costs one argon2 at its next login. */
const MEMO_ENTRIES = 32_768

/** Told what hashing costs and what the memo saves. */
export interface HashObserver {
  /** One argon2, without its wait in the queue. */
  hashed(seconds: number): void
  memoHit(): void
}

/** One that several may wait for. */
interface Verification {
  readonly result: Promise<boolean>
  wanted: number
  readonly giveUp: (reason: unknown) => void
}

export interface PasswordHasherOptions {
  readonly observer?: HashObserver
  readonly concurrency?: number
  readonly maxWaiting?: number
}

export class PasswordHasher {
  readonly #queue: HashQueue
  readonly #memoKey = randomBytes(32)
  readonly #memo = new LRUCache<string, true>({ max: MEMO_ENTRIES })
  readonly #inFlight = new Map<string, Verification>()
  readonly #observer: HashObserver | undefined

  constructor({ concurrency = CONCURRENCY, maxWaiting = MAX_WAITING, observer }: PasswordHasherOptions = {}) {
    this.#observer = observer
    this.#queue = new HashQueue(concurrency, maxWaiting)
  }

  /** Verifications and hashes that wait for their turn. */
  get waiting(): number {
    return this.#queue.waiting
  }

  /** Those that are computed at this moment. */
  get running(): number {
    return this.#queue.running
  }

  /** Whether the next one whose tag fits would be refused. */
  get isFull(): boolean {
    return this.#queue.isFull
  }

  /** Makes the PHC string of a secret. Throws HASH_QUEUE_FULL. */
  hash(secret: Secret): Promise<string> {
    return this.#inTurn({}, async () => {
      const { argon2id, hash } = await import('argon2')
      return hash(secret.reveal(), { type: argon2id, memoryCost: MEMORY_KIB, timeCost: PASSES, parallelism: LANES })
    })
  }

  /** Whether the secret is the one that was hashed. Throws HASH_QUEUE_FULL, HASH_UNUSABLE; what the signal of `turn` carries. */
  async verify(phc: string, secret: Secret, turn: HashTurn = {}): Promise<boolean> {
    const key = this.#memoKeyOf(phc, secret)
    if (this.#memo.get(key) === true) {
      this.#observer?.memoHit()
      return true
    }
    const { signal } = turn
    signal?.throwIfAborted()
    const verification = this.#inFlight.get(key) ?? this.#begin(key, phc, secret, turn.untaggedOf)
    verification.wanted += 1
    // Whoever leaves does not take it from the others who wait for the same; the last one does.
    const onAbort = () => {
      verification.wanted -= 1
      if (verification.wanted === 0) verification.giveUp(signal?.reason)
    }
    return signal === undefined ? verification.result : orAborted(verification.result, signal, onAbort)
  }

  #begin(key: string, phc: string, secret: Secret, untaggedOf: string | undefined): Verification {
    const controller = new AbortController()
    const forget = () => {
      if (this.#inFlight.get(key) === verification) this.#inFlight.delete(key)
    }
    const verification: Verification = {
      result: this.#verifyAfresh(phc, secret, key, { untaggedOf, signal: controller.signal }).finally(forget),
      wanted: 0,
      giveUp: reason => {
        forget()
        controller.abort(reason)
      },
    }
    this.#inFlight.set(key, verification)
    return verification
  }

  async #verifyAfresh(phc: string, secret: Secret, key: string, turn: HashTurn): Promise<boolean> {
    checkPhc(phc)
    const isRight = await this.#inTurn(turn, async () => {
      const { verify } = await import('argon2')
      return verify(phc, secret.reveal())
    })
    if (isRight) this.#memo.set(key, true)
    return isRight
  }

  #memoKeyOf(phc: string, secret: Secret): string {
    const phcBytes = Buffer.from(phc)
    const length = Buffer.allocUnsafe(4)
    length.writeUInt32BE(phcBytes.length)
    return createHmac('sha256', this.#memoKey).update(length).update(phcBytes).update(secret.reveal()).digest('base64')
  }

  #inTurn<Result>(turn: HashTurn, compute: () => Promise<Result>): Promise<Result> {
    return this.#queue.run(turn, async () => {
      const startedAt = performance.now()
      try {
        const result = await compute()
        this.#observer?.hashed((performance.now() - startedAt) / 1000)
        return result
      } catch (error) {
        throw new MailwicketError('HASH_FAILED', { message: `argon2 failed: ${error instanceof Error ? error.message : String(error)}`, cause: error })
      }
    })
  }
}

/** Refuses a stored hash that is not argon2id or asks for more than the bounds. Throws HASH_UNUSABLE, which never quotes it. */
export function checkPhc(phc: string): void {
  // The order of the parameters differs between programs: ours writes m,p,t.
  const parameters = new Map(
    PHC.exec(phc)?.[1]
      ?.split(',')
      .map(parameter => [parameter[0], Number(parameter.slice(2))] as const),
  )
  const [memoryKib, passes, lanes] = [parameters.get('m'), parameters.get('t'), parameters.get('p')]
  if (memoryKib === undefined || passes === undefined || lanes === undefined)
    throw new MailwicketError('HASH_UNUSABLE', { message: 'a stored password hash is not an argon2id PHC string' })
  if (memoryKib > MAX_MEMORY_KIB || passes > MAX_PASSES || lanes > MAX_LANES || memoryKib < 8 * lanes) {
    throw new MailwicketError('HASH_UNUSABLE', {
      message: `a stored password hash asks for m=${memoryKib}, t=${passes}, p=${lanes}; the limits are m=${MAX_MEMORY_KIB}, t=${MAX_PASSES}, p=${MAX_LANES}`,
    })
  }
}
