/**
 * The migrations of the portal.
 *
 * As in `migrations.ts`: a step that was once released is never edited, and imports nothing of the present schema.
 */
import { type Kysely, sql } from 'kysely'

/** Mailboxes whose domain is filled in at a time. */
const PAGE_ROWS = 1_000

/** Lists of one domain, in the order of addresses, without a look at the others. */
export async function addDomains(db: Kysely<unknown>): Promise<void> {
  const { schema } = db
  await schema
    .alterTable('mailboxes')
    .addColumn('domain', 'text', c => c.notNull().defaultTo(''))
    .execute()
  await schema.alterTable('mailboxes').addColumn('note', 'text').execute()
  let last = ''
  for (;;) {
    const { rows } = await sql<{ address: string }>`
      select address from mailboxes where address > ${last} order by address limit ${sql.lit(PAGE_ROWS)}`.execute(db)
    for (const { address } of rows)
      await sql`update mailboxes set domain = ${address.slice(address.lastIndexOf('@') + 1)} where address = ${address}`.execute(db)
    const end = rows.at(-1)
    if (end === undefined) break
    last = end.address
  }
  await schema.createIndex('mailboxes_by_domain').on('mailboxes').columns(['domain', 'address']).execute()
}
