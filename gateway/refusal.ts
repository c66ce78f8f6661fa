/**
 * Why a login was refused. A value, never an error: nothing failed. The true reason goes to log and activity;
 * what the mail app sees is decided in imap-replies.ts.
 */

export type Refusal =
  | 'unknown-address'
  | 'wrong-secret'
  | 'acts-as-other'
  | 'revoked'
  | 'disabled'
  | 'mailbox-disabled'
  | 'network'
  | 'expired'
  | 'scope'
  | 'user-blocked'

/**
 * SECURITY: these get the same reply at the same moment, so that nobody learns from the outside which of them it was.
 * Not `acts-as-other`: an authzid (RFC 4616 §2) is judged without a look at address or secret, so its reply tells nothing.
 */
const INDISTINCT: ReadonlySet<Refusal> = new Set(['unknown-address', 'wrong-secret', 'revoked', 'disabled', 'mailbox-disabled', 'network'])

export function isIndistinct(refusal: Refusal): boolean {
  return INDISTINCT.has(refusal)
}
