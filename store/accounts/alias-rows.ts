/**
 * Aliases as rows, and the one look at whether an address is free.
 */
import type { Kysely } from 'kysely'
import type { MailboxId } from '../../base/ids.ts'
import { Problem } from '../../base/problems.ts'
import type { Schema } from '../schema/schema.ts'
import type { Change } from '../store-context.ts'

/** More than people have. SECURITY: guesses are counted by the address that was tried, whoever's it is: each alias gives as many guesses more. */
export const MAX_ALIASES = 50

export interface AliasOwner {
  readonly id: MailboxId
  readonly address: string
}

export async function readAliases(db: Kysely<Schema>, mailbox: MailboxId): Promise<readonly string[]> {
  const rows = await db.selectFrom('aliases').select('address').where('mailbox_id', '=', mailbox).orderBy('address').execute()
  return rows.map(({ address }) => address)
}

/** `alias` is normalised. Throws ALREADY_EXISTS, BAD_INPUT. */
export async function addAlias(change: Change, { id, address }: AliasOwner, alias: string): Promise<void> {
  await checkAddressIsFree(change.db, alias)
  const aliases = await readAliases(change.db, id)
  if (aliases.length >= MAX_ALIASES) throw new Problem('alias.too-many', { mailbox: address, max: MAX_ALIASES })
  await change.db.insertInto('aliases').values({ address: alias, mailbox_id: id, created_at: change.at }).execute()
  await change.audit({ action: 'mailbox.alias-added', subject: address, subjectId: id, before: null, after: { alias } })
}

/** Throws NOT_FOUND. */
export async function removeAlias(change: Change, { id, address }: AliasOwner, alias: string): Promise<void> {
  const { numDeletedRows } = await change.db.deleteFrom('aliases').where('mailbox_id', '=', id).where('address', '=', alias).executeTakeFirst()
  if (numDeletedRows === 0n) throw new Problem('alias.unknown', { alias, mailbox: address })
  await change.audit({ action: 'mailbox.alias-removed', subject: address, subjectId: id, before: { alias }, after: null })
  // What `own` stands for is read again.
  await change.moveGeneration()
}

/** Throws ALREADY_EXISTS. */
export async function checkAddressIsFree(db: Kysely<Schema>, address: string): Promise<void> {
  const mailbox = await db.selectFrom('mailboxes').select('id').where('address', '=', address).executeTakeFirst()
  if (mailbox !== undefined) throw new Problem('mailbox.exists', { address })
  const alias = await db
    .selectFrom('aliases')
    .innerJoin('mailboxes', 'mailboxes.id', 'aliases.mailbox_id')
    .select('mailboxes.address')
    .where('aliases.address', '=', address)
    .executeTakeFirst()
  if (alias !== undefined) throw new Problem('alias.exists', { alias: address, mailbox: alias.address })
}
