/**
 * What one login needs to know of a mailbox and its devices, read afresh for every login (architecture §3, step 3).
 */
import type { DeviceId, MailboxId } from '../../base/ids.ts'

export type Scope = 'imap' | 'smtp'
/** `legacy`: no password of ours but the upstream's, see `migration-passwords.ts`. */
export type PasswordKind = 'generated' | 'chosen' | 'imported' | 'legacy'
export type DeviceState = 'active' | 'disabled' | 'revoked'
export type MailboxState = 'active' | 'disabled'
export type UserState = 'active' | 'blocked'

export interface LoginMailbox {
  readonly id: MailboxId
  /** In lower case, domain in ASCII. */
  readonly address: string
  /** Name of the upstream in the configuration. */
  readonly upstream: string
  /** Login at the upstream where it is not the address. */
  readonly login: string | null
  /** The upstream secret, sealed under the master key; null under `master`. */
  readonly sealedSecret: Uint8Array | null
  readonly state: MailboxState
}

/** What decides whether a device is good now; the same for a login and for a live session. */
export interface DeviceStatus {
  readonly id: DeviceId
  readonly state: DeviceState
  readonly mailboxState: MailboxState
  /** Of the user it is linked to; null: nobody's. */
  readonly userState: UserState | null
  readonly scopes: readonly Scope[]
  /** Milliseconds since 1970, UTC. */
  readonly expiresAt: number | null
  /** CIDR blocks; empty: everywhere. */
  readonly allowFrom: readonly string[]
  /** Changes with every new password; a session proved under another one is over. */
  readonly passwordVersion: number
  /** Changes with every kick (`session kick --device`, `--mailbox`); a session whose login knew another value is over. */
  readonly kickedAt: number | null
}

export interface LoginDevice extends DeviceStatus {
  readonly name: string
  readonly kind: PasswordKind
  /** PHC string of the hash; empty for `legacy`. */
  readonly phc: string
  /** Truncated HMAC under the pepper: 8 bytes (generated), 1 byte (chosen), null (imported, not yet used), none at all (legacy). */
  readonly tag: Uint8Array | null
}

export interface LoginRecord {
  readonly mailbox: LoginMailbox
  /** Those that the secret can belong to; also those revoked in the last 30 days, so that the log can say why. */
  readonly devices: readonly LoginDevice[]
  /** As of the same moment: if it moved until the hand-over, the device is judged again. */
  readonly generation: number
}
