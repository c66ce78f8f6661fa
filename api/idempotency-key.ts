/**
 * `Idempotency-Key`: a POST that is sent again because its answer was lost is not done again for a day. What answers the second time has no secret.
 */
import { createHash } from 'node:crypto'
import type { OnceKey } from '../store/sign-in/once.ts'

const LIFETIME_MS = 24 * 3_600_000
/** What clients send is a UUID, or as long as one. */
const KEY = /^[\x21-\x7e]{1,255}$/

export interface KeyedRequest {
  /** Of the token: keys of others are none of its business. */
  readonly token: string
  readonly method: string
  readonly path: string
  readonly body: Uint8Array
}

/** What to take of `Once` in the change that the request makes; undefined: the header is no key. */
export function readIdempotencyKey(header: string, { token, method, path, body }: KeyedRequest): OnceKey | undefined {
  if (!KEY.test(header)) return undefined
  const request = createHash('sha256').update(`${method} ${path}\n`).update(body).digest('base64url')
  return { hash: createHash('sha256').update(`idempotency\0${token}\0${header}`).digest('base64url'), request, lifetimeMs: LIFETIME_MS }
}
