/**
 * Lists of mailboxes: by pages, sorted, filtered and counted in the database, whatever their number.
 */

import { type Expression, type Kysely, type SelectQueryBuilder, type SqlBool, sql } from 'kysely'
import type { MailboxId } from '../../base/ids.ts'
import { contains, containsSmall, findFew, isIn, type Page, type PageRequest, readPage, type SortOrder } from '../schema/keyset.ts'
import type { MailboxState } from '../schema/login-record.ts'
import { liveSince } from '../schema/node-liveness.ts'
import type { Schema } from '../schema/schema.ts'
import { type Mailbox, selectMailboxes, toMailbox } from './mailbox-rows.ts'
import { isWithin, type MailboxSet } from './mailbox-set.ts'

export interface MailboxFilter {
  readonly within?: MailboxSet | undefined
  readonly domain?: string | undefined
  /** A part of the address, of an alias or of the note. */
  readonly search?: string | undefined
  readonly upstream?: string | undefined
  readonly state?: MailboxState | undefined
  readonly hasSecret?: boolean | undefined
  /** Whether it has a device that is not revoked; the migration password is none. */
  readonly hasDevices?: boolean | undefined
  /** Whether a device has a live session. */
  readonly isConnected?: boolean | undefined
  /** Has devices, all made before this time and without a connection since. */
  readonly quietSince?: number | undefined
}

/** `created`: the newest first. */
export type MailboxSort = 'address' | 'created'

export interface ListedMailbox extends Mailbox {
  /** Of its devices, the latest; milliseconds since 1970, UTC. */
  readonly lastConnectionAt: number | null
  /** Live sessions on all nodes. */
  readonly sessions: number
}

export interface DomainCount {
  readonly domain: string
  readonly mailboxes: number
}

type KeyRow = { readonly id: MailboxId; readonly address: string; readonly created_at: number }

const ORDERS: Readonly<Record<MailboxSort, SortOrder<KeyRow>>> = {
  address: { name: 'address', direction: 'asc', keys: [{ column: sql.ref('mailboxes.address'), valueOf: row => row.address }] },
  created: {
    name: 'created',
    direction: 'desc',
    keys: [
      { column: sql.ref('mailboxes.created_at'), valueOf: row => row.created_at },
      { column: sql.ref('mailboxes.id'), valueOf: row => row.id },
    ],
  },
}

/** First the keys of the page, then what is shown of them: what is computed for a row is computed for those on the page only. */
export async function pageMailboxes(
  db: Kysely<Schema>,
  now: number,
  { filter = {}, sort = 'address', ...request }: PageRequest<MailboxSort> & { readonly filter?: MailboxFilter | undefined },
): Promise<Page<ListedMailbox>> {
  const keys = (await filtered(db, now, filter)).select(['mailboxes.id', 'mailboxes.address', 'mailboxes.created_at'])
  const { rows, next } = await readPage<KeyRow>(keys, ORDERS[sort], request)
  if (rows.length === 0) return { rows: [], next }
  const ids = rows.map(({ id }) => id)
  const shown = await selectListed(db, now).where('mailboxes.id', 'in', ids).execute()
  const byId = new Map(shown.map(row => [row.id, { ...toMailbox(row), lastConnectionAt: row.last_connection_at, sessions: Number(row.sessions ?? 0) }]))
  return { rows: ids.flatMap(id => byId.get(id) ?? []), next }
}

export async function countMailboxes(db: Kysely<Schema>, now: number, filter: MailboxFilter): Promise<number> {
  const { n } = await (await filtered(db, now, filter)).select(({ fn }) => fn.countAll<number>().as('n')).executeTakeFirstOrThrow()
  return Number(n)
}

const BY_DOMAIN: SortOrder<DomainCount> = {
  name: 'domain',
  direction: 'asc',
  keys: [{ column: sql.ref('mailboxes.domain'), valueOf: row => row.domain }],
}

/** The domains of mailboxes, by name. */
export async function pageDomains(
  db: Kysely<Schema>,
  { within, search, ...request }: PageRequest & { readonly within?: MailboxSet | undefined; readonly search?: string | undefined },
): Promise<Page<DomainCount>> {
  let query = db.selectFrom('mailboxes').select(['domain', ({ fn }) => fn.countAll<number>().as('mailboxes')])
  if (within !== undefined) query = query.where(isWithin(within))
  if (search !== undefined) query = query.where(containsSmall('mailboxes.domain', search.toLowerCase()))
  const { rows, next } = await readPage<DomainCount>(query.groupBy('domain'), BY_DOMAIN, request)
  return { rows: rows.map(({ domain, mailboxes }) => ({ domain, mailboxes: Number(mailboxes) })), next }
}

