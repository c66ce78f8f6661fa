/**
 * A secret on its way from the change that made it to the one page that shows it: sealed in a cookie with the path of that page, for two minutes and this
 * session. Nothing of it lies in the store or in an address.
 */
import type { Secret } from '../../../base/secret.ts'
import { openShownPassword, sealShownPassword } from '../../sign-in/sealed-values.ts'
import { seeOther } from '../../web/answers.ts'
import { nowOf, type SignedInRequest } from '../../web/page-request.ts'

/** 303 to the page that shows it, once. `of`: what it is the secret of. */
export function secretIsShown(request: SignedInRequest, page: string, of: string, secret: Secret): Response {
  const { services, session, cookies } = request
  const sealed = sealShownPassword(services.signIn.keyring, secret, { session: session.id, device: of }, nowOf(request))
  return seeOther(page, [cookies.set('shown', sealed, page)])
}

/** Undefined: it was shown, is late, or belongs to somebody else. */
export function findShownSecret(request: SignedInRequest, of: string): Secret | undefined {
  const { services, session, cookies } = request
  const cookie = cookies.get('shown')
  return cookie === undefined ? undefined : openShownPassword(services.signIn.keyring, cookie, { session: session.id, device: of }, nowOf(request))
}

/** The page that showed it keeps nothing. */
export const clearShown = ({ cookies, path }: SignedInRequest): string => cookies.clear('shown', path)
