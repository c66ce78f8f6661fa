/**
 * What happened and nobody was told of yet by mail: devices that were added, connections from a new network or by a new app, ends that are near.
 *
 * It is read from what is kept anyway, the audit and the activity, so that no way of making a device is forgotten and no login waits for it. How
 * far each was read is kept in the store: call it within one change with what is made of it, and neither is anything lost nor told twice.
 */
import type { Kysely } from 'kysely'
import type { DeviceId } from '../../base/ids.ts'
import { blockOf } from '../../base/network.ts'
import { splitList } from '../schema/list-column.ts'
import type { Scope } from '../schema/login-record.ts'
import { setMeta } from '../schema/migrations.ts'
import { ACTIVITY_KEPT_MS } from '../schema/retention.ts'
import type { NoticedName, Schema } from '../schema/schema.ts'
import type { StoreContext } from '../store-context.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
/** Older things are no news: mail was switched off meanwhile, or the store comes from a backup. */
const NEWS_MS = 4 * DAY_MS
/** Whoever adds a device sets it up at once, perhaps on both of their networks: that is expected. Of a device that lasts no longer nobody needs to hear. */
const SET_UP_MS = HOUR_MS
/** How long before its end a device is mentioned. */
export const NEAR_END_MS = 7 * DAY_MS
/** Of one kind in one change. */
const MAX_ROWS = 500

export interface NoticedDevice {
  readonly id: DeviceId
  readonly name: string
  readonly mailbox: string
  /** Login of who it is linked to. */
  readonly user: string | null
  readonly scopes: readonly Scope[]
}

export interface AddedDevice {
  readonly device: NoticedDevice
  readonly at: number
  /** As the audit has it. */
  readonly actor: string
  readonly source: string
}

export interface NewConnection {
  readonly device: NoticedDevice
  readonly at: number
  readonly is: 'new-network' | 'new-app'
  readonly ip: string
  readonly app: string | null
}

export interface NearEnd {
  readonly device: NoticedDevice
  readonly endsAt: number
}

export class Unnoticed {
  readonly #context: StoreContext

  constructor(context: StoreContext) {
    this.#context = context
  }

  /** Whether it is worth a change; without waiting for anybody. */
  async isAny(): Promise<boolean> {
    const { db, now } = this.#context
    const [devices, connections, ends] = [await readMark(db, 'noticed_devices'), await readMark(db, 'noticed_connections'), await readMark(db, 'noticed_ends')]
    return devices !== (await newestOf(db, 'audit')) || connections !== (await newestOf(db, 'activity')) || ends === undefined || isEndsDue(ends, now())
  }

  /** Those that are still there; not those of an import, which are many at once and nobody's surprise. */
  async devices(): Promise<AddedDevice[]> {
    return this.#context.change(async ({ db, at }) => {
      const span = await openSpan(db, 'noticed_devices', 'audit')
      if (span === undefined) return []
      const rows = await selectNoticed(db)
        .innerJoin('audit', 'audit.subject_id', 'devices.id')
        .select(['audit.id as place', 'audit.at', 'audit.actor', 'audit.source', 'audit.after'])
        .where('audit.id', '>', span.after)
        .where('audit.id', '<=', span.until)
        .where('audit.action', '=', 'device.added')
        .where('audit.at', '>', at - NEWS_MS)
        .orderBy('audit.id')
        .limit(MAX_ROWS)
        .execute()
      await closeSpan(db, 'noticed_devices', rows, span.until)
      return rows
        .filter(({ after, expires_at, created_at }) => !isImported(after) && (expires_at === null || expires_at - created_at > SET_UP_MS))
        .map(row => ({ device: toNoticed(row), at: row.at, actor: row.actor, source: row.source }))
    })
  }

  /** Compared with what the device did within what is kept of it (30 days). */
  async connections(): Promise<NewConnection[]> {
    return this.#context.change(async ({ db, at }) => {
      const span = await openSpan(db, 'noticed_connections', 'activity')
      if (span === undefined) return []
      const rows = await selectFirstOfTheirKind(db)
        .where('activity.id', '>', span.after)
        .where('activity.id', '<=', span.until)
        .where('activity.last_at', '>', at - NEWS_MS)
        .orderBy('activity.id')
        .limit(MAX_ROWS)
        .execute()
      await closeSpan(db, 'noticed_connections', rows, span.until)
      const found: NewConnection[] = []
      for (const row of rows) {
        if (row.first_at < row.created_at + SET_UP_MS) continue
        const is = whatIsNew(row, await readEarlier(db, row.id, row.place))
        if (is !== undefined) found.push({ device: toNoticed(row), at: row.first_at, is, ip: row.ip, app: row.app === '' ? null : row.app })
      }
      return found
    })
  }

  /** Once for each end, a week before it; an end that was set nearer than that is known to whoever set it. */
  async ends(): Promise<NearEnd[]> {
    return this.#context.change(async ({ db, at }) => {
      const mark = await readMark(db, 'noticed_ends')
      if (mark !== undefined && !isEndsDue(mark, at)) return []
      const horizon = at + NEAR_END_MS
      const rows = await selectNoticed(db)
        .where('devices.expires_at', '>', Math.max(mark ?? at, at))
        .where('devices.expires_at', '<=', horizon)
        .orderBy('devices.expires_at')
        .execute()
      await setMeta(db, 'noticed_ends', String(horizon))
      return rows.map(row => ({ device: toNoticed(row), endsAt: Number(row.expires_at) }))
    })
  }
}