export async function countByUpstream(db: Kysely<Schema>): Promise<ReadonlyMap<string, number>> {
  const rows = await db
    .selectFrom('mailboxes')
    .select(['upstream', ({ fn }) => fn.countAll<number>().as('n')])
    .groupBy('upstream')
    .execute()
  return new Map(rows.map(({ upstream, n }) => [upstream, Number(n)]))
}

async function filtered(db: Kysely<Schema>, now: number, filter: MailboxFilter): Promise<SelectQueryBuilder<Schema, 'mailboxes', object>> {
  const { within, domain, search, upstream, state, hasSecret, hasDevices, isConnected, quietSince } = filter
  let query = db.selectFrom('mailboxes')
  if (within !== undefined) query = query.where(isWithin(within))
  if (domain !== undefined) query = query.where('mailboxes.domain', '=', domain)
  if (search !== undefined) query = query.where(await isFound(db, search, domain))
  if (upstream !== undefined) query = query.where('mailboxes.upstream', '=', upstream)
  if (state !== undefined) query = query.where('mailboxes.state', '=', state)
  if (hasSecret !== undefined) query = query.where('mailboxes.sealed_secret', hasSecret ? 'is not' : 'is', null)
  if (hasDevices !== undefined) query = query.where(({ exists, not }) => (hasDevices ? exists(devicesOf(db)) : not(exists(devicesOf(db)))))
  if (isConnected !== undefined) {
    const here = sessionsOf(db, now).select('sessions.id')
    const few = isConnected ? await findFew(connectedMailboxes(db, now)) : undefined
    if (few !== undefined) query = query.where(isIn('mailboxes.id', few))
    else query = query.where(({ exists, not }) => (isConnected ? exists(here) : not(exists(here))))
  }
  if (quietSince !== undefined) {
    const heardOf = devicesOf(db)
      .leftJoin('last_connections', join => join.onRef('last_connections.device_id', '=', 'devices.id').on('last_connections.at', '>=', quietSince))
      .where(({ or, eb }) => or([eb('devices.created_at', '>=', quietSince), eb('last_connections.at', 'is not', null)]))
    query = query.where(({ exists, not }) => not(exists(heardOf))).where(({ exists }) => exists(devicesOf(db)))
  }
  return query
}

async function isFound(db: Kysely<Schema>, search: string, domain: string | undefined): Promise<Expression<SqlBool>> {
  const small = search.toLowerCase()
  const aliases = db.selectFrom('aliases').select('mailbox_id').where(containsSmall('aliases.address', small))
  const is = sql<SqlBool>`(${containsSmall('mailboxes.address', small)} or ${contains('mailboxes.note', search)} or ${sql.ref('mailboxes.id')} in ${aliases})`
  if (domain !== undefined) return is
  const few = await findFew(db.selectFrom('mailboxes').select('mailboxes.id').where(is))
  return few === undefined ? is : isIn('mailboxes.id', few)
}

function devicesOf(db: Kysely<Schema>) {
  return db
    .selectFrom('devices')
    .select('devices.id')
    .whereRef('devices.mailbox_id', '=', 'mailboxes.id' as never)
    .where('devices.state', '<>', 'revoked')
    .where('devices.kind', '<>', 'legacy')
}

function sessionsOf(db: Kysely<Schema>, now: number) {
  return db
    .selectFrom('devices')
    .innerJoin('sessions', 'sessions.device_id', 'devices.id')
    .innerJoin('nodes', 'nodes.id', 'sessions.node_id')
    .whereRef('devices.mailbox_id', '=', 'mailboxes.id' as never)
    .where('nodes.heartbeat_at', '>', liveSince(now))
}

function connectedMailboxes(db: Kysely<Schema>, now: number) {
  return db
    .selectFrom('sessions')
    .innerJoin('nodes', 'nodes.id', 'sessions.node_id')
    .innerJoin('devices', 'devices.id', 'sessions.device_id')
    .select('devices.mailbox_id as id')
    .where('nodes.heartbeat_at', '>', liveSince(now))
}

function selectListed(db: Kysely<Schema>, now: number) {
  return selectMailboxes(db)
    .select(row =>
      row
        .selectFrom('devices')
        .innerJoin('last_connections', 'last_connections.device_id', 'devices.id')
        .select(({ fn }) => fn.max('last_connections.at').as('at'))
        .whereRef('devices.mailbox_id', '=', 'mailboxes.id')
        .as('last_connection_at'),
    )
    .select(
      sessionsOf(db, now)
        .select(({ fn }) => fn.countAll<number>().as('n'))
        .as('sessions'),
    )
}
