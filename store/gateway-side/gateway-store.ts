/**
 * The store as the gateway uses it. Reads run on the loop over a read-only connection and are short;
 * writes go to a worker thread (`writer-thread.ts`), because better-sqlite3 is synchronous and a blocked loop freezes every session.
 * Every method may throw STORE_UNAVAILABLE; none ever answers "not found" because it failed.
 */
import type { DeviceId, NodeId, SessionId } from '../../base/ids.ts'
import type { Secret } from '../../base/secret.ts'
import type { FailureRecord, FailureRow, RecognisedNetworkRecord } from '../limits/limit-records.ts'
import type { Integrity, StoreSpace } from '../schema/backend.ts'
import type { DeviceStatus, LoginMailbox, LoginRecord } from '../schema/login-record.ts'
import type { KeywordsRecord, SendingTerms, SentRecord } from '../sending/sending-rows.ts'

/** The last connection of one device. */
export interface ConnectionRecord {
  readonly device: DeviceId
  /** Milliseconds since 1970, UTC; an older record never replaces a newer one. */
  readonly at: number
  readonly ip: string
  readonly protocol: 'imap' | 'submission'
  /** From the client's ID, cleaned; null when it sent none. */
  readonly app: string | null
  /** For example `TLSv1.3`. */
  readonly tls: string | null
}

/** One attempt to log in; repeats (same address, device, result, ip, protocol, app) are counted in one row. */
export interface ActivityRecord {
  readonly at: number
  readonly address: string
  readonly device: DeviceId | null
  /** `ok`, or the reason of the refusal or failure. */
  readonly result: string
  readonly protocol: 'imap' | 'submission'
  readonly ip: string
  readonly app: string | null
}

/** A login that was written without the name of its app, which the app told later. */
export interface NamedRecord extends ActivityRecord {
  readonly app: string
}

/** The later of two connections of a device, with the app's name from the other where it told none: its other protocol may know none. */
export function mergeConnections(a: ConnectionRecord, b: ConnectionRecord): ConnectionRecord {
  const [earlier, later] = b.at >= a.at ? [a, b] : [b, a]
  return later.app === null && earlier.app !== null ? { ...later, app: earlier.app } : later
}

export interface SessionRow {
  readonly id: SessionId
  readonly device: DeviceId
  readonly protocol: 'imap' | 'submission'
  readonly ip: string
  readonly app: string | null
  readonly since: number
  readonly bytesIn: number
  readonly bytesOut: number
}

/** What happened since the last batch; written in one transaction. */
export interface Batch {
  readonly connections: readonly ConnectionRecord[]
  readonly activity: readonly ActivityRecord[]
  readonly named?: readonly NamedRecord[] | undefined
  /** New or changed sessions of this node. */
  readonly sessions: readonly SessionRow[]
  readonly endedSessions: readonly SessionId[]
  /** Added to the counts of the device, its mailbox and its user. */
  readonly sent?: readonly SentRecord[] | undefined
  /** Each replaces what was known of its upstream. */
  readonly keywords?: readonly KeywordsRecord[] | undefined
}

/** How a gateway writes: in a thread of its own where a query would hold up the loop, else directly. */
export interface GatewayWriter extends Pick<GatewayStore, 'record' | 'recordFailures' | 'setTag' | 'close' | 'integrity'> {
  /** The time that the store goes by. */
  readonly now?: () => number
}

/** What was changed since a look at the audit. */
export interface Changes {
  readonly changes: readonly { readonly action: string; readonly subjectId: string | null }[]
  /** To go on from. */
  readonly last: number
  /** False: there were more than are told, or the audit is not the one that was looked at. */
  readonly isWhole: boolean
}

export interface GatewayStore {
  /**
   * One query, and the generation with it: the mailbox of a normalised address, and those of its devices that the normalised secret can belong to (the caller goes on with
   * their tags); undefined when there is no such mailbox. It costs the same whatever the number of devices, and whether the address is known.
   */
  findLogin(address: string, secret: Secret): Promise<LoginRecord | undefined>
  /** Moves with every change that can end a session. */
  readGeneration(): Promise<number>
  /** The status of each of these devices; one that is gone from the store is missing from the map. */
  findDeviceStatuses(devices: readonly DeviceId[]): Promise<ReadonlyMap<DeviceId, DeviceStatus>>
  /** Sessions of this node that `session kick ID` asked to end. */
  findKickedSessions(): Promise<readonly SessionId[]>
  /** What was changed, by whomever, since an earlier answer; the first time nothing. */
  readChanges(after: number | undefined): Promise<Changes>
  /** What the device may send, and what was sent today as far as it was recorded. Throws NOT_FOUND when the device is gone. */
  readSendingTerms(device: DeviceId): Promise<SendingTerms>
  /** What upstreams offered when they were last asked, by their names. */
  readUpstreamKeywords(): Promise<ReadonlyMap<string, ReadonlyMap<string, string>>>
  /** Whether a device of the mailbox with this address logged in from `block` later than `after`. */
  isRecognisedNetwork(address: string, block: string, after: number): Promise<boolean>
  /** The same for any mailbox. */
  isRecognisedByAnyMailbox(block: string, after: number): Promise<boolean>
  /** The counts that changed after `revision`, at most `limit`, oldest change first; and the revision to go on from. */
  readFailures(revision: number, limit: number): Promise<{ readonly rows: readonly FailureRow[]; readonly revision: number }>
  /** Adds counts and records recognised networks; resolves when both are committed. */
  recordFailures(failures: readonly FailureRecord[], recognisedNetworks: readonly RecognisedNetworkRecord[]): Promise<void>
  /** Opens the sealed upstream secret of a mailbox. Throws NOT_FOUND when it has none, KEY_WRONG, STORE_DAMAGED. */
  openUpstreamSecret(mailbox: LoginMailbox): Secret
  /** The tags a secret would have under this mailbox: 8 bytes as generated, 1 byte as chosen. */
  tagsOf(mailbox: string, secret: Secret): { readonly generated: Uint8Array; readonly chosen: Uint8Array }
  /** Writes a batch and this node's heartbeat; resolves when it is committed. To be called also when nothing happened: ten seconds of silence are a dead node. */
  record(batch: Batch): Promise<void>
  /** Gives an imported hash its tag after its first success. */
  setTag(device: DeviceId, tag: Uint8Array): Promise<void>
  /** Where the store shares a disk with others. */
  readSpace?(): Promise<StoreSpace>
  /** Where the database tells it: calls whenever the generation moved. For speed only; undefined: it must be asked often. */
  listen?(onMoved: () => void): Promise<{ stop(): Promise<void> }>
  /** Removes this node's sessions and heartbeat, then closes all connections. */
  close(): Promise<void>
  readonly node: NodeId
  /** What the look at the store found when it was opened. */
  readonly integrity: Integrity
}
