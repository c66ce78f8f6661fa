/**
 * Tokens that a browser or a program brings back: 256 random bits as text, and what the store keeps of them.
 *
 * SECURITY: nobody guesses 256 bits, so a bare SHA-256 is enough: whoever reads the store or a backup cannot use what he finds.
 */
import { createHash, randomBytes } from 'node:crypto'
import { Secret } from '../../base/secret.ts'

const TOKEN_BYTES = 32
/** Longer is none of ours, and is not hashed. */
const MAX_TOKEN_BYTES = 128

export function makeToken(prefix = ''): Secret {
  return Secret.fromText(prefix + randomBytes(TOKEN_BYTES).toString('base64url'))
}

/** What the store knows a token by. */
export function hashToken(token: Secret): string {
  if (token.byteLength > MAX_TOKEN_BYTES) return ''
  return createHash('sha256').update(token.reveal()).digest('base64url')
}

/** The characters of a token by which a person knows it again. */
export function beginningOf(token: Secret, characters: number): string {
  return token.reveal().toString('latin1').slice(0, characters)
}
