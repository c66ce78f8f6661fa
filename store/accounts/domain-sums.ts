/**
 * What each domain has, counted in steps: over hundreds of thousands of devices it takes half a second, which nobody's thread should stand still for.
 */
import { type Kysely, sql } from 'kysely'
import type { DeviceId } from '../../base/ids.ts'
import { liveSince } from '../schema/node-liveness.ts'
import type { Schema } from '../schema/schema.ts'

export interface DomainSums {
  /** Not revoked ones, and so below. */
  readonly devices: number
  /** With a live session. */
  readonly connected: number
  /** Made before `quietSince`, and without a connection since. */
  readonly quiet: number
  /** Their time is over between now and `endsBefore`. */
  readonly endSoon: number
  /** The latest of all devices; milliseconds since 1970, UTC. */
  readonly lastConnectionAt: number | null
}

/** Where a step ended. */
export interface DomainPlace {
  readonly domain: string
  readonly address: string
}

export interface SumsStep {
  /** Undefined: from the first domain on. */
  readonly after: DomainPlace | undefined
  readonly quietSince: number
  readonly endsBefore: number
}

/** What one step found; what it did not look for is 0. */
export interface SumsOfDomain extends DomainSums {
  readonly domain: string
}

export const NO_DEVICES: DomainSums = { devices: 0, connected: 0, quiet: 0, endSoon: 0, lastConnectionAt: null }

/** A step takes some ten milliseconds. */
const STEP_MAILBOXES = 2_000
const STEP_DEVICES = 1_000

const PLACE = sql`(${sql.ref('mailboxes.domain')}, ${sql.ref('mailboxes.address')})`

/** Of the next mailboxes by domain and address; `next` null: those were the last. A domain may lie in several steps. */
export async function sumDomains(
  db: Kysely<Schema>,
  now: number,
  { after, quietSince, endsBefore }: SumsStep,
): Promise<{ readonly sums: readonly SumsOfDomain[]; readonly next: DomainPlace | null }> {
  const isAfter = after === undefined ? sql<boolean>`${PLACE} >= ('', '')` : sql<boolean>`${PLACE} > (${after.domain}, ${after.address})`
  const last = await db
    .selectFrom('mailboxes')
    .select(['domain', 'address'])
    .where(isAfter)
    .orderBy('domain')
    .orderBy('address')
    .offset(STEP_MAILBOXES - 1)
    .limit(1)
    .executeTakeFirst()
  let query = db
    .selectFrom('mailboxes')
    .leftJoin('devices', join => join.onRef('devices.mailbox_id', '=', 'mailboxes.id').on('devices.state', '<>', 'revoked'))
    .leftJoin('last_connections', 'last_connections.device_id', 'devices.id')
    .select(['mailboxes.domain', ({ fn }) => fn.count<number>('devices.id').as('devices'), ({ fn }) => fn.max('last_connections.at').as('last')])
    .select([
      sql<number>`count(case when devices.created_at < ${quietSince} and coalesce(last_connections.at, 0) < ${quietSince} then 1 end)`.as('quiet'),
      sql<number>`count(case when devices.expires_at > ${now} and devices.expires_at < ${endsBefore} then 1 end)`.as('ends'),
    ])
    .where(isAfter)
  if (last !== undefined) query = query.where(sql<boolean>`${PLACE} <= (${last.domain}, ${last.address})`)
  const rows = await query.groupBy('mailboxes.domain').execute()
  return {
    sums: rows.map(({ domain, devices, quiet, ends, last: at }) => ({
      domain,
      connected: 0,
      devices: Number(devices),
      quiet: Number(quiet),
      endSoon: Number(ends),
      lastConnectionAt: at,
    })),
    next: last ?? null,
  }
}

/** Of the next connected devices by their IDs; `next` null: those were the last. */
export async function sumConnected(
  db: Kysely<Schema>,
  now: number,
  after: DeviceId | undefined,
): Promise<{ readonly sums: readonly SumsOfDomain[]; readonly next: DeviceId | null }> {
  let connected = db
    .selectFrom('sessions')
    .innerJoin('nodes', 'nodes.id', 'sessions.node_id')
    .select('sessions.device_id as id')
    .where('nodes.heartbeat_at', '>', liveSince(now))
    .groupBy('sessions.device_id')
    .orderBy('sessions.device_id')
    .limit(STEP_DEVICES)
  if (after !== undefined) connected = connected.where('sessions.device_id', '>', after)
  const ids = (await connected.execute()).map(({ id }) => id)
  const last = ids.at(-1)
  if (last === undefined) return { sums: [], next: null }
  const rows = await db
    .selectFrom('devices')
    .innerJoin('mailboxes', 'mailboxes.id', 'devices.mailbox_id')
    .select(['mailboxes.domain', ({ fn }) => fn.countAll<number>().as('n')])
    .where('devices.id', 'in', ids)
    .groupBy('mailboxes.domain')
    .execute()
  return { sums: rows.map(({ domain, n }) => ({ ...NO_DEVICES, domain, connected: Number(n) })), next: ids.length < STEP_DEVICES ? null : last }
}
