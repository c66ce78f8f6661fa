/**
 * Users as they are shown, and lists of them: by pages, filtered and counted in the database.
 */
import { type Kysely, type RawBuilder, type SelectQueryBuilder, type SqlBool, sql } from 'kysely'
import type { UserId } from '../../../base/ids.ts'
import { contains, type Page, type PageRequest, readPage, type SortOrder } from '../../schema/keyset.ts'
import type { UserState } from '../../schema/login-record.ts'
import type { Role } from '../../schema/portal-schema.ts'
import type { Schema } from '../../schema/schema.ts'
import { type Sending, selectSending, toSending } from '../../sending/sending-rows.ts'
import { isLargeShare, isWithin, isWithinBy, type MailboxSet } from '../mailbox-set.ts'
import { noUser } from './user-rows.ts'

export interface User {
  readonly id: UserId
  readonly login: string
  readonly name: string | null
  /** `blocked`: none of the linked devices gets in. */
  readonly state: UserState
  /** The same as `sending.maySend`. */
  readonly maySend: boolean
  readonly createdAt: number
  /** Linked devices that are not revoked. */
  readonly devices: number
  readonly sending: Sending
}

export interface UserFilter {
  /** A part of the login or the name. */
  readonly search?: string | undefined
  readonly state?: UserState | undefined
  readonly maySend?: boolean | undefined
  /** Linked to a device of such a domain, or with a right there. */
  readonly domain?: string | undefined
  readonly role?: Role | undefined
  /** Has neither an authenticator app nor a passkey. */
  readonly isWithoutFactor?: true | undefined
  /** Linked to a device of such a mailbox, or with a right at one. */
  readonly within?: MailboxSet | undefined
}

/** A person has many devices, of which each may be elsewhere: below this it is quicker to begin at the mailboxes. */
const LARGE_SHARE = 1 / 20

/** `created`: the newest first. */
export type UserSort = 'login' | 'created'

type KeyRow = { readonly id: UserId; readonly login: string; readonly created_at: number }

const ORDERS: Readonly<Record<UserSort, SortOrder<KeyRow>>> = {
  login: { name: 'login', direction: 'asc', keys: [{ column: sql.ref('users.login'), valueOf: row => row.login }] },
  created: {
    name: 'created',
    direction: 'desc',
    keys: [
      { column: sql.ref('users.created_at'), valueOf: row => row.created_at },
      { column: sql.ref('users.id'), valueOf: row => row.id },
    ],
  },
}

/** By login unless told. */
export async function pageUsers(
  db: Kysely<Schema>,
  now: number,
  { filter = {}, sort = 'login', ...request }: PageRequest<UserSort> & { readonly filter?: UserFilter | undefined },
): Promise<Page<User>> {
  const { rows, next } = await readPage<KeyRow>((await filtered(db, filter)).select(['users.id', 'users.login', 'users.created_at']), ORDERS[sort], request)
  if (rows.length === 0) return { rows: [], next }
  const ids = rows.map(({ id }) => id)
  const shown = await selectUsers(db, now).where('users.id', 'in', ids).execute()
  const byId = new Map(shown.map(row => [row.user_id, toUser(row)]))
  return { rows: ids.flatMap(id => byId.get(id) ?? []), next }
}

/** How many fit to each of the filters, in one look at all of them. */
export async function countUsers<Name extends string>(
  db: Kysely<Schema>,
  filters: Readonly<Record<Name, Omit<UserFilter, 'within' | 'domain'>>>,
  within: MailboxSet | undefined,
): Promise<Readonly<Record<Name, number>>> {
  const names = Object.keys(filters) as Name[]
  let query = db.selectFrom('users').select(names.map(name => sql<number>`count(case when ${allOf(conditionsOf(db, filters[name]))} then 1 end)`.as(name)))
  // Everybody is asked about: to look at the devices of each person takes longer than those of the mailboxes.
  if (within !== undefined) query = query.where(isPersonOf(db, within))
  const counts = (await query.executeTakeFirstOrThrow()) as Record<Name, number>
  return Object.fromEntries(names.map(name => [name, Number(counts[name])])) as Record<Name, number>
}

export async function findUser(db: Kysely<Schema>, login: string, now: number): Promise<User | undefined> {
  const row = await selectUsers(db, now).where('users.login', '=', login).executeTakeFirst()
  return row === undefined ? undefined : toUser(row)
}

/** Throws NOT_FOUND. */
export async function getUser(db: Kysely<Schema>, login: string, now: number): Promise<User> {
  const user = await findUser(db, login, now)
  if (user === undefined) throw noUser(login)
  return user
}

