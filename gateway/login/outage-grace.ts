/**
 * Logins while the database is away (`store.outage_grace`): whoever proved his secret to this process a short while ago is let in again by what was read then.
 * Everybody else is told "later", as without it: a secret that is not remembered is never called wrong.
 *
 * SECURITY: what is changed while the database is away is not known here; that is the price, and why it is off unless somebody sets it. What was changed before is:
 * each time the generation moves, those whom the audit names are forgotten. Nothing of a secret is kept but an HMAC under a key that dies with the process.
 */
import { createHmac, randomBytes } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import { MailwicketError } from '../../base/errors.ts'
import type { DeviceId } from '../../base/ids.ts'
import type { Secret } from '../../base/secret.ts'
import type { GatewayStore } from '../../store/gateway-side/gateway-store.ts'
import type { LoginDevice, LoginMailbox, LoginRecord } from '../../store/schema/login-record.ts'
import type { SendingTerms } from '../../store/sending/sending-rows.ts'
import { LIMITS } from '../limits.ts'

/** A login that was let in, with the generation at which it was found good. */
export interface ProvedLogin {
  readonly device: LoginDevice
  readonly mailbox: LoginMailbox
  readonly generation: number
}

interface Remembered extends Omit<ProvedLogin, 'generation'> {
  /** On the monotonic clock. */
  readonly until: number
}

type GracedStore = Pick<GatewayStore, 'findLogin' | 'readGeneration' | 'readSendingTerms'>

/** What of the audit takes nothing from who was let in. Whatever is not known here might. */
const HARMLESS = [
  /^(token|invitation|notice|limits|key)\./,
  /^(device\.(added|renamed)|mailbox\.(added|alias-added)|store\.(backed-up|exported))$/,
  /^user\.(added|password|recovery-.*|role-.*|sessions-ended|sign-in-reset|signed-in)$/,
]

export class OutageGrace {
  readonly #store: GatewayStore
  readonly #graceMs: number
  readonly #now: () => number
  readonly #key = randomBytes(32)
  readonly #logins: LRUCache<string, Remembered>
  /** By device and by mailbox: the keys of `#logins`. */
  readonly #keysOf = new Map<string, Set<string>>()
  readonly #terms = new LRUCache<DeviceId, SendingTerms>({ max: LIMITS.rememberedLogins })
  /** Devices as they were handed out from memory: to let them in once more proves nothing new. */
  readonly #handedOut = new WeakSet<LoginDevice>()
  /** The generation up to which those who changed are forgotten; undefined: not looked yet. */
  #generation: number | undefined
  #lastChange: number | undefined

  constructor(store: GatewayStore, graceMs: number, now: () => number = () => performance.now()) {
    this.#store = store
    this.#graceMs = graceMs
    this.#now = now
    this.#logins = new LRUCache({ max: LIMITS.rememberedLogins, dispose: (login, key) => this.#unlink(login, key) })
  }

  /** The store as logins see it: what it cannot tell while it is away, this remembers. */
  get store(): GatewayStore {
    const graced: GracedStore = {
      findLogin: (address, secret) => this.#orElse(this.#store.findLogin(address, secret), () => this.#find(address, secret)),
      readGeneration: () => this.#orElse(this.#store.readGeneration(), () => this.#generation),
      readSendingTerms: device => this.#orElse(this.#readTerms(device), () => this.#terms.get(device)),
    }
    return new Proxy(this.#store, {
      get: (target, name) => {
        if (Object.hasOwn(graced, name)) return graced[name as keyof GracedStore]
        const value: unknown = Reflect.get(target, name, target)
        // Its fields are private: a method must see the store itself.
        return typeof value === 'function' ? value.bind(target) : value
      },
    })
  }

  /** A login was let in; `address` and `secret` as the store was asked for them. */
  remember(address: string, secret: Secret, { device, mailbox, generation }: ProvedLogin): void {
    if (this.#handedOut.has(device) || device.kind === 'legacy') return
    // What changed since was looked through already, for those who were known then.
    if (this.#generation === undefined || generation < this.#generation) return
    const key = this.#keyOf(address, secret)
    const login = { device, mailbox, until: this.#now() + this.#graceMs }
    this.#logins.set(key, login)
    for (const id of idsOf(login)) this.#keysOf.set(id, (this.#keysOf.get(id) ?? new Set()).add(key))
  }

  /** Whether it was let in from memory. */
  isFromMemory(device: LoginDevice): boolean {
    return this.#handedOut.has(device)
  }

  /** The generation moved: forgets whoever has changed. Throws STORE_UNAVAILABLE; then it is to be called again. */
  async follow(generation: number): Promise<void> {
    const { changes, last, isWhole } = await this.#store.readChanges(this.#lastChange)
    for (const { action, subjectId } of changes) {
      if (HARMLESS.some(one => one.test(action))) continue
      if (subjectId === null || !/^(device|mailbox|session)\./.test(action)) this.#forgetAll()
      else this.#forget(subjectId)
    }
    if (!isWhole) this.#forgetAll()
    this.#lastChange = last
    this.#generation = generation
  }

  #find(address: string, secret: Secret): LoginRecord | undefined {
    const login = this.#logins.get(this.#keyOf(address, secret))
    if (login === undefined || this.#generation === undefined || login.until <= this.#now()) return undefined
    const device = { ...login.device }
    this.#handedOut.add(device)
    return { mailbox: login.mailbox, devices: [device], generation: this.#generation }
  }

  async #readTerms(device: DeviceId): Promise<SendingTerms> {
    const terms = await this.#store.readSendingTerms(device)
    if (this.#keysOf.has(device)) this.#terms.set(device, terms)
    return terms
  }

  /** SECURITY: only a store that cannot be reached; one that is damaged or says no has answered. */
  async #orElse<Answer>(asked: Promise<Answer>, remembered: () => Answer | undefined): Promise<Answer> {
    try {
      return await asked
    } catch (error) {
      if (!(error instanceof MailwicketError && error.code === 'STORE_UNAVAILABLE')) throw error
      const answer = remembered()
      if (answer === undefined) throw error
      return answer
    }
  }

  #keyOf(address: string, secret: Secret): string {
    return createHmac('sha256', this.#key).update(`${address}\0`).update(secret.reveal()).digest('base64')
  }

  #forget(id: string): void {
    for (const key of [...(this.#keysOf.get(id) ?? [])]) this.#logins.delete(key)
    this.#terms.delete(id as DeviceId)
  }

  #forgetAll(): void {
    this.#logins.clear()
    this.#keysOf.clear()
    this.#terms.clear()
  }

  #unlink(login: Remembered, key: string): void {
    for (const id of idsOf(login)) {
      const keys = this.#keysOf.get(id)
      keys?.delete(key)
      if (keys?.size === 0) this.#keysOf.delete(id)
    }
  }
}

function idsOf({ device, mailbox }: Pick<Remembered, 'device' | 'mailbox'>): readonly string[] {
  return [device.id, mailbox.id]
}
