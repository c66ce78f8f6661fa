/**
 * Branded identifiers and how a new one is made: 16 characters of Crockford's base 32 in lower case, 80 random bits.
 * No colon and no slash, so that `ADDR/NAME` and an ID never look alike.
 */
import { randomBytes } from 'node:crypto'

declare const brand: unique symbol
export type MailboxId = string & { readonly [brand]: 'mailbox' }
export type DeviceId = string & { readonly [brand]: 'device' }
export type UserId = string & { readonly [brand]: 'user' }
export type SessionId = string & { readonly [brand]: 'session' }
export type NodeId = string & { readonly [brand]: 'node' }
export type PasskeyId = string & { readonly [brand]: 'passkey' }
export type PortalSessionId = string & { readonly [brand]: 'portal session' }
export type InvitationId = string & { readonly [brand]: 'invitation' }
export type ApiTokenId = string & { readonly [brand]: 'API token' }
export type NoticeId = string & { readonly [brand]: 'notice' }
type Id = MailboxId | DeviceId | UserId | SessionId | NodeId | PasskeyId | PortalSessionId | InvitationId | ApiTokenId | NoticeId

const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz'

const ID_LETTERS = 16
/** Random bytes are fetched for many IDs at once: a call for sixteen costs as much as one for four thousand. */
const POOL_BYTES = 4096
let pool = Buffer.alloc(0)

/** A new identifier. */
export function makeId<Kind extends Id>(): Kind {
  if (pool.length < ID_LETTERS) pool = randomBytes(POOL_BYTES)
  const bytes = pool.subarray(0, ID_LETTERS)
  pool = pool.subarray(ID_LETTERS)
  let text = ''
  // 32 letters: the low five bits of a random byte choose one without bias.
  for (const byte of bytes) text += ALPHABET[byte & 31]
  return text as Kind
}