/** Looking through all devices takes a moment: once an hour. */
function isEndsDue(mark: number, now: number): boolean {
  return mark <= now + NEAR_END_MS - HOUR_MS
}

async function readMark(db: Kysely<Schema>, name: NoticedName): Promise<number | undefined> {
  const row = await db.selectFrom('meta').select('value').where('name', '=', name).executeTakeFirst()
  return row === undefined ? undefined : Number(row.value)
}

/** Both number their rows in the order in which they are committed: `Backend.change` and `Backend.serialise`. */
async function newestOf(db: Kysely<Schema>, table: 'audit' | 'activity'): Promise<number> {
  const row = await db
    .selectFrom(table)
    .select(({ fn }) => fn.max<number | null>('id').as('id'))
    .executeTakeFirst()
  return Number(row?.id ?? 0)
}

/** Undefined: nothing new. What happened before anybody was to be told is no news. */
async function openSpan(
  db: Kysely<Schema>,
  name: NoticedName,
  table: 'audit' | 'activity',
): Promise<{ readonly after: number; readonly until: number } | undefined> {
  const [mark, until] = [await readMark(db, name), await newestOf(db, table)]
  if (mark !== undefined && mark < until) return { after: mark, until }
  if (mark !== until) await setMeta(db, name, String(until))
  return undefined
}

async function closeSpan(db: Kysely<Schema>, name: NoticedName, rows: readonly { readonly place: number }[], until: number): Promise<void> {
  await setMeta(db, name, String(rows.length < MAX_ROWS ? until : (rows.at(-1)?.place ?? until)))
}

function selectNoticed(db: Kysely<Schema>) {
  return db
    .selectFrom('devices')
    .innerJoin('mailboxes', 'mailboxes.id', 'devices.mailbox_id')
    .leftJoin('users', 'users.id', 'devices.user_id')
    .select(['devices.id', 'devices.name', 'devices.scopes', 'devices.created_at', 'devices.expires_at', 'mailboxes.address as mailbox', 'users.login as user'])
    .where('devices.state', '=', 'active')
    .where('devices.kind', '<>', 'legacy')
}

function toNoticed({ id, name, mailbox, user, scopes }: Awaited<ReturnType<ReturnType<typeof selectNoticed>['execute']>>[number]): NoticedDevice {
  return { id, name, mailbox, user, scopes: splitList<Scope>(scopes) }
}

/** Logins of which there is none of the same address, protocol, IP address and app before: most are repeats, and the index tells at once. */
function selectFirstOfTheirKind(db: Kysely<Schema>) {
  return selectNoticed(db)
    .innerJoin('activity', 'activity.device_id', 'devices.id')
    .select(['activity.id as place', 'activity.first_at', 'activity.ip', 'activity.app'])
    .where('activity.result', '=', 'ok')
    .where(({ not, exists, selectFrom }) =>
      not(
        exists(
          selectFrom('activity as earlier')
            .select('earlier.id')
            .whereRef('earlier.address', '=', 'activity.address')
            .whereRef('earlier.device_id', '=', 'activity.device_id')
            .whereRef('earlier.ip', '=', 'activity.ip')
            .where('earlier.result', '=', 'ok')
            .whereRef('earlier.protocol', '=', 'activity.protocol')
            .whereRef('earlier.app', '=', 'activity.app')
            .whereRef('earlier.id', '<', 'activity.id'),
        ),
      ),
    )
}

/** At most 200 rows: more are not kept of a device. */
function readEarlier(db: Kysely<Schema>, device: DeviceId, before: number) {
  return db.selectFrom('activity').select(['ip', 'app']).where('device_id', '=', device).where('result', '=', 'ok').where('id', '<', before).execute()
}

interface Login {
  readonly ip: string
  readonly app: string
}

function whatIsNew(row: Login & { readonly first_at: number; readonly created_at: number }, earlier: readonly Login[]): NewConnection['is'] | undefined {
  // A device that was never used begins somewhere. One that was silent for longer than is kept of it is as good as new there.
  if (earlier.length === 0) return row.first_at - row.created_at < ACTIVITY_KEPT_MS ? undefined : 'new-network'
  if (!earlier.some(({ ip }) => networkOf(ip) === networkOf(row.ip))) return 'new-network'
  const apps = earlier.flatMap(({ app }) => (app === '' ? [] : [appOf(app)]))
  return row.app !== '' && apps.length > 0 && !apps.includes(appOf(row.app)) ? 'new-app' : undefined
}

/** About what one provider has in one place: lines that get another address every day are no news every day. */
function networkOf(ip: string): string {
  return ip.includes(':') ? blockOf(ip, 32) : ip.split('.').slice(0, 2).join('.')
}

/** Without its version: an update is no new app. */
function appOf(app: string): string {
  return app.replace(/[\s/(]*v?\d.*$/i, '').toLowerCase() || app.toLowerCase()
}

function isImported(after: string | null): boolean {
  return after !== null && Object.hasOwn(JSON.parse(after) as object, 'import')
}
