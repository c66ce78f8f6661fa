/**
 * Which mailboxes or devices a list is about, as a condition: it shows what lies within, and counts nothing else. For example those that somebody may see.
 */
import { type Expression, type Kysely, type RawBuilder, type SqlBool, sql } from 'kysely'
import type { UserId } from '../../base/ids.ts'
import { countUpTo } from '../schema/keyset.ts'
import type { Schema } from '../schema/schema.ts'

/** All mailboxes of these domains, and these besides. */
export interface MailboxSet {
  readonly domains?: readonly string[] | undefined
  readonly addresses?: readonly string[] | undefined
}

/** The devices of these mailboxes, and of others those that are linked to one person. */
export interface DeviceSet extends MailboxSet {
  readonly own?: { readonly user: UserId; readonly addresses: readonly string[] } | undefined
}

/** Of the joined table `mailboxes`. A set of nothing has nothing in it. */
export function isWithin({ domains = [], addresses = [] }: MailboxSet): Expression<SqlBool> {
  return anyOf([...isOneOf('mailboxes.domain', domains), ...isOneOf('mailboxes.address', addresses)])
}

/** Of the table `devices`. */
export function isDeviceWithin({ own, ...set }: DeviceSet): Expression<SqlBool> {
  if (own === undefined) return isOfMailboxes(set)
  const isOwn = sql<SqlBool>`(${sql.ref('devices.user_id')} = ${own.user} and ${isOfMailboxes(own)})`
  return isEmpty(set) ? isOwn : anyOf([isOfMailboxes(set), isOwn])
}

/** As `isDeviceWithin`, where both `devices` and `mailboxes` are joined: the mailboxes are looked at one by one. */
export function isJoinedWithin({ own, ...set }: DeviceSet): Expression<SqlBool> {
  if (own === undefined) return isWithin(set)
  const isOwn = sql<SqlBool>`(${sql.ref('devices.user_id')} = ${own.user} and ${isWithin(own)})`
  return isEmpty(set) ? isOwn : anyOf([isWithin(set), isOwn])
}

/** As `isDeviceWithin`, device by device: where few are left, the set must not lead to them. */
export function isEachDeviceWithin({ own, ...set }: DeviceSet): Expression<SqlBool> {
  const mailbox = sql.ref('devices.mailbox_id')
  if (own === undefined) return isWithinBy('id', mailbox, set)
  const isOwn = sql<SqlBool>`(${sql.ref('devices.user_id')} = ${own.user} and ${isWithinBy('id', mailbox, own)})`
  return isEmpty(set) ? isOwn : anyOf([isWithinBy('id', mailbox, set), isOwn])
}

export function isEmpty({ domains = [], addresses = [] }: MailboxSet): boolean {
  return domains.length === 0 && addresses.length === 0
}

function isOfMailboxes(set: MailboxSet): RawBuilder<SqlBool> {
  return sql<SqlBool>`${sql.ref('devices.mailbox_id')} in (select ${sql.ref('mailboxes.id')} from ${sql.table('mailboxes')} where ${isWithin(set)})`
}

function isOneOf(column: string, values: readonly string[]): RawBuilder<SqlBool>[] {
  return values.length === 0 ? [] : [sql<SqlBool>`${sql.ref(column)} in (${sql.join(values)})`]
}

function anyOf(parts: readonly Expression<SqlBool>[]): RawBuilder<SqlBool> {
  return parts.length === 0 ? sql<SqlBool>`1 = 0` : sql<SqlBool>`(${sql.join(parts, sql` or `)})`
}

/** Of a set that has at least this part of all mailboxes, a page is found soon by whoever looks through everything in the order of the list. */
const LARGE_SHARE = 1 / 200
/** Or so many: to name them all in a query would take longer. */
const MANY_MAILBOXES = 5_000

/** How a list that spans all mailboxes is read: through everything until a page is full, or from the mailboxes of the set. */
export async function isLargeShare(db: Kysely<Schema>, set: MailboxSet, share = LARGE_SHARE): Promise<boolean> {
  const mailboxes = await countUpTo(db, db.selectFrom('mailboxes').select('id').where(isWithin(set)), MANY_MAILBOXES)
  if (mailboxes >= MANY_MAILBOXES) return true
  const many = mailboxes / share
  return (await countUpTo(db, db.selectFrom('mailboxes').select('id'), many + 1)) <= many
}

/** As `isWithin`, of a mailbox named by what a row says of it; as a value, which no planner turns into a look at the whole set. */
export function isWithinBy(column: 'id' | 'address', named: RawBuilder<unknown>, { domains = [], addresses = [] }: MailboxSet): Expression<SqlBool> {
  const of = (shown: string) => sql`(select ${sql.ref(`here.${shown}`)} from ${sql.table('mailboxes')} as here where ${sql.ref(`here.${column}`)} = ${named})`
  return anyOf([
    ...(domains.length === 0 ? [] : [sql<SqlBool>`${of('domain')} in (${sql.join(domains)})`]),
    ...(addresses.length === 0 ? [] : [sql<SqlBool>`${of('address')} in (${sql.join(addresses)})`]),
  ])
}
