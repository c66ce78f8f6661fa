/**
 * Sealing: AES-256-GCM under a master key, bound to the place where the blob is stored.
 *
 * Blob: version (1 byte), key id (4), nonce (12), ciphertext, tag (16). The place (table, column, row) is associated data, so a blob that
 * somebody moves to another row does not open. Nonces are random: 96 bits, far from a repetition below 2^32 seals under one key.
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { MailwicketError } from '../../base/errors.ts'
import { Secret } from '../../base/secret.ts'
import type { Keyring, MasterKey } from './master-key.ts'

export interface Place {
  readonly table: string
  readonly column: string
  readonly row: string
}

const VERSION = 1
const KEY_ID_AT = 1
const NONCE_AT = 5
const NONCE_BYTES = 12
const TEXT_AT = NONCE_AT + NONCE_BYTES
const TAG_BYTES = 16

/** Seals a secret for one place. */
export function seal(key: MasterKey, secret: Secret, place: Place): Uint8Array {
  const head = Buffer.concat([Buffer.of(VERSION), Buffer.from(key.id, 'hex'), randomBytes(NONCE_BYTES)])
  const cipher = createCipheriv('aes-256-gcm', key.secret.reveal(), head.subarray(NONCE_AT), { authTagLength: TAG_BYTES })
  cipher.setAAD(associatedData(head, place))
  return Buffer.concat([head, cipher.update(secret.reveal()), cipher.final(), cipher.getAuthTag()])
}

/** Opens what `seal` made. Throws KEY_WRONG (other key, naming both ids) and STORE_DAMAGED (changed, or moved from another place). */
export function openSealed(keyring: Keyring, blob: Uint8Array, place: Place): Secret {
  const bytes = Buffer.from(blob.buffer, blob.byteOffset, blob.byteLength)
  const keyId = keyIdOf(bytes)
  const key = keyring.get(keyId)
  const decipher = createDecipheriv('aes-256-gcm', key.secret.reveal(), bytes.subarray(NONCE_AT, TEXT_AT), { authTagLength: TAG_BYTES })
  decipher.setAAD(associatedData(bytes, place))
  decipher.setAuthTag(bytes.subarray(-TAG_BYTES))
  try {
    return Secret.fromBytes(Buffer.concat([decipher.update(bytes.subarray(TEXT_AT, -TAG_BYTES)), decipher.final()]))
  } catch (error) {
    throw new MailwicketError('STORE_DAMAGED', {
      message: `the sealed ${place.column} of ${place.table} ${place.row} was changed, or belongs to another row`,
      cause: error,
    })
  }
}

/** The id of the key a blob is sealed under. Throws STORE_DAMAGED. */
export function keyIdOf(blob: Uint8Array): string {
  if (blob.length < TEXT_AT + TAG_BYTES || blob[0] !== VERSION)
    throw new MailwicketError('STORE_DAMAGED', { message: 'a sealed value is cut or of unknown make' })
  return Buffer.from(blob.subarray(KEY_ID_AT, NONCE_AT)).toString('hex')
}

function associatedData(head: Buffer, place: Place): Buffer {
  const parts = [head.subarray(0, NONCE_AT), ...[place.table, place.column, place.row].map(text => Buffer.from(text))]
  return Buffer.concat(
    parts.flatMap(part => {
      const length = Buffer.allocUnsafe(4)
      length.writeUInt32BE(part.length)
      return [length, part]
    }),
  )
}
