/**
 * Tags: what a login knows about a secret before it pays for an argon2. Truncated HMAC-SHA-256 under the pepper over length-prefixed parts.
 *
 * SECURITY: a chosen secret gives away one byte only, because it can be guessed by whoever has both the store and the pepper.
 * The bucket exists for generated secrets alone (100 random bits): it lets the database find their device among any number
 * without knowing the mailbox's id beforehand; chosen and imported ones have bucket 0, which every login fetches.
 */
import { createHmac } from 'node:crypto'
import type { Secret } from '../../base/secret.ts'
import type { PasswordKind } from '../schema/login-record.ts'

export const GENERATED_TAG_BYTES = 8
export const CHOSEN_TAG_BYTES = 1
/** Every chosen device of a mailbox is one more chance in 256 that a wrong secret costs an argon2. */
export const MAX_CHOSEN_PER_MAILBOX = 12
export const ANY_BUCKET = 0

export interface Tags {
  readonly generated: Uint8Array
  readonly chosen: Uint8Array
}

/** Both tags of a secret under a mailbox, at the cost of one HMAC. */
export function tagsOf(pepper: Secret, mailboxId: string, secret: Secret): Tags {
  const digest = hmac(pepper, 'tag', Buffer.from(mailboxId), secret.reveal())
  // Two parts of one digest that do not overlap: the byte of a chosen secret says nothing of the eight of a generated one.
  return { generated: digest.subarray(0, GENERATED_TAG_BYTES), chosen: digest.subarray(GENERATED_TAG_BYTES, GENERATED_TAG_BYTES + CHOSEN_TAG_BYTES) }
}

/** Where the database looks for a device with this secret, should it be a generated one: 1 … 65535. */
export function bucketOf(pepper: Secret, secret: Secret): number {
  return hmac(pepper, 'bucket', secret.reveal()).readUInt16BE(0) || 1
}

/** What a device's row stores of its secret. */
export function tagColumns(pepper: Secret, mailboxId: string, secret: Secret, kind: PasswordKind): { tag: Uint8Array; bucket: number } {
  const tags = tagsOf(pepper, mailboxId, secret)
  return kind === 'generated' ? { tag: tags.generated, bucket: bucketOf(pepper, secret) } : { tag: tags.chosen, bucket: ANY_BUCKET }
}

function hmac(pepper: Secret, purpose: string, ...parts: readonly Uint8Array[]): Buffer {
  const mac = createHmac('sha256', pepper.reveal())
  for (const part of [Buffer.from(purpose), ...parts]) {
    const length = Buffer.allocUnsafe(4)
    length.writeUInt32BE(part.length)
    mac.update(length).update(part)
  }
  return mac.digest()
}
