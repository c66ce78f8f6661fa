/**
 * Whose rights at a mailbox a file tells, in words: `anna=use+send`.
 */
import type { Rights } from '../../store/accounts/people/role-rows.ts'
import { NO_RIGHTS } from '../../store/accounts/people/role-rows.ts'
import { parseLogin } from '../../store/accounts/people/user-rows.ts'
import { BadRow, type ImportedPerson } from '../../store/transfer/import-rows.ts'

const NAMES = Object.keys(NO_RIGHTS) as (keyof Rights)[]

export function formatPerson({ user, rights }: ImportedPerson): string {
  return `${user}=${NAMES.filter(name => rights[name]).join('+')}`
}

/** Throws BadRow, which quotes nothing. */
export function parsePerson(text: string): ImportedPerson {
  const at = text.indexOf('=')
  const given = text
    .slice(at + 1)
    .toLowerCase()
    .split('+')
  if (at < 1 || !given.every(name => (NAMES as string[]).includes(name)))
    throw new BadRow(`people: LOGIN=RIGHTS is expected, as anna=use+send; the rights are ${NAMES.join(', ')}`)
  try {
    const rights = Object.fromEntries(NAMES.map(name => [name, given.includes(name)])) as unknown as Rights
    return { user: parseLogin(text.slice(0, at)), rights }
  } catch {
    throw new BadRow('people: no login before the "="')
  }
}
