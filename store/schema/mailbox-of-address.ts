/**
 * Whose address is it: a mailbox's own, or an alias of one. A part of the gateway's queries, so that a login stays one of them.
 */
import { type RawBuilder, sql } from 'kysely'
import type { MailboxId } from '../../base/ids.ts'

/**
 * The id, or null. Two looks into an index at most, whatever the number of mailboxes.
 */
export function mailboxOfAddress(address: string | RawBuilder<string>): RawBuilder<MailboxId | null> {
  return sql<MailboxId | null>`coalesce(
    (select m.id from mailboxes m where m.address = ${address}),
    (select a.mailbox_id from aliases a where a.address = ${address}))`
}
