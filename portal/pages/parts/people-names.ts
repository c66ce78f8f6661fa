/** What people are called, by their login. */
import type { SignedInRequest } from '../../web/page-request.ts'

/** Who acts in the audit when somebody without an account accepts an invitation. */
const INVITED = 'invitation'

/** A login that is nobody's any more, and the operator of the command line, are called what they are. */
export async function namesOf({ services, actor, m }: SignedInRequest, logins: Iterable<string>): Promise<(login: string) => string> {
  const { users } = services.store.as({ name: actor.login, source: actor.source })
  const people = await users.summaries([...new Set(logins)])
  return login => people.get(login)?.name ?? (login === INVITED ? m.mail.byInvited : login)
}

/** The first word of a name, for sentences. */
export const firstNameOf = (name: string): string => (name.includes('@') ? name : (name.split(' ', 1)[0] ?? name))
