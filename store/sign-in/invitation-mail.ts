/**
 * Where an invitation may be mailed to: not into a mailbox that whoever is invited cannot read yet, for the link would wait in the very mailbox that it
 * opens.
 */
import type { Kysely } from 'kysely'
import type { MailboxId, UserId } from '../../base/ids.ts'
import { Problem } from '../../base/problems.ts'
import type { Schema } from '../schema/schema.ts'
import type { InvitationTarget } from './invitation-rows.ts'

/** Throws BAD_INPUT. */
export async function checkMayBeMailedTo(db: Kysely<Schema>, address: string, { mailbox, user }: InvitationTarget): Promise<void> {
  const hosted = await findHosted(db, address)
  if (hosted === undefined) return
  if (hosted === mailbox?.id) throw new Problem('invitation.mail-to-itself', { address })
  if (user !== null && !(await canRead(db, user.id, hosted))) throw new Problem('invitation.mail-unreadable', { address, login: user.login })
}

async function findHosted(db: Kysely<Schema>, address: string): Promise<MailboxId | undefined> {
  const row = await db
    .selectFrom('mailboxes')
    .select('id')
    .where('address', '=', address)
    .unionAll(db.selectFrom('aliases').select('mailbox_id as id').where('address', '=', address))
    .executeTakeFirst()
  return row?.id
}

/** By a device that is linked to the person and reads. */
async function canRead(db: Kysely<Schema>, user: UserId, mailbox: MailboxId): Promise<boolean> {
  const devices = await db
    .selectFrom('devices')
    .select('scopes')
    .where('mailbox_id', '=', mailbox)
    .where('user_id', '=', user)
    .where('state', '=', 'active')
    .execute()
  return devices.some(({ scopes }) => scopes.split(',').includes('imap'))
}
