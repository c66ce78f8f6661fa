/** A new token for the session, after a factor changed: whoever has an old one has nothing. */
import type { SignedInRequest } from '../../web/page-request.ts'
import { ownNouns } from './account.ts'

/** The cookie; undefined: the session ended meanwhile. */
export async function renewed(request: SignedInRequest): Promise<string | undefined> {
  const { token, cookies, client } = request
  const fresh = await ownNouns(request).portalSessions.renew(token, { confirmed: false, by: 'change of a factor', ip: client.ip })
  return fresh === undefined ? undefined : cookies.setSession(fresh)
}
