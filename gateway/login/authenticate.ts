/**
 * The heart (architecture §3): is this secret the app password of a device of this address, and may that device be used?
 *
 * The answer is a value. A store that is down or a full hash queue is thrown and never looks like a wrong password.
 * A wrong secret costs one query and one HMAC and almost never an argon2; a right one costs one argon2, or none when it is memoised.
 */
import { timingSafeEqual } from 'node:crypto'
import { normaliseAddress } from '../../base/address.ts'
import { MailwicketError } from '../../base/errors.ts'
import type { Log } from '../../base/log.ts'
import type { Secret } from '../../base/secret.ts'
import type { GatewayStore } from '../../store/gateway-side/gateway-store.ts'
import { normaliseSecret } from '../../store/passwords/app-password.ts'
import type { PasswordHasher } from '../../store/passwords/password-hash.ts'
import type { LoginDevice, LoginMailbox, LoginRecord, Scope } from '../../store/schema/login-record.ts'
import { isDeadline } from '../../upstream/upstream-failure.ts'
import { judgeDevice } from '../sessions/device-status.ts'
import type { Refusal } from '../sessions/refusal.ts'
import type { Credentials } from './sasl.ts'

export type Verdict =
  /** `generation`: of the store when the device was read. */
  | { readonly device: LoginDevice; readonly mailbox: LoginMailbox; readonly generation: number }
  /** For log and activity only. `device`: which one, where the secret was right; `mailbox`: the address of the one that was meant, where there is one. */
  | { readonly refused: Refusal; readonly device?: LoginDevice; readonly mailbox?: string; readonly migrationOffer?: MigrationOffer }

/** Where no device fits: the mailbox takes its upstream's own password, and this may be it. */
export interface MigrationOffer {
  readonly device: LoginDevice
  readonly mailbox: LoginMailbox
  readonly generation: number
  readonly secret: Secret
}

export interface Authenticator {
  readonly store: Pick<GatewayStore, 'findLogin' | 'tagsOf' | 'setTag'>
  readonly hasher: Pick<PasswordHasher, 'verify'>
  readonly log: Log
}

/** An address that no mailbox can have: one that cannot be normalised costs the same query. */
const NO_ADDRESS = '@'

export interface AuthenticateOptions {
  /** Aborted when the answer is due, or nobody waits for it. */
  readonly signal: AbortSignal
  /** SECURITY: asked before each imported hash without a tag: any secret costs it an argon2, and could be the right one. */
  readonly mayTryUntagged: () => Promise<boolean>
}

/** Throws STORE_UNAVAILABLE, HASH_QUEUE_FULL; whatever the signal carries when it is aborted. */
export async function authenticate(
  authenticator: Authenticator,
  credentials: Credentials,
  circumstances: { scope: Scope; ip: string },
  options: AuthenticateOptions,
): Promise<Verdict> {
  if (credentials.actsAsOther) return { refused: 'acts-as-other' }
  const secret = normaliseSecret(credentials.secret)
  const record = await authenticator.store.findLogin(normaliseAddress(credentials.address) ?? NO_ADDRESS, secret)
  const device = await findProved(authenticator, { mailbox: record?.mailbox.id ?? NO_ADDRESS, devices: record?.devices ?? [], secret }, options)
  if (record === undefined) return { refused: 'unknown-address' }
  const mailbox = record.mailbox.address
  if (device === undefined) return { refused: 'wrong-secret', mailbox, ...offerMigrationPassword(record, credentials.secret, circumstances) }
  const refused = judgeDevice(device, { ...circumstances, now: Date.now() })
  return refused === undefined ? { device, mailbox: record.mailbox, generation: record.generation } : { refused, device, mailbox }
}

/** The migration password is the upstream's to judge; whether it may be tried is judged here, before it leaves. */
function offerMigrationPassword(
  { mailbox, devices, generation }: LoginRecord,
  secret: Secret,
  circumstances: { scope: Scope; ip: string },
): { migrationOffer?: MigrationOffer } {
  const now = Date.now()
  const device = devices.find(one => one.kind === 'legacy' && judgeDevice(one, { ...circumstances, now }) === undefined)
  return device === undefined ? {} : { migrationOffer: { device, mailbox, generation, secret } }
}

/** The device whose password `secret` is; an active one first, when the same was chosen for several. Imported hashes, which have no tag yet, come last. */
async function findProved(
  { store, hasher, log }: Authenticator,
  { mailbox, devices, secret }: { readonly mailbox: string; readonly devices: readonly LoginDevice[]; readonly secret: Secret },
  { signal, mayTryUntagged }: AuthenticateOptions,
): Promise<LoginDevice | undefined> {
  const tags = store.tagsOf(mailbox, secret)
  const candidates = devices.filter(({ kind, tag }) => kind !== 'legacy' && (tag === null || isSame(tag, tags.generated) || isSame(tag, tags.chosen)))
  candidates.sort((a, b) => Number(a.tag === null) - Number(b.tag === null) || Number(a.state !== 'active') - Number(b.state !== 'active'))
  let unusable: unknown
  for (const device of candidates) {
    const untaggedOf = device.tag === null ? mailbox : undefined
    if (untaggedOf !== undefined && !(await mayTryUntagged())) break
    try {
      if (!(await hasher.verify(device.phc, secret, { untaggedOf, signal }))) continue
    } catch (error) {
      // The login's time is over, and it is not the upstream that took it.
      if (error === signal.reason && isDeadline(error)) throw new MailwicketError('HASH_QUEUE_FULL', { message: 'the turn to hash did not come in time' })
      // One hash that cannot be judged must not lock out the mailbox's other devices.
      if (!(error instanceof MailwicketError) || error.code !== 'HASH_UNUSABLE') throw error
      unusable = error
      continue
    }
    if (device.tag === null) {
      store.setTag(device.id, tags.chosen).catch(error => log.warn('store.failed', { err: (error as Error).message, doing: 'tagging an imported hash' }))
    }
    return device
  }
  if (unusable !== undefined) throw unusable
  return undefined
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b)
}