async function filtered(db: Kysely<Schema>, { within, domain, ...filter }: UserFilter): Promise<SelectQueryBuilder<Schema, 'users', object>> {
  let query = db.selectFrom('users').where(allOf(conditionsOf(db, filter)))
  for (const set of [within, domain === undefined ? undefined : { domains: [domain] }])
    if (set !== undefined) query = query.where((await isLargeShare(db, set, LARGE_SHARE)) ? isPersonWithin(db, set) : isPersonOf(db, set))
  return query
}

function conditionsOf(db: Kysely<Schema>, { search, state, maySend, role, isWithoutFactor }: Omit<UserFilter, 'within' | 'domain'>): RawBuilder<SqlBool>[] {
  const conditions: RawBuilder<SqlBool>[] = []
  const id = sql.ref('users.id')
  if (search !== undefined) conditions.push(sql`(${contains('users.login', search)} or ${contains('users.name', search)})`)
  if (state !== undefined) conditions.push(sql`${sql.ref('users.state')} = ${state}`)
  if (maySend !== undefined) {
    const denied = db.selectFrom('sending_rules').select('subject_id').where('subject_kind', '=', 'user').where('may_send', '=', 0)
    conditions.push(sql`${id} ${maySend ? sql`not in` : sql`in`} ${denied}`)
  }
  if (role !== undefined) conditions.push(sql`${id} in ${db.selectFrom('roles').select('user_id').where('role', '=', role)}`)
  if (isWithoutFactor === true) {
    const apps = db.selectFrom('credentials').select('user_id').where('sealed_totp', 'is not', null)
    conditions.push(sql`${id} not in ${apps}`, sql`${id} not in ${db.selectFrom('passkeys').select('user_id')}`)
  }
  return conditions
}

function allOf(conditions: readonly RawBuilder<SqlBool>[]): RawBuilder<SqlBool> {
  return conditions.length === 0 ? sql<SqlBool>`1 = 1` : sql<SqlBool>`(${sql.join(conditions, sql` and `)})`
}

/** Person by person: most have a device or two. */
function isPersonWithin(db: Kysely<Schema>, within: MailboxSet): RawBuilder<SqlBool> {
  const linked = db
    .selectFrom('devices')
    .select('devices.id')
    .where(sql<SqlBool>`${sql.ref('devices.user_id')} = ${sql.ref('users.id')} and ${sql.ref('devices.user_id')} is not null`)
    .where('devices.state', '<>', 'revoked')
    .where(isWithinBy('id', sql.ref('devices.mailbox_id'), within))
  const entitled = db
    .selectFrom('rights')
    .select('rights.mailbox_id')
    .where(sql<SqlBool>`${sql.ref('rights.user_id')} = ${sql.ref('users.id')}`)
    .where(isWithinBy('id', sql.ref('rights.mailbox_id'), within))
  return sql<SqlBool>`(exists ${linked} or exists ${entitled})`
}

/** From the mailboxes of the set. */
function isPersonOf(db: Kysely<Schema>, within: MailboxSet): RawBuilder<SqlBool> {
  const linked = db
    .selectFrom('devices')
    .innerJoin('mailboxes', 'mailboxes.id', 'devices.mailbox_id')
    .select('devices.user_id')
    .where('devices.user_id', 'is not', null)
    // In these words an index answers it.
    .where(sql<SqlBool>`${sql.ref('devices.state')} <> 'revoked'`)
    .where(isWithin(within))
  const entitled = db.selectFrom('rights').innerJoin('mailboxes', 'mailboxes.id', 'rights.mailbox_id').select('rights.user_id').where(isWithin(within))
  return sql<SqlBool>`(${sql.ref('users.id')} in ${linked} or ${sql.ref('users.id')} in ${entitled})`
}

function selectUsers(db: Kysely<Schema>, now: number) {
  return selectSending(db, 'user', now)
    .innerJoin('users', join => join.onRef('users.id', '=', 'subject.id'))
    .select(['users.id as user_id', 'users.login', 'users.name', 'users.state', 'users.created_at'])
    .select(row =>
      row
        .selectFrom('devices')
        .select(count => count.fn.countAll<number>().as('n'))
        .whereRef('devices.user_id', '=', 'users.id')
        .where('devices.state', '<>', 'revoked')
        .as('devices'),
    )
}

function toUser(row: Awaited<ReturnType<ReturnType<typeof selectUsers>['execute']>>[number]): User {
  const sending = toSending(row)
  const { user_id: id, login, name, state, created_at: createdAt } = row
  return { id, login, name, state, maySend: sending.maySend, createdAt, devices: Number(row.devices ?? 0), sending }
}
