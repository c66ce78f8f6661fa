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
  /** Too many wrong secrets from this address block: this one was not looked at. */
  | 'closed'
  /** Too many wrong secrets for this mailbox: this chosen one was not looked at. */
  | 'limited'
  /** The device, or its mailbox at the upstream, has as many sessions as it may. */
  | 'too-many-sessions'
  | 'user-blocked'

/**
 * SECURITY: these get the same reply at the same moment, so that nobody learns from the outside which of them it was.
 * Not `acts-as-other`: an authzid (RFC 4616 §2) is judged without a look at address or secret, so its reply tells nothing.
 */
const INDISTINCT: ReadonlySet<Refusal> = new Set(['unknown-address', 'wrong-secret', 'revoked', 'disabled', 'mailbox-disabled', 'network'])

/** Too much of something: the app may come again with the same secret. */
export function isLimit(refusal: Refusal): boolean {
  return refusal === 'closed' || refusal === 'limited' || refusal === 'too-many-sessions'
}

export function isIndistinct(refusal: Refusal): boolean {
  return INDISTINCT.has(refusal)
}
