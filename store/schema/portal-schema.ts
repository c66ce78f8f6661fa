/**
 * The tables of the portal as kysely sees them; `portal-tables.ts` makes them. See `schema.ts` for how times and sealed columns are kept.
 *
 * SECURITY: a secret that comes from a browser is here only as the SHA-256 of its 256 random bits (sessions, invitations, tokens), as an HMAC
 * under the pepper (recovery codes), as argon2id (passwords), or sealed (TOTP).
 */
import type { ApiTokenId, DeviceId, InvitationId, MailboxId, NoticeId, PasskeyId, PortalSessionId, UserId } from '../../base/ids.ts'

export interface AliasesTable {
  address: string
  mailbox_id: MailboxId
  created_at: number
}

export type Role = 'admin' | 'manager'

export interface RolesTable {
  user_id: UserId
  role: Role
  /** Of a manager; '' for an administrator. */
  domain: string
}

/** What a person may do at one mailbox; each column is 0 or 1. */
export interface RightsTable {
  user_id: UserId
  mailbox_id: MailboxId
  may_use: number
  may_make: number
  may_see: number
  may_send: number
  may_manage: number
}

export interface PreferencesTable {
  user_id: UserId
  language: string | null
  time_zone: string | null
  /** Kinds that are mailed, with commas between; null: those that are mailed to whoever said nothing. */
  notices: string | null
}

export interface CredentialsTable {
  user_id: UserId
  /** Null: no password yet. */
  phc: string | null
  password_changed_at: number | null
  sealed_totp: Uint8Array | null
  totp_added_at: number | null
  /** Of the last code that was taken: none of it or of an earlier step is taken again. */
  totp_step: number | null
}

export interface PasskeysTable {
  id: PasskeyId
  user_id: UserId
  /** base64url. */
  credential_id: string
  /** COSE. */
  public_key: Uint8Array
  counter: number
  transports: string
  name: string
  created_at: number
  used_at: number | null
}

export interface RecoveryCodesTable {
  user_id: UserId
  hash: string
  used_at: number | null
}

export interface PortalSessionsTable {
  id: PortalSessionId
  token_hash: string
  user_id: UserId
  /** `second`: the first step was right, the second is due; nothing else is allowed. */
  stage: 'second' | 'full'
  created_at: number
  seen_at: number
  confirmed_at: number | null
  agent: string
  ip: string
}

export interface OnceTable {
  /** Of the form's token, or of whose Idempotency-Key it is. */
  hash: string
  /** Fingerprint of what was asked with it. */
  request: string
  /** Where the result is shown, never a secret; null: it is being made. */
  result: string | null
  ends_at: number
}

/** `device`: whoever accepts makes a device. `phone`: gives an existing device a new password. `start`: sets up how a person signs in. */
export type InvitationKind = 'device' | 'phone' | 'start'

export interface InvitationsTable {
  id: InvitationId
  kind: InvitationKind
  /** Null: no link was made yet, or it was taken back. */
  token_hash: string | null
  mailbox_id: MailboxId | null
  /** Who alone may accept it; null: whoever has the link. */
  user_id: UserId | null
  /** Of `phone`. */
  device_id: DeviceId | null
  /** JSON. */
  terms: string
  mail_to: string | null
  state: 'open' | 'accepted' | 'revoked'
  created_at: number
  ends_at: number
  /** Accepted or revoked. */
  closed_at: number | null
  /** First time. */
  opened_at: number | null
  /** How often. */
  opened: number
  made_device_id: DeviceId | null
  made_by: string
  made_by_user_id: UserId | null
}

export interface ApiTokensTable {
  id: ApiTokenId
  token_hash: string
  /** First characters, by which a person knows it again. */
  beginning: string
  name: string
  user_id: UserId
  /** In alphabetic order with commas between. */
  scopes: string
  /** With commas between; empty: all that the owner may. */
  domains: string
  /** CIDR blocks with commas between; empty: everywhere. */
  allow_from: string
  created_at: number
  ends_at: number | null
  used_at: number | null
  used_ip: string | null
}

/** Mail that waits to be sent, or was sent within the last days. */
export interface NoticesTable {
  id: NoticeId
  recipient: string
  /** One mail a day to one recipient for the same cause. */
  cause: string
  kind: string
  user_id: UserId | null
  /** JSON without any secret. */
  payload: string
  queued_at: number
  attempts: number
  /** Null: sent, or given up. */
  next_try_at: number | null
  sent_at: number | null
  failure: string | null
}

export interface PortalSchema {
  aliases: AliasesTable
  roles: RolesTable
  rights: RightsTable
  preferences: PreferencesTable
  credentials: CredentialsTable
  passkeys: PasskeysTable
  recovery_codes: RecoveryCodesTable
  portal_sessions: PortalSessionsTable
  once: OnceTable
  invitations: InvitationsTable
  api_tokens: ApiTokensTable
  notices: NoticesTable
}
