/**
 * Tokens of forms: one for each form that is shown, bound to session and route, good for an hour and for one thing that is made.
 *
 * Whether it was used is in the store (`Once`), taken in the transaction that makes the thing; here is only whether it is ours.
 */
import { createHash, randomUUID } from 'node:crypto'
import { Secret } from '../../base/secret.ts'
import type { Keyring } from '../../store/keys/master-key.ts'
import { openBlob, sealBlob } from '../../store/keys/sealed-blob.ts'
import type { OnceKey } from '../../store/sign-in/once.ts'

const LIFETIME_MS = 3_600_000

export interface FormPlace {
  /** Of the portal session: it stays the same when the session is renewed. */
  readonly session: string
  /** Method and path, as `POST /m/office@example.com/devices`. */
  readonly route: string
}

export function makeFormToken(keyring: Keyring, { session, route }: FormPlace, now: number): string {
  return sealBlob(keyring, Secret.fromText(randomUUID()), { purpose: 'form token', bindings: [session, route] }, now + LIFETIME_MS)
}

/** What to take of `Once` before anything is made; undefined: not a token of this form, or too old. */
export function readFormToken(keyring: Keyring, token: string, { session, route }: FormPlace, now: number): OnceKey | undefined {
  if (openBlob(keyring, token, { purpose: 'form token', bindings: [session, route] }, now) === undefined) return undefined
  // Kept longer than the token lives: one of its last second is not taken twice.
  return { hash: createHash('sha256').update(token).digest('base64url'), request: route, lifetimeMs: LIFETIME_MS + 60_000 }
}
