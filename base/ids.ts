/**
 * Branded identifiers and how a new one is made: 16 characters of Crockford's base 32 in lower case, 80 random bits.
 * No colon and no slash, so that `ADDR/NAME` and an ID never look alike.
 */
import { randomBytes } from 'node:crypto'

declare const brand: unique symbol
export type MailboxId = string & { readonly [brand]: 'mailbox' }
export type DeviceId = string & { readonly [brand]: 'device' }
export type SessionId = string & { readonly [brand]: 'session' }
export type NodeId = string & { readonly [brand]: 'node' }

const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz'

/** A new identifier. */
export function makeId<Id extends MailboxId | DeviceId | SessionId | NodeId>(): Id {
  let text = ''
  // 32 letters: the low five bits of a random byte choose one without bias.
  for (const byte of randomBytes(16)) text += ALPHABET[byte & 31]
  return text as Id
}
