/**
 * Users as rows, and how a person names one.
 */
import type { Kysely, Selectable } from 'kysely'
import { normaliseAddress } from '../../../base/address.ts'
import { Problem } from '../../../base/problems.ts'
import type { Schema, UsersTable } from '../../schema/schema.ts'
import { SHORT_LOGIN } from '../../schema/short-login.ts'

/** What the command line says for "no user". */
const RESERVED = 'none'

/** A login as it is stored: an e-mail address or a short name, in lower case. Throws BAD_INPUT. */
export function parseLogin(text: string): string {
  const login = text.includes('@') ? normaliseAddress(text.trim()) : text.trim().toLowerCase()
  if (login === RESERVED) throw new Problem('user.login-reserved', { login: RESERVED })
  if (login === undefined || !(login.includes('@') || SHORT_LOGIN.test(login))) {
    throw new Problem('user.login-form', { text })
  }
  return login
}

/** The row of a normalised login. Throws NOT_FOUND. */
export async function getUserRow(db: Kysely<Schema>, login: string): Promise<Selectable<UsersTable>> {
  const row = await findUserRow(db, login)
  if (row === undefined) throw noUser(login)
  return row
}

export function findUserRow(db: Kysely<Schema>, login: string): Promise<Selectable<UsersTable> | undefined> {
  return db.selectFrom('users').selectAll().where('login', '=', login).executeTakeFirst()
}

export function noUser(login: string): Problem {
  return new Problem('user.unknown', { login })
}
