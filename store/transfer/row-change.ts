/**
 * The change of one row of an import: its audit entries say from which line they come, and persons who are missing are made within it.
 */
import type { Kysely } from 'kysely'
import { makeId, type UserId } from '../../base/ids.ts'
import { findUserRow } from '../accounts/people/user-rows.ts'
import type { UserState } from '../schema/login-record.ts'
import type { Schema } from '../schema/schema.ts'
import type { AuditRecord, Change } from '../store-context.ts'

export interface KnownUser {
  readonly id: UserId
  readonly login: string
}

/** A change whose audit entries say from which line of which file they come, and which moves the generation once for all rows. */
export class RowChange implements Change {
  readonly db: Change['db']
  readonly at: number
  readonly moveGeneration: () => Promise<void>
  usersAdded = 0
  readonly #change: Change
  readonly #from: string

  constructor(change: Change, from: string, moveGeneration: () => Promise<void>) {
    this.db = change.db
    this.at = change.at
    this.moveGeneration = moveGeneration
    this.#change = change
    this.#from = from
  }

  audit(record: AuditRecord): Promise<void> {
    return this.#change.audit({ ...record, after: { ...record.after, import: this.#from } })
  }
}

export async function userOf(db: Kysely<Schema>, id: UserId | null): Promise<{ readonly user: string | null; readonly userState: UserState | null }> {
  const row = id === null ? undefined : await db.selectFrom('users').select(['login', 'state']).where('id', '=', id).executeTakeFirst()
  return { user: row?.login ?? null, userState: row?.state ?? null }
}

/** Asked once a batch: a user has many devices. */
export async function findUser(db: Kysely<Schema>, users: Map<string, KnownUser | undefined>, login: string): Promise<KnownUser | undefined> {
  if (!users.has(login)) users.set(login, await findUserRow(db, login))
  return users.get(login)
}

export async function getUser(change: RowChange, users: Map<string, KnownUser | undefined>, login: string): Promise<KnownUser> {
  const known = await findUser(change.db, users, login)
  if (known !== undefined) return { id: known.id, login }
  const id = makeId<UserId>()
  await change.db.insertInto('users').values({ id, login, name: null, state: 'active', created_at: change.at }).execute()
  await change.audit({ action: 'user.added', subject: login, subjectId: id, before: null, after: { name: null, maySend: true } })
  users.set(login, { id, login })
  change.usersAdded += 1
  return { id, login }
}
