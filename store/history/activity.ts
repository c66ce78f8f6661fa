/**
 * Activity: attempts to log in, repeats counted in one row. Gateways write it (`gateway-records.ts`), the command line reads it.
 */
import { type Kysely, sql } from 'kysely'
import { parseAddress } from '../../base/address.ts'
import type { DeviceId } from '../../base/ids.ts'
import { resolveDevice } from '../accounts/devices/device-names.ts'
import { type DeviceSet, isDeviceWithin, isWithin } from '../accounts/mailbox-set.ts'
import { type Page, type PageRequest, readAll, readPage, type SortOrder } from '../schema/keyset.ts'
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
  /** At one of these addresses, or by one of these devices. */
  readonly anyOf?: { readonly addresses: readonly string[]; readonly devices: readonly DeviceId[] } | undefined
  /** The last attempt of a row was before this time. */
  readonly endedBefore?: number | undefined
  /** Attempts at or after this time. */
  readonly since?: number | undefined
  /** Attempts before this time. */
  readonly until?: number | undefined
}

const DEFAULT_LIMIT = 1_000

const BY_CURSOR = [{ column: sql.ref('activity.cursor'), valueOf: (row: ActivityRow) => row.cursor }]
const NEWEST_FIRST: SortOrder<ActivityRow> = { name: 'activity', direction: 'desc', keys: BY_CURSOR }
const OLDEST_FIRST: SortOrder<ActivityRow> = { name: 'activity-oldest-first', direction: 'asc', keys: BY_CURSOR }

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

  /** Newest change first. Throws BAD_INPUT when `after` is not of this list. */
  async page({ filter = {}, ...request }: PageRequest & { readonly filter?: ActivityFilter | undefined } = {}): Promise<Page<Activity>> {
    const { rows, next } = await readPage(selectColumns(await this.#filtered(filter)), NEWEST_FIRST, request)
    return { rows: rows.map(toActivity), next }
  }

  /** One after the other, newest change first, in constant memory. */
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

  async #filtered({ mailbox, device, within, results, protocol, ip, anyOf, endedBefore, since, until }: ActivityFilter) {
    const { db } = this.#context
    let query = selectActivity(db)
    if (mailbox !== undefined) query = query.where('activity.address', '=', parseAddress(mailbox))
    if (device !== undefined) query = query.where('activity.device_id', '=', await resolveDevice(db, device))
    if (within !== undefined) {
      const addresses = db.selectFrom('mailboxes').select('address').where(isWithin(within))
      const own = db
        .selectFrom('devices')
        .select('devices.id')
        .where(isDeviceWithin({ own: within.own }))
      query = query.where(({ or, eb }) =>
        or([eb('activity.address', 'in', addresses), ...(within.own === undefined ? [] : [eb('activity.device_id', 'in', own)])]),
      )
    }
    if (results !== undefined) query = query.where('activity.result', 'in', results)
    if (protocol !== undefined) query = query.where('activity.protocol', '=', protocol)
    if (ip !== undefined) query = query.where('activity.ip', '=', ip)
    if (anyOf !== undefined)
      query = query.where(({ or, eb }) =>
        or([
          ...(anyOf.addresses.length > 0 ? [eb('activity.address', 'in', anyOf.addresses)] : []),
          ...(anyOf.devices.length > 0 ? [eb('activity.device_id', 'in', anyOf.devices)] : []),
        ]),
      )
    if (endedBefore !== undefined) query = query.where('activity.last_at', '<', endedBefore)
    if (since !== undefined) query = query.where('activity.last_at', '>=', since)
    if (until !== undefined) query = query.where('activity.first_at', '<', until)
    return query
  }
}

function selectActivity(db: Kysely<Schema>) {
  return db.selectFrom('activity').leftJoin('devices', 'devices.id', 'activity.device_id')
}

function selectColumns(query: ReturnType<typeof selectActivity>) {
  return query
    .select(['activity.cursor', 'activity.first_at as firstAt', 'activity.last_at as at', 'activity.count', 'activity.address', 'activity.device_id as device'])
    .select(['devices.name as deviceName', 'activity.result', 'activity.protocol', 'activity.ip', 'activity.app'])
}

type ActivityRow = Awaited<ReturnType<ReturnType<typeof selectColumns>['execute']>>[number]

function toActivity(row: ActivityRow): Activity {
  return { ...row, device: row.device === '' ? null : row.device, app: row.app === '' ? null : row.app }
}
