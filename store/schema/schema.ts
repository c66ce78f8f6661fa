/**
 * The tables as kysely sees them. `migrations.ts` makes them; a change here needs a migration there.
 *
 * Times are integer milliseconds since 1970, UTC. Sealed columns hold what `seal.ts` makes.
 */
import type { Generated } from 'kysely'
import type { DeviceId, MailboxId, NodeId, SessionId, UserId } from '../../base/ids.ts'
import type { CountedKind } from './failure-limits.ts'
import type { MailboxState, PasswordKind, UserState } from './login-record.ts'
import type { PortalSchema } from './portal-schema.ts'

export interface MetaTable {
  name: MetaName
  value: string
}

/**
 * `schema_version`: the newest migration applied. `needs_program`: the oldest Mailwicket that can use it.
 * `key_id`: the master key everything is sealed under, or being re-sealed under while `key_rotation` is there. `pepper`: sealed, base64.
 */
export type MetaName = 'schema_version' | 'needs_program' | 'key_id' | 'key_rotation' | 'pepper' | NoticedName | MoveMark

/** Of a place, not of the store that lies there (`moved-store.ts`). */
export type MoveMark = 'moved_to' | 'unfinished_move'

/** How far things were looked through for what people are told by mail (`history/unnoticed.ts`). */
export type NoticedName = 'noticed_devices' | 'noticed_connections' | 'noticed_ends'

/** Exactly one row. */
export interface GenerationTable {
  value: number
}

export interface MailboxesTable {
  id: MailboxId
  address: string
  upstream: string
  login: string | null
  sealed_secret: Uint8Array | null
  state: MailboxState
  created_at: number
  /** Of `address`: lists of one domain go by it. */
  domain: string
  /** What those who look after it want to remember; one line. */
  note: string | null
}

export interface DevicesTable {
  id: DeviceId
  mailbox_id: MailboxId
  name: string
  /** `name` folded for comparison; unique among the devices of a mailbox that are not revoked. */
  name_key: string
  state: 'active' | 'disabled' | 'revoked'
  kind: PasswordKind
  phc: string
  tag: Uint8Array | null
  /** Narrows the login query, see `tag.ts`; 0: always fetched. */
  bucket: number
  /** In alphabetic order with commas between. */
  scopes: string
  expires_at: number | null
  /** CIDR blocks with commas between; empty: everywhere. */
  allow_from: string
  password_version: number
  kicked_at: number | null
  created_at: number
  password_changed_at: number
  revoked_at: number | null
  user_id: UserId | null
}

export interface UsersTable {
  id: UserId
  /** An address or a short name, in lower case. */
  login: string
  name: string | null
  state: UserState
  created_at: number
}

export type SendingSubjectKind = 'mailbox' | 'user' | 'device'

/** A subject without a row may send without limits of its own. */
export interface SendingRulesTable {
  subject_kind: SendingSubjectKind
  subject_id: MailboxId | UserId | DeviceId
  /** 0 or 1. */
  may_send: number
  /** Addresses, `*@domain` and `own` with commas between; null: any. */
  senders: string | null
  /** 0 or 1. */
  checks_from: number
  recipients_per_message: number | null
  recipients_per_day: number | null
}

export interface SentCountsTable {
  subject_kind: SendingSubjectKind
  subject_id: MailboxId | UserId | DeviceId
  /** Days since 1970, UTC. */
  day: number
  recipients: number
}

export interface UpstreamKeywordsTable {
  /** Name of an upstream in the configuration: of its submission server; of its IMAP server with `imap` and a TAB before it. */
  upstream: string
  /** JSON list of `[keyword, parameters]`. */
  keywords: string
  learnt_at: number
}

export interface LastConnectionsTable {
  device_id: DeviceId
  at: number
  ip: string
  protocol: 'imap' | 'submission'
  app: string | null
  tls: string | null
  node_id: NodeId
}

export interface ActivityTable {
  id: Generated<number>
  /** Grows with every change of a row, so that a reader can ask what is new since it looked. */
  cursor: number
  address: string
  /** '' when the attempt was not one device's: a unique index takes NULLs for different. */
  device_id: DeviceId | ''
  result: string
  protocol: 'imap' | 'submission'
  ip: string
  /** '' when the client did not say. */
  app: string
  first_at: number
  last_at: number
  count: number
}

export interface NodesTable {
  id: NodeId
  heartbeat_at: number
}

export interface SessionsTable {
  id: SessionId
  node_id: NodeId
  device_id: DeviceId
  protocol: 'imap' | 'submission'
  ip: string
  app: string | null
  since: number
  bytes_in: number
  bytes_out: number
  kicked_at: number | null
}

/** Distinct wrong secrets so far, of all nodes together (`failure-limits.ts`). */
export interface FailureCountsTable {
  kind: CountedKind
  /** A block, an address, or both with a space between. */
  subject: string
  /** 0: cleared, kept until every node has read it. */
  count: number
  expires_at: number
  /** Grows with every change of a row, so that a node can ask what is new. */
  revision: number
}

/** Address blocks from which a device of the mailbox logged in. */
export interface KnownBlocksTable {
  mailbox_id: MailboxId
  block: string
  last_at: number
}

/** Append only: triggers refuse UPDATE and DELETE. */
export interface AuditTable {
  id: Generated<number>
  at: number
  actor: string
  source: string
  action: string
  subject: string
  subject_id: string | null
  /** JSON objects without any secret, hash, tag or sealed value. */
  before: string | null
  after: string | null
}

export interface Schema extends PortalSchema {
  meta: MetaTable
  generation: GenerationTable
  mailboxes: MailboxesTable
  devices: DevicesTable
  last_connections: LastConnectionsTable
  activity: ActivityTable
  nodes: NodesTable
  sessions: SessionsTable
  audit: AuditTable
  users: UsersTable
  sending_rules: SendingRulesTable
  sent_counts: SentCountsTable
  upstream_keywords: UpstreamKeywordsTable
  failure_counts: FailureCountsTable
  known_blocks: KnownBlocksTable
}
