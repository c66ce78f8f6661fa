/**
 * Short-lived values that a browser carries for us: a form that waits for a confirmation, a password that is shown once, a challenge.
 *
 * AES-256-GCM under a key that is derived from the master key for one purpose, with what the value belongs to and its end as associated data: a blob
 * that is changed, late, or brought back elsewhere opens as nothing. Any node can open it; it goes with the master key under which it was made.
 */
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto'
import { MailwicketError } from '../../base/errors.ts'
import { Secret } from '../../base/secret.ts'
import type { Keyring, MasterKey } from './master-key.ts'

export interface BlobUse {
  /** What it is for; each purpose has a key of its own. */
  readonly purpose: string
  /** What it belongs to: a session, a device, a route. */
  readonly bindings: readonly string[]
}

const VERSION = 2
const KEY_ID_BYTES = 4
const END_BYTES = 6
const NONCE_BYTES = 12
const TAG_BYTES = 16
const END_AT = 1 + KEY_ID_BYTES
const NONCE_AT = END_AT + END_BYTES
const TEXT_AT = NONCE_AT + NONCE_BYTES
/** A form at its largest, in base64. */
const MAX_BLOB_CHARACTERS = 64 * 1024

/** `endsAt` in milliseconds since 1970, UTC. base64url. */
export function sealBlob(keyring: Keyring, value: Secret, use: BlobUse, endsAt: number): string {
  const key = keyring.current
  const head = Buffer.alloc(NONCE_AT)
  head[0] = VERSION
  head.write(key.id, 1, 'hex')
  head.writeUIntBE(endsAt, END_AT, END_BYTES)
  const nonce = randomBytes(NONCE_BYTES)
  const cipher = createCipheriv('aes-256-gcm', deriveKey(key, use.purpose), nonce, { authTagLength: TAG_BYTES })
  cipher.setAAD(associatedData(head, use))
  return Buffer.concat([head, nonce, cipher.update(value.reveal()), cipher.final(), cipher.getAuthTag()]).toString('base64url')
}

/** Undefined: changed, late, made for something else, or under a key that is gone. */
export function openBlob(keyring: Keyring, blob: string, use: BlobUse, now: number): Secret | undefined {
  if (blob.length > MAX_BLOB_CHARACTERS) return undefined
  const bytes = Buffer.from(blob, 'base64url')
  // SECURITY: one spelling. Node reads several as the same bytes, and what was taken once under one would be fresh under another.
  if (bytes.toString('base64url') !== blob) return undefined
  if (bytes.length < TEXT_AT + TAG_BYTES || bytes[0] !== VERSION || bytes.readUIntBE(END_AT, END_BYTES) <= now) return undefined
  const key = findKey(keyring, bytes.toString('hex', 1, END_AT))
  if (key === undefined) return undefined
  const decipher = createDecipheriv('aes-256-gcm', deriveKey(key, use.purpose), bytes.subarray(NONCE_AT, TEXT_AT), { authTagLength: TAG_BYTES })
  decipher.setAAD(associatedData(bytes.subarray(0, NONCE_AT), use))
  decipher.setAuthTag(bytes.subarray(-TAG_BYTES))
  try {
    return Secret.fromBytes(Buffer.concat([decipher.update(bytes.subarray(TEXT_AT, -TAG_BYTES)), decipher.final()]))
  } catch {
    // The tag does not fit: whoever sent it is told what everybody is told whose blob is late.
    return undefined
  }
}

function findKey(keyring: Keyring, id: string): MasterKey | undefined {
  try {
    return keyring.get(id)
  } catch (error) {
    if (error instanceof MailwicketError && error.code === 'KEY_WRONG') return undefined
    throw error
  }
}

function deriveKey(key: MasterKey, purpose: string): Uint8Array {
  return Buffer.from(hkdfSync('sha256', key.secret.reveal(), Buffer.alloc(0), `mailwicket ${purpose}`, 32))
}

function associatedData(head: Uint8Array, { purpose, bindings }: BlobUse): Buffer {
  return Buffer.concat(
    [head, ...[purpose, ...bindings].map(text => Buffer.from(text))].flatMap(part => {
      const length = Buffer.allocUnsafe(4)
      length.writeUInt32BE(part.length)
      return [length, part]
    }),
  )
}
