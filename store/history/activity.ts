/**
 * Activity: attempts to log in, repeats counted in one row. Gateways write it (`gateway-records.ts`), the command line reads it.
 */
import { parseAddress } from '../../base/address.ts'
import type { DeviceId } from '../../base/ids.ts'
import { resolveDevice } from '../accounts/device-names.ts'
import type { StoreContext } from '../store-context.ts'

export interface Activity {
  /** Grows with every change of a row: `list({ after })` also shows a row again whose count grew. */
  readonly cursor: number
  readonly firstAt: number
  /** The latest of the `count` attempts. */
  readonly at: number
  readonly count: number
  /** As the client gave it, normalised. */
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
  /** Attempts at or after this time. */
  readonly since?: number | undefined
  /** A cursor: only what changed after it. */
  readonly after?: number | undefined
  /** The newest so many. */
  readonly limit?: number | undefined
}

const DEFAULT_LIMIT = 1_000

export class ActivityLog {
  readonly #context: StoreContext

  constructor(context: StoreContext) {
    this.#context = context
  }

  /** Oldest change first. An address needs no mailbox: attempts at unknown ones are listed too. */
  async list({ mailbox, device, since, after, limit = DEFAULT_LIMIT }: ActivityFilter = {}): Promise<Activity[]> {
    const { db } = this.#context
    let query = db
      .selectFrom('activity')
      .leftJoin('devices', 'devices.id', 'activity.device_id')
      .select([
        'activity.cursor',
        'activity.first_at as firstAt',
        'activity.last_at as at',
        'activity.count',
        'activity.address',
        'activity.device_id as device',
      ])
      .select(['devices.name as deviceName', 'activity.result', 'activity.protocol', 'activity.ip', 'activity.app'])
      .orderBy('activity.cursor', 'desc')
      .limit(limit)
    if (mailbox !== undefined) query = query.where('activity.address', '=', parseAddress(mailbox))
    if (device !== undefined) query = query.where('activity.device_id', '=', await resolveDevice(db, device))
    if (since !== undefined) query = query.where('activity.last_at', '>=', since)
    if (after !== undefined) query = query.where('activity.cursor', '>', after)
    const rows = await query.execute()
    return rows.reverse().map(row => ({ ...row, device: row.device === '' ? null : row.device, app: row.app === '' ? null : row.app }))
  }

  /** The newest cursor; 0 when there is no activity yet. */
  async cursor(): Promise<number> {
    const row = await this.#context.db
      .selectFrom('activity')
      .select(({ fn }) => fn.max('cursor').as('cursor'))
      .executeTakeFirst()
    return Number(row?.cursor ?? 0)
  }
}
