/**
 * Who signs in to the portal of the demo: an administrator, and the person whose mailbox and phone it is.
 */
import { randomBytes } from 'node:crypto'
import { Secret } from '../../base/secret.ts'
import type { Store } from '../../store/open-store.ts'

export interface DemoPerson {
  readonly login: string
  readonly name: string
  readonly is: 'administrator' | 'owner'
  readonly password: string
}

/** The person that the demo's device is linked to. */
export const OWNER = 'ada'

const PEOPLE = [
  { login: 'admin', name: 'Grace Hopper', is: 'administrator' },
  { login: OWNER, name: 'Ada Lovelace', is: 'owner' },
] as const

/** With passwords of their own; the owner gets every right at the mailbox but that to manage it. */
export async function addPeople(store: Store, mailbox: string): Promise<readonly DemoPerson[]> {
  const { PasswordHasher } = await import('../../store/passwords/password-hash.ts')
  const hasher = new PasswordHasher()
  const people: DemoPerson[] = []
  for (const { login, name, is } of PEOPLE) {
    // One word, so that a double click takes it whole.
    const password = randomBytes(9).toString('hex')
    await store.users.add({ login, name })
    await store.credentials.setPassword(login, await hasher.hash(Secret.fromText(password)))
    if (is === 'administrator') await store.roles.grant(login, { role: 'admin' })
    else await store.rights.set(login, mailbox, { use: true, make: true, see: true, send: true })
    people.push({ login, name, is, password })
  }
  return people
}
