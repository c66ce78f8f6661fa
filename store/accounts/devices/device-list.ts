/**
 * Lists of devices: by pages, sorted, filtered and counted in the database, whatever their number.
 */
import { type Expression, type Kysely, type SelectQueryBuilder, type SqlBool, sql } from 'kysely'
import { parseAddress } from '../../../base/address.ts'
import type { DeviceId } from '../../../base/ids.ts'
import {
  containsSmall,
  DEFAULT_PAGE_ROWS,
  findFew,
  firstCursorOf,
  isCursorOf,
  isIn,
  type Page,
  type PageRequest,
  readLongPage,
  readPage,
  readSorted,
  type SortOrder,
} from '../../schema/keyset.ts'
import { liveSince } from '../../schema/node-liveness.ts'
import type { DevicesTable, Schema } from '../../schema/schema.ts'
import { getMailboxRow } from '../mailbox-rows.ts'
import { type DeviceSet, isDeviceWithin, isEachDeviceWithin, isJoinedWithin, isLargeShare } from '../mailbox-set.ts'
import { getUserRow, parseLogin } from '../people/user-rows.ts'
import { nameKeyOf } from './device-names.ts'
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

const KEY_COLUMNS = ['devices.id', 'mailboxes.address', 'devices.name_key', 'devices.created_at'] as const
const lastConnection = sql<number>`coalesce(${sql.ref('last_connections.at')}, 0)`
const byId = { column: sql.ref('devices.id'), valueOf: (row: KeyRow) => row.id }

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
    keys: [{ column: lastConnection, valueOf: row => row.connected_at ?? 0 }, byId],
  },
}

/** The same order as `last-connection`, in two parts that have an index each. */
const CONNECTED: SortOrder<KeyRow> = {
  name: 'last-connection',
  direction: 'desc',
  keys: [
    { column: sql.ref('last_connections.at'), valueOf: row => row.connected_at ?? 0 },
    { column: sql.ref('last_connections.device_id'), valueOf: row => row.id },
  ],
}
const NEVER_CONNECTED: SortOrder<KeyRow> = { name: 'never-connected', direction: 'desc', keys: [byId] }

/** First the keys of the page, then what is shown of them. Throws NOT_FOUND (no such mailbox or user). */
export async function pageDevices(
  db: Kysely<Schema>,
  now: number,
  { filter = {}, sort = 'mailbox', ...request }: PageRequest<DeviceSort> & { readonly filter?: DeviceFilter | undefined },
): Promise<Page<Device>> {
  const { keys, isLong } = await keysOf(db, now, filter)
  const { rows, next } = await (sort === 'last-connection' && isLong
    ? pageByConnection(keys, request)
    : readPage<KeyRow>(sorted(keys, isLong), ORDERS[sort], request))
  return { rows: await showDevices(db, now, rows), next }
}

/** One after the other, in constant memory. Throws NOT_FOUND (no such mailbox or user). */
export function readDevices(db: Kysely<Schema>, now: number, { filter = {}, sort = 'mailbox', limit }: DeviceRequest): AsyncGenerator<Device> {
  const readKeys = async (request: { readonly after: string | undefined; readonly limit: number }) => {
    const { keys, isLong } = await keysOf(db, now, filter)
    return readLongPage<KeyRow>(sorted(keys, isLong), ORDERS[sort], request)
  }
  return readSorted(readKeys, keys => showDevices(db, now, keys), limit)
}

/** `isLong`: no index leads to what is listed. */
async function keysOf(db: Kysely<Schema>, now: number, { within, ...filter }: DeviceFilter) {
  const { query, isShort } = await filtered(db, now, filter)
  const all = query.innerJoin('mailboxes', 'mailboxes.id', 'devices.mailbox_id')
  const keys: Keys = within === undefined ? all : all.where(isShort ? isEachDeviceWithin(within) : isJoinedWithin(within))
  return { keys, isLong: !isShort && (within === undefined || (await isLargeShare(db, within))) }
}

async function showDevices(db: Kysely<Schema>, now: number, keys: readonly KeyRow[]): Promise<Device[]> {
  if (keys.length === 0) return []
  const ids = keys.map(({ id }) => id)
  const shown = await selectDevices(db, now).where('devices.id', 'in', ids).execute()
  const byId = new Map(shown.map(row => [row.id, toDevice(row, now)]))
  return ids.flatMap(id => byId.get(id) ?? [])
}

type Keys = SelectQueryBuilder<Schema, 'devices' | 'mailboxes', object>

function sorted(keys: Keys, isLong: boolean) {
  const listed = keys.leftJoin('last_connections', 'last_connections.device_id', 'devices.id').select(KEY_COLUMNS).select('last_connections.at as connected_at')
  // True of all: SQLite goes by the index of addresses then, and does not sort what it would not show.
  return isLong ? listed.where('mailboxes.address', '>=', '') : listed
}

