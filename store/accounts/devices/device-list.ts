/**
 * Lists of devices: by pages, sorted, filtered and counted in the database, whatever their number.
 */
import { type Kysely, sql } from 'kysely'
import { parseAddress } from '../../../base/address.ts'
import type { DeviceId } from '../../../base/ids.ts'
import { contains, type Page, type PageRequest, readLongPage, readPage, type SortOrder } from '../../schema/keyset.ts'
import { liveSince } from '../../schema/node-liveness.ts'
import type { DevicesTable, Schema } from '../../schema/schema.ts'
import { getMailboxRow } from '../mailbox-rows.ts'
import { type DeviceSet, isDeviceWithin, isWithin } from '../mailbox-set.ts'
import { getUserRow, parseLogin } from '../people/user-rows.ts'
import { type Device, selectDevices, toDevice } from './device-rows.ts'

export interface DeviceFilter {
  /** Address. */
  readonly mailbox?: string | undefined
  readonly within?: DeviceSet | undefined
  /** Login. */
  readonly user?: string | undefined
  /** A part of its name. */
  readonly search?: string | undefined
  readonly state?: DevicesTable['state'] | undefined
  /** Whether its time is over. */
  readonly isExpired?: boolean | undefined
  /** Of mailboxes of this domain. */
  readonly domain?: string | undefined
  /** Of mailboxes of this upstream. */
  readonly upstream?: string | undefined
  /** Made before this time and without a connection since. */
  readonly unusedSince?: number | undefined
  /** Its time is over before then, and not yet. */
  readonly endsBefore?: number | undefined
  readonly isConnected?: boolean | undefined
  /** Show revoked ones too. */
  readonly revoked?: boolean | undefined
}

/** `mailbox`: by address and name. `last-connection`: the latest first, those without any last. */
export type DeviceSort = 'mailbox' | 'last-connection'

export interface DeviceRequest {
  readonly filter?: DeviceFilter | undefined
  readonly sort?: DeviceSort | undefined
  readonly limit?: number | undefined
}

type KeyRow = {
  readonly id: DeviceId
  readonly address: string
  readonly name_key: string
  readonly created_at: number
  readonly connected_at: number | null
}

const lastConnection = sql<number>`coalesce(${sql.ref('last_connections.at')}, 0)`

const ORDERS: Readonly<Record<DeviceSort, SortOrder<KeyRow>>> = {
  mailbox: {
    name: 'mailbox',
    direction: 'asc',
    keys: [
      { column: sql.ref('mailboxes.address'), valueOf: row => row.address },
      { column: sql.ref('devices.name_key'), valueOf: row => row.name_key },
      // Of those that had one name after each other.
      { column: sql.ref('devices.created_at'), valueOf: row => row.created_at },
      { column: sql.ref('devices.id'), valueOf: row => row.id },
    ],
  },
  'last-connection': {
    name: 'last-connection',
    direction: 'desc',
    keys: [
      { column: lastConnection, valueOf: row => row.connected_at ?? 0 },
      { column: sql.ref('devices.id'), valueOf: row => row.id },
    ],
  },
}

/** First the keys of the page, then what is shown of them. Throws NOT_FOUND (no such mailbox or user). */
export async function pageDevices(
  db: Kysely<Schema>,
  now: number,
  { filter = {}, sort = 'mailbox', ...request }: PageRequest<DeviceSort> & { readonly filter?: DeviceFilter | undefined },
): Promise<Page<Device>> {
  const { rows, next } = await readPage<KeyRow>(await keysOf(db, now, filter), ORDERS[sort], request)
  return { rows: await showDevices(db, now, rows), next }
}

/** Keys that are read at a time where all are: a few MB. */
const STREAM_KEYS = 10_000
const SHOWN_AT_A_TIME = 500

/** One after the other, in constant memory. Throws NOT_FOUND (no such mailbox or user). */
export async function* readDevices(
  db: Kysely<Schema>,
  now: number,
  { filter = {}, sort = 'mailbox', limit = Number.POSITIVE_INFINITY }: DeviceRequest,
): AsyncGenerator<Device> {
  let after: string | undefined
  let left = limit
  do {
    const { rows, next } = await readLongPage<KeyRow>(await keysOf(db, now, filter), ORDERS[sort], { after, limit: Math.min(left, STREAM_KEYS) })
    for (let at = 0; at < rows.length; at += SHOWN_AT_A_TIME) yield* await showDevices(db, now, rows.slice(at, at + SHOWN_AT_A_TIME))
    left -= rows.length
    after = next ?? undefined
  } while (after !== undefined && left > 0)
}

