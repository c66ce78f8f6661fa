/** Passwords and links as they stand in the one answer that has them. SECURITY: never in a list, never in a repeated answer. */
import type { Secret } from '../base/secret.ts'

export function showOnce(secret: Secret): string {
  return secret.reveal().toString()
}