/** First through the connections, from the latest on, then through the devices that have none. */
async function pageByConnection(keys: Keys, { after, limit = DEFAULT_PAGE_ROWS }: Pick<PageRequest, 'after' | 'limit'>): Promise<Page<KeyRow>> {
  const connected = keys
    .innerJoin('last_connections', 'last_connections.device_id', 'devices.id')
    .select(KEY_COLUMNS)
    .select('last_connections.at as connected_at')
    .where('last_connections.at', '>', 0)
  const first: Page<KeyRow> = isCursorOf(after, NEVER_CONNECTED) ? { rows: [], next: null } : await readPage<KeyRow>(connected, CONNECTED, { after, limit })
  if (first.next !== null) return first
  const never = keys
    .select(KEY_COLUMNS)
    .select(sql<null>`null`.as('connected_at'))
    .where(({ not, exists, selectFrom }) =>
      not(exists(selectFrom('last_connections').select('at').whereRef('last_connections.device_id', '=', 'devices.id').where('at', '>', 0))),
    )
    // As above, of IDs.
    .where('devices.id', '>=', '' as DeviceId)
  const room = limit - first.rows.length
  const place = isCursorOf(after, NEVER_CONNECTED) ? after : undefined
  const { rows, next } = await readPage<KeyRow>(never, NEVER_CONNECTED, { after: place, limit: Math.max(1, room) })
  if (room === 0) return { ...first, next: rows.length === 0 ? null : firstCursorOf(NEVER_CONNECTED, '~') }
  return { rows: [...first.rows, ...rows], next }
}

/** Throws NOT_FOUND (no such mailbox or user). */
export async function countDevices(db: Kysely<Schema>, now: number, { within, ...filter }: DeviceFilter): Promise<number> {
  const { query, isShort } = await filtered(db, now, filter)
  const isWithin = (set: DeviceSet) => query.where(isShort ? isEachDeviceWithin(set) : isDeviceWithin(set))
  const { n } = await (within === undefined ? query : isWithin(within)).select(({ fn }) => fn.countAll<number>().as('n')).executeTakeFirstOrThrow()
  return Number(n)
}

/** `isShort`: an index leads to what is left. */
async function filtered(
  db: Kysely<Schema>,
  now: number,
  { mailbox, domain, upstream, user, search, state, isExpired, unusedSince, endsBefore, isConnected, revoked = false }: DeviceFilter,
) {
  let query = db.selectFrom('devices')
  let isShort = mailbox !== undefined || user !== undefined || domain !== undefined || isExpired === true
  /** Those that are few are named, and the others are met soon. */
  const narrow = async (ids: SelectQueryBuilder<Schema, never, { id: DeviceId }>, is: Expression<SqlBool>) => {
    const few = isShort ? undefined : await findFew(ids)
    query = query.where(few === undefined ? is : isIn('devices.id', few))
    isShort ||= few !== undefined
  }
  const devices = db.selectFrom('devices').select('devices.id')
  if (mailbox !== undefined) query = query.where('devices.mailbox_id', '=', (await getMailboxRow(db, parseAddress(mailbox))).id)
  if (domain !== undefined || upstream !== undefined) {
    let mailboxes = db.selectFrom('mailboxes').select('mailboxes.id')
    if (domain !== undefined) mailboxes = mailboxes.where('mailboxes.domain', '=', domain)
    if (upstream !== undefined) mailboxes = mailboxes.where('mailboxes.upstream', '=', upstream)
    query = query.where('devices.mailbox_id', 'in', mailboxes)
  }
  if (user !== undefined) query = query.where('devices.user_id', '=', (await getUserRow(db, parseLogin(user))).id)
  if (search !== undefined) {
    const isNamed = containsSmall('devices.name_key', nameKeyOf(search))
    await narrow(devices.where(isNamed) as never, isNamed)
  }
  // As an expression, which no index seems to lead to.
  if (state !== undefined) await narrow(devices.where('devices.state', '=', state) as never, sql<SqlBool>`coalesce(${sql.ref('devices.state')}, '') = ${state}`)
  else if (!revoked) query = query.where('devices.state', '<>', 'revoked')
  if (isExpired === true) query = query.where('devices.expires_at', '<=', now)
  if (isExpired === false) query = query.where(({ or, eb }) => or([eb('devices.expires_at', 'is', null), eb('devices.expires_at', '>', now)]))
  if (endsBefore !== undefined) {
    query = query.where('devices.expires_at', '>', now).where('devices.expires_at', '<', endsBefore)
    isShort = true
  }
  if (unusedSince !== undefined) {
    const used = db
      .selectFrom('last_connections')
      .select('at')
      .whereRef('device_id', '=', 'devices.id' as never)
      .where('at', '>=', unusedSince)
    query = query.where('devices.created_at', '<', unusedSince).where(({ exists, not }) => not(exists(used)))
  }
  if (isConnected !== undefined) {
    const live = db.selectFrom('sessions').innerJoin('nodes', 'nodes.id', 'sessions.node_id').where('nodes.heartbeat_at', '>', liveSince(now))
    const isLive = sql<SqlBool>`exists ${live.select('sessions.id').where(sql<SqlBool>`${sql.ref('sessions.device_id')} = ${sql.ref('devices.id')}`)}`
    if (isConnected) await narrow(live.select('sessions.device_id as id') as never, isLive)
    else query = query.where(sql<SqlBool>`not ${isLive}`)
  }
  return { query, isShort }
}
