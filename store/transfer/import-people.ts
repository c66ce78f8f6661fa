/**
 * The rights that a row of an import gives at its mailbox. Persons who are not named keep theirs.
 */
import type { Kysely } from 'kysely'
import type { MailboxId } from '../../base/ids.ts'
import { NO_RIGHTS, type Rights, readRights } from '../accounts/people/role-rows.ts'
import { findUserRow } from '../accounts/people/user-rows.ts'
import type { Schema } from '../schema/schema.ts'
import { BadRow, type ImportedPerson } from './import-rows.ts'

/** Those whose rights differ. Throws BadRow. */
export async function planPeople(
  db: Kysely<Schema>,
  { id, people = [], addUsers }: { readonly id: MailboxId; readonly people: readonly ImportedPerson[] | undefined; readonly addUsers: boolean },
): Promise<readonly ImportedPerson[]> {
  const changed: ImportedPerson[] = []
  const logins = new Set<string>()
  for (const person of people) {
    if (logins.has(person.user)) throw new BadRow('people: a login stands twice in this row')
    logins.add(person.user)
    const user = await findUserRow(db, person.user)
    if (user === undefined && !addUsers) throw new BadRow('people: there is no such user', 'addUsers')
    const present = user === undefined ? NO_RIGHTS : await readRights(db, user.id, id)
    if (!isSame(present, person.rights)) changed.push(person)
  }
  return changed
}

function isSame(a: Rights, b: Rights): boolean {
  return (Object.keys(NO_RIGHTS) as (keyof Rights)[]).every(right => a[right] === b[right])
}
