/**
 * Activity: attempts to log in, repeats counted in one row. Gateways write it (`gateway-records.ts`), the command line reads it.
 */
import { type Expression, type Kysely, type RawBuilder, type SqlBool, sql } from 'kysely'
import { parseAddress } from '../../base/address.ts'
import type { DeviceId } from '../../base/ids.ts'
import { type AddressRanges, isInNetworks, type Network, rangesOf } from '../../base/network.ts'
import { resolveDevice } from '../accounts/devices/device-names.ts'
import { type DeviceSet, isDeviceWithin, isEmpty, isLargeShare, isWithin, isWithinBy } from '../accounts/mailbox-set.ts'
import { countUpTo, type Page, type PageRequest, readAll, readMeantPage, readPage, type SortOrder } from '../schema/keyset.ts'
import { REPEAT_WINDOW_MS } from '../schema/retention.ts'
import type { Schema } from '../schema/schema.ts'
import type { StoreContext } from '../store-context.ts'

export interface Activity {
  /** Grows with every change of a row: `list({ after })` also shows a row again whose count grew. */
  readonly cursor: number
  readonly firstAt: number
  /** The latest of the `count` attempts. */
  readonly at: number
  readonly count: number
  /** Of the mailbox, where the client gave it or an alias; else as the client gave it, normalised. */
  readonly address: string
  readonly device: DeviceId | null
  readonly deviceName: string | null
  /** `ok`, or the reason of the refusal or failure. */
  readonly result: string
  readonly protocol: 'imap' | 'submission'
  readonly ip: string
  readonly app: string | null
}

export interface ActivityFilter {
  readonly mailbox?: string | undefined
  readonly device?: string | undefined
  /** Of devices of such mailboxes, and at their addresses. */
  readonly within?: DeviceSet | undefined
  readonly results?: readonly string[] | undefined
  readonly protocol?: Activity['protocol'] | undefined
  readonly ip?: string | undefined
  /** All but those that were let in. */
  readonly isRefused?: true | undefined
  /** Refused because the real server could not be reached. */
  readonly isUnreachable?: true | undefined
  /** From an address that begins with one of these, or is one of them. */
  readonly from?: AddressRanges | undefined
  /** At one of these addresses, or by one of these devices. */
  readonly anyOf?: { readonly addresses: readonly string[]; readonly devices: readonly DeviceId[] } | undefined
  /** The last attempt of a row was before this time. */
  readonly endedBefore?: number | undefined
  /** Attempts at or after this time. */
  readonly since?: number | undefined
  /** Attempts before this time. */
  readonly until?: number | undefined
}

/** The databases compare networks only nearly. */
export interface PagedActivityFilter extends ActivityFilter {
  readonly network?: Network | undefined
}

const DEFAULT_LIMIT = 1_000
/** Rows of a network that are worth sorting; a network with more is met soon by whoever goes from the newest on. */
const MANY_ROWS = 2_000

const NEWEST_FIRST: SortOrder<ActivityRow> = {
  name: 'activity-time',
  direction: 'desc',
  keys: [
    { column: sql.ref('activity.last_at'), valueOf: row => row.at },
    { column: sql.ref('activity.id'), valueOf: row => row.id },
  ],
}
const OLDEST_FIRST: SortOrder<ActivityRow> = {
  name: 'activity-oldest-first',
  direction: 'asc',
  keys: [{ column: sql.ref('activity.cursor'), valueOf: (row: ActivityRow) => row.cursor }],
}

export class ActivityLog {
  readonly #context: StoreContext

  constructor(context: StoreContext) {
    this.#context = context
  }

