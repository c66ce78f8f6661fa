/**
 * Which mailboxes or devices a list is about, as a condition: it shows what lies within, and counts nothing else. For example those that somebody may see.
 */
import { type Expression, type RawBuilder, type SqlBool, sql } from 'kysely'
import type { UserId } from '../../base/ids.ts'

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
  return anyOf([isOfMailboxes(set), sql<SqlBool>`(${sql.ref('devices.user_id')} = ${own.user} and ${isOfMailboxes(own)})`])
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
