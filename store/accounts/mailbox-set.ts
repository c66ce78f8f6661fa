/**
 * Which mailboxes a list is about, as a condition: it shows what lies within, and counts nothing else. For example those that somebody may see.
 */
import { type Expression, type RawBuilder, type SqlBool, sql } from 'kysely'
import type { MailboxId } from '../../base/ids.ts'

/** All mailboxes of these domains, and these besides. */
export interface MailboxSet {
  readonly domains?: readonly string[] | undefined
  readonly mailboxes?: readonly MailboxId[] | undefined
}

/** Of the joined table `mailboxes`. A set of nothing has nothing in it. */
export function isWithin({ domains = [], mailboxes = [] }: MailboxSet): Expression<SqlBool> {
  const parts: RawBuilder<SqlBool>[] = []
  if (domains.length > 0) parts.push(sql`${sql.ref('mailboxes.domain')} in (${sql.join(domains)})`)
  if (mailboxes.length > 0) parts.push(sql`${sql.ref('mailboxes.id')} in (${sql.join(mailboxes)})`)
  return parts.length === 0 ? sql<SqlBool>`1 = 0` : sql<SqlBool>`(${sql.join(parts, sql` or `)})`
}