async function keysOf(db: Kysely<Schema>, now: number, { within, ...rest }: DeviceFilter) {
  const keys = (await filtered(db, now, rest))
    .innerJoin('mailboxes', 'mailboxes.id', 'devices.mailbox_id')
    .leftJoin('last_connections', 'last_connections.device_id', 'devices.id')
    .select(['devices.id', 'mailboxes.address', 'devices.name_key', 'devices.created_at', 'last_connections.at as connected_at'])
    // True of all: SQLite goes by the index of addresses then, and does not sort what it would not show.
    .where('mailboxes.address', '>=', '')
  if (within === undefined) return keys
  return keys.where(within.own === undefined ? isWithin(within) : isDeviceWithin(within))
}

async function showDevices(db: Kysely<Schema>, now: number, keys: readonly KeyRow[]): Promise<Device[]> {
  if (keys.length === 0) return []
  const ids = keys.map(({ id }) => id)
  const shown = await selectDevices(db, now).where('devices.id', 'in', ids).execute()
  const byId = new Map(shown.map(row => [row.id, toDevice(row, now)]))
  return ids.flatMap(id => byId.get(id) ?? [])
}

/** Throws NOT_FOUND (no such mailbox or user). */
export async function countDevices(db: Kysely<Schema>, now: number, filter: DeviceFilter): Promise<number> {
  const { n } = await (await filtered(db, now, filter)).select(({ fn }) => fn.countAll<number>().as('n')).executeTakeFirstOrThrow()
  return Number(n)
}

async function filtered(db: Kysely<Schema>, now: number, filter: DeviceFilter) {
  const { mailbox, domain, upstream, within, user, search, state, isExpired, unusedSince, endsBefore, isConnected, revoked = false } = filter
  let query = db.selectFrom('devices')
  if (mailbox !== undefined) query = query.where('devices.mailbox_id', '=', (await getMailboxRow(db, parseAddress(mailbox))).id)
  if (domain !== undefined || upstream !== undefined) {
    let mailboxes = db.selectFrom('mailboxes').select('mailboxes.id')
    if (domain !== undefined) mailboxes = mailboxes.where('mailboxes.domain', '=', domain)
    if (upstream !== undefined) mailboxes = mailboxes.where('mailboxes.upstream', '=', upstream)
    query = query.where('devices.mailbox_id', 'in', mailboxes)
  }
  if (within !== undefined) query = query.where(isDeviceWithin(within))
  if (user !== undefined) query = query.where('devices.user_id', '=', (await getUserRow(db, parseLogin(user))).id)
  if (search !== undefined) query = query.where(contains('devices.name', search))
  if (state !== undefined) query = query.where('devices.state', '=', state)
  else if (!revoked) query = query.where('devices.state', '<>', 'revoked')
  if (isExpired === true) query = query.where('devices.expires_at', '<=', now)
  if (isExpired === false) query = query.where(({ or, eb }) => or([eb('devices.expires_at', 'is', null), eb('devices.expires_at', '>', now)]))
  if (endsBefore !== undefined) query = query.where('devices.expires_at', '>', now).where('devices.expires_at', '<', endsBefore)
  if (unusedSince !== undefined) {
    const used = db
      .selectFrom('last_connections')
      .select('at')
      .whereRef('device_id', '=', 'devices.id' as never)
      .where('at', '>=', unusedSince)
    query = query.where('devices.created_at', '<', unusedSince).where(({ exists, not }) => not(exists(used)))
  }
  if (isConnected !== undefined) {
    const connected = db
      .selectFrom('sessions')
      .innerJoin('nodes', 'nodes.id', 'sessions.node_id')
      .select('sessions.device_id')
      .where('nodes.heartbeat_at', '>', liveSince(now))
    query = query.where('devices.id', isConnected ? 'in' : 'not in', connected)
  }
  return query
}
