/**
 * What lists say of many people, read for all of them at once: a query for each would be a hundred on a page.
 */
import type { Kysely } from 'kysely'
import type { UserId } from '../../../base/ids.ts'
import type { Schema } from '../../schema/schema.ts'
import type { Roles } from './role-rows.ts'

/** Whoever is not there any more is in no answer. */
export type ByLogin<Facts> = ReadonlyMap<string, Facts>

export interface PersonSummary {
  readonly name: string | null
  readonly maySend: boolean
}

export async function readSummaries(db: Kysely<Schema>, logins: readonly string[]): Promise<ByLogin<PersonSummary>> {
  if (logins.length === 0) return new Map()
  const rows = await db
    .selectFrom('users')
    .leftJoin('sending_rules', join => join.on('sending_rules.subject_kind', '=', 'user').onRef('sending_rules.subject_id', '=', 'users.id' as never))
    .select(['users.login', 'users.name', 'sending_rules.may_send'])
    .where('users.login', 'in', logins)
    .execute()
  return new Map(rows.map(({ login, name, may_send: maySend }) => [login, { name, maySend: maySend !== 0 }]))
}

export interface PersonFacts {
  readonly roles: Roles
  /** Where they have a right or a device that is not revoked; each once. */
  readonly domains: readonly string[]
  /** Has chosen how to sign in. */
  readonly hasStarted: boolean
  readonly lastSignInAt: number | null
  /** When a page was last asked for in a session that is still there. */
  readonly seenAt: number | null
}

export async function readFacts(db: Kysely<Schema>, logins: readonly string[]): Promise<ByLogin<PersonFacts>> {
  if (logins.length === 0) return new Map()
  const people = await selectPeople(db, logins)
  const ids = people.map(({ id }) => id)
  if (ids.length === 0) return new Map()
  const roles = Map.groupBy(await db.selectFrom('roles').selectAll().where('user_id', 'in', ids).orderBy('domain').execute(), row => row.user_id)
  const domains = Map.groupBy(await selectPlaces(db, ids), row => row.user)
  return new Map(
    people.map(({ id, login, has_password, passkeys, signed_in_at, seen_at }) => {
      const own = roles.get(id) ?? []
      return [
        login,
        {
          roles: { isAdmin: own.some(({ role }) => role === 'admin'), domains: own.filter(({ role }) => role === 'manager').map(({ domain }) => domain) },
          domains: (domains.get(id) ?? []).map(({ domain }) => domain),
          hasStarted: Number(has_password ?? 0) > 0 || Number(passkeys ?? 0) > 0,
          lastSignInAt: signed_in_at,
          seenAt: seen_at,
        },
      ]
    }),
  )
}

function selectPeople(db: Kysely<Schema>, logins: readonly string[]) {
  return db
    .selectFrom('users')
    .select(['users.id', 'users.login'])
    .select(row => [
      row
        .selectFrom('credentials')
        .select(({ fn }) => fn.count<number>('credentials.phc').as('n'))
        .whereRef('credentials.user_id', '=', 'users.id')
        .as('has_password'),
      row
        .selectFrom('passkeys')
        .select(({ fn }) => fn.countAll<number>().as('n'))
        .whereRef('passkeys.user_id', '=', 'users.id')
        .as('passkeys'),
      row
        .selectFrom('audit')
        .select('audit.at')
        .whereRef('audit.subject_id', '=', 'users.id' as never)
        .where('audit.action', '=', 'user.signed-in')
        .orderBy('audit.id', 'desc')
        .limit(1)
        .as('signed_in_at'),
      row
        .selectFrom('portal_sessions')
        .select(({ fn }) => fn.max('portal_sessions.seen_at').as('at'))
        .whereRef('portal_sessions.user_id', '=', 'users.id')
        .where('portal_sessions.stage', '=', 'full')
        .as('seen_at'),
    ])
    .where('users.login', 'in', logins)
    .execute()
}

function selectPlaces(db: Kysely<Schema>, ids: readonly UserId[]) {
  const devices = db
    .selectFrom('devices')
    .innerJoin('mailboxes', 'mailboxes.id', 'devices.mailbox_id')
    .select(['devices.user_id as user', 'mailboxes.domain'])
    .where('devices.user_id', 'in', ids)
    .where('devices.state', '<>', 'revoked')
  const rights = db
    .selectFrom('rights')
    .innerJoin('mailboxes', 'mailboxes.id', 'rights.mailbox_id')
    .select(['rights.user_id as user', 'mailboxes.domain'])
    .where('rights.user_id', 'in', ids)
  return devices.union(rights).execute()
}