  /** The newest so many, oldest change first; `after` is a cursor: only what changed after it. An address needs no mailbox: attempts at unknown ones are listed too. */
  async list({
    after,
    limit = DEFAULT_LIMIT,
    ...filter
  }: ActivityFilter & { readonly after?: number | undefined; readonly limit?: number | undefined } = {}): Promise<Activity[]> {
    let query = selectColumns(await this.#filtered(filter))
      .orderBy('activity.cursor', 'desc')
      .limit(limit)
    if (after !== undefined) query = query.where('activity.cursor', '>', after)
    return (await query.execute()).reverse().map(toActivity)
  }

  /** The newest first; with `network`, a page may have fewer rows than it could. Throws BAD_INPUT when `after` is not of this list. */
  async page({
    filter: { network, ...filter } = {},
    ...request
  }: PageRequest & { readonly filter?: PagedActivityFilter | undefined } = {}): Promise<Page<Activity>> {
    const query = selectColumns(await this.#filtered(network === undefined ? filter : { ...filter, from: rangesOf(network) }))
    const { rows, next } =
      network === undefined
        ? await readPage(query, NEWEST_FIRST, request)
        : await readMeantPage(query, NEWEST_FIRST, request, ({ ip }) => isInNetworks(ip, [network]))
    return { rows: rows.map(toActivity), next }
  }

  /** One after the other, the newest first, in constant memory. */
  all(filter: ActivityFilter = {}): AsyncGenerator<Activity> {
    return readAll(request => this.page({ ...request, filter }))
  }

  /** The newest so many, oldest change first, in constant memory. */
  async *newest({ limit = DEFAULT_LIMIT, ...filter }: ActivityFilter & { readonly limit?: number | undefined } = {}): AsyncGenerator<Activity> {
    const oldest = await (await this.#filtered(filter))
      .select('activity.cursor')
      .orderBy('activity.cursor', 'desc')
      .offset(limit - 1)
      .limit(1)
      .executeTakeFirst()
    const rows = selectColumns(await this.#filtered(filter)).where('activity.cursor', '>=', oldest?.cursor ?? 0)
    for await (const row of readAll(request => readPage<ActivityRow>(rows, OLDEST_FIRST, request), limit)) yield toActivity(row)
  }

  async count(filter: ActivityFilter = {}): Promise<number> {
    const { n } = await (await this.#filtered(filter)).select(({ fn }) => fn.countAll<number>().as('n')).executeTakeFirstOrThrow()
    return Number(n)
  }

  /** The newest cursor; 0 when there is no activity yet. */
  async cursor(): Promise<number> {
    const row = await this.#context.db
      .selectFrom('activity')
      .select(({ fn }) => fn.max('cursor').as('cursor'))
      .executeTakeFirst()
    return Number(row?.cursor ?? 0)
  }

  async #filtered({ mailbox, device, within, results, protocol, ip, isRefused, isUnreachable, from, anyOf, endedBefore, since, until }: ActivityFilter) {
    const { db } = this.#context
    let query = selectActivity(db)
    if (mailbox !== undefined) query = query.where('activity.address', '=', parseAddress(mailbox))
    if (device !== undefined) query = query.where('activity.device_id', '=', await resolveDevice(db, device))
    if (within !== undefined) query = query.where(await isVisible(db, within))
    if (results !== undefined) query = query.where('activity.result', 'in', results)
    if (protocol !== undefined) query = query.where('activity.protocol', '=', protocol)
    if (ip !== undefined) query = query.where('activity.ip', '=', ip)
    // In these words indexes answer them.
    if (isRefused === true) query = query.where(sql<SqlBool>`${sql.ref('activity.result')} <> 'ok'`)
    if (isUnreachable === true) query = query.where(sql<SqlBool>`${sql.ref('activity.result')} = 'upstream-unreachable'`)
    if (from !== undefined) query = query.where(await isFrom(db, from))
    if (anyOf !== undefined)
      query = query.where(
        isOneOf(
          attemptsAt(db, sql`${sql.ref('activity.address')} in (${listOf(anyOf.addresses)})`),
          anyOf.devices.length === 0 ? undefined : attemptsAt(db, sql`${sql.ref('activity.device_id')} in (${listOf(anyOf.devices)})`),
        ),
      )
    if (endedBefore !== undefined) query = query.where('activity.last_at', '<', endedBefore)
    if (since !== undefined) query = query.where('activity.last_at', '>=', since)
    if (until !== undefined) query = query.where('activity.first_at', '<', until).where('activity.last_at', '<', until + REPEAT_WINDOW_MS)
    return query
  }
}

/** Of devices of such mailboxes, and at their addresses. */
async function isVisible(db: Kysely<Schema>, { own, ...set }: DeviceSet): Promise<Expression<SqlBool>> {
  const { domains = [] } = set
  const isOwn =
    own === undefined
      ? undefined
      : sql<SqlBool>`${sql.ref('activity.device_id')} in ${db.selectFrom('devices').select('devices.id').where(isDeviceWithin({ own }))}`
  if (domains.length > 0 && (await isLargeShare(db, set))) {
    const isThere = isWithinBy('address', sql.ref('activity.address'), set)
    return isOwn === undefined ? isThere : sql<SqlBool>`(${isThere} or ${isOwn})`
  }
  if (isOwn !== undefined && isEmpty(set)) return isOneOf(attemptsAt(db, isOwn))
  const addresses = db.selectFrom('mailboxes').select('mailboxes.address').where(isWithin(set))
  return isOneOf(attemptsAt(db, sql`${sql.ref('activity.address')} in ${addresses}`), isOwn && attemptsAt(db, isOwn))
}

async function isFrom(db: Kysely<Schema>, { beginnings, addresses }: AddressRanges): Promise<Expression<SqlBool>> {
  const ip = sql.ref('activity.ip')
  // Only digits, letters, dots and colons are in addresses: what begins with the text lies before its own end and a "~".
  const parts = beginnings.map(text => sql`(${ip} >= ${text} and ${ip} < ${`${text}~`})`)
  if (addresses.length > 0) parts.push(sql`${ip} in (${listOf(addresses)})`)
  const is = sql<SqlBool>`(${sql.join(parts, sql` or `)})`
  const rows = await countUpTo(db, db.selectFrom('activity').select('id').where(is), MANY_ROWS)
  return rows < MANY_ROWS ? isOneOf(attemptsAt(db, is)) : is
}

/** For what is found by an index of its own: the rows are sorted then, and nothing else is looked through. */
function attemptsAt(db: Kysely<Schema>, is: RawBuilder<unknown>) {
  return db
    .selectFrom('activity')
    .select('activity.id')
    .where(is as RawBuilder<SqlBool>)
}

function isOneOf(one: ReturnType<typeof attemptsAt>, other?: ReturnType<typeof attemptsAt>): RawBuilder<SqlBool> {
  return sql<SqlBool>`${sql.ref('activity.id')} in ${other === undefined ? one : one.union(other)}`
}

/** Nothing is in an empty list. */
function listOf(values: readonly string[]): RawBuilder<unknown> {
  return values.length === 0 ? sql`null` : sql.join(values)
}

function selectActivity(db: Kysely<Schema>) {
  return db.selectFrom('activity').leftJoin('devices', 'devices.id', 'activity.device_id')
}

function selectColumns(query: ReturnType<typeof selectActivity>) {
  return query
    .select([
      'activity.id',
      'activity.cursor',
      'activity.first_at as firstAt',
      'activity.last_at as at',
      'activity.count',
      'activity.address',
      'activity.device_id as device',
    ])
    .select(['devices.name as deviceName', 'activity.result', 'activity.protocol', 'activity.ip', 'activity.app'])
}

type ActivityRow = Awaited<ReturnType<ReturnType<typeof selectColumns>['execute']>>[number]

function toActivity({ id: _, ...row }: ActivityRow): Activity {
  return { ...row, device: row.device === '' ? null : row.device, app: row.app === '' ? null : row.app }
}
