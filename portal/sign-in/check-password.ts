/**
 * Whose password is it: the account's, or nobody's. Unknown, wrong and blocked cost one argon2 each and give one answer.
 *
 * A store that is down or a full hash queue is thrown, and never looks like a wrong password.
 */
import { randomBytes } from 'node:crypto'
import { MailwicketError } from '../../base/errors.ts'
import { Secret } from '../../base/secret.ts'
import { parseLogin } from '../../store/accounts/people/user-rows.ts'
import { MAX_ACCOUNT_BYTES, normaliseAccountPassword } from '../../store/passwords/account-password.ts'
import type { SignInRecord } from '../../store/sign-in/credentials.ts'
import { type Client, type Limited, type SignInServices, sourceOf, type Wrong } from './sign-in-services.ts'

export interface RightPassword {
  readonly is: 'right'
  readonly record: SignInRecord
  /** The hash that it fits. */
  readonly phc: string
}

/** What is compared where there is nothing to compare; made once for each hasher, at the first need. */
const substitutes = new WeakMap<object, Promise<string>>()

/** Throws STORE_UNAVAILABLE, HASH_QUEUE_FULL, HASH_UNUSABLE. */
export async function checkPassword(services: SignInServices, typedLogin: string, typed: Secret, client: Client): Promise<RightPassword | Wrong | Limited> {
  const { limiter, hasher } = services
  const login = findLogin(typedLogin)
  const attempt = await limiter.admit(client.ip, login)
  if (attempt.retryAfterSeconds !== undefined) return { is: 'limited', retryAfterSeconds: attempt.retryAfterSeconds }
  // A name that nobody can have costs the same query.
  const record = await services.store.as({ name: login ?? '', source: sourceOf(client) }).credentials.find(login ?? '')
  const substitute = await substituteOf(hasher)
  // What is too long to be one is not hashed in its length: the work stays the same.
  const password = typed.byteLength > MAX_ACCOUNT_BYTES ? Secret.fromText('') : normaliseAccountPassword(typed)
  const isRight = await hasher.verify(record?.phc ?? substitute, password)
  if (isRight && record?.phc != null && record.user.state === 'active') return { is: 'right', record, phc: record.phc }
  const delayMs = await limiter.wrong(attempt, password, login ?? typedLogin)
  await services.wait(limiter.waitOf(client.receivedAt, delayMs))
  return { is: 'wrong' }
}

/** As it is stored; undefined: it can be nobody's. */
export function findLogin(text: string): string | undefined {
  try {
    return parseLogin(text)
  } catch (error) {
    if (error instanceof MailwicketError && error.code === 'BAD_INPUT') return undefined
    throw error
  }
}

/** Makes the first wrong sign-in as slow as the others; to be called when the portal starts. */
export function substituteOf(hasher: SignInServices['hasher']): Promise<string> {
  let substitute = substitutes.get(hasher)
  if (substitute === undefined) {
    substitute = hasher.hash(Secret.fromBytes(randomBytes(32)))
    substitutes.set(hasher, substitute)
    // A failure is not kept: the next one tries again.
    substitute.catch(() => substitutes.delete(hasher))
  }
  return substitute
}
