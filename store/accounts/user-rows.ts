/**
 * Users as rows, and how a person names one.
 */
import type { Kysely, Selectable } from 'kysely'
import { normaliseAddress } from '../../base/address.ts'
import { MailwicketError } from '../../base/errors.ts'
import type { Schema, UsersTable } from '../schema/schema.ts'
import { SHORT_LOGIN } from '../schema/short-login.ts'

/** What the command line says for "no user". */
const RESERVED = 'none'

/** A login as it is stored: an e-mail address or a short name, in lower case. Throws BAD_INPUT. */
export function parseLogin(text: string): string {
  const login = text.includes('@') ? normaliseAddress(text.trim()) : text.trim().toLowerCase()
  if (login === RESERVED) throw new MailwicketError('BAD_INPUT', { message: `"${RESERVED}" cannot be a login: it stands for no user` })
  if (login === undefined || !(login.includes('@') || SHORT_LOGIN.test(login))) {
    throw new MailwicketError('BAD_INPUT', {
      message: `${JSON.stringify(text)} is no login: give an e-mail address, or a short name of letters, digits, ".", "_" and "-"`,
    })
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

export function noUser(login: string): MailwicketError {
  return new MailwicketError('NOT_FOUND', { message: `there is no user ${login}`, remedy: 'List them with `user list`, or make one with `user add LOGIN`.' })
}
