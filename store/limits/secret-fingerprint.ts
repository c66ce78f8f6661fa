/**
 * Tells wrong secrets apart without keeping them: 16 bits of an HMAC, under a key that lives and dies with the process (architecture §6).
 */
import { createHmac, randomBytes } from 'node:crypto'
import type { Secret } from '../../base/secret.ts'

export class SecretFingerprints {
  readonly #key: Uint8Array

  constructor(key: Uint8Array = randomBytes(32)) {
    this.#key = key
  }

  /** SECURITY: over the address too, so that one secret tried on many mailboxes is many. */
  fingerprintOf(address: string, secret: Secret): number {
    return createHmac('sha256', this.#key).update(address).update('\0').update(secret.reveal()).digest().readUInt16BE(0)
  }
}
