/** The way of a password from the change that made it to the one page that shows it: sealed, in a cookie with the path of that page. */
import type { Secret } from '../../../../base/secret.ts'
import type { Device } from '../../../../store/accounts/device-rows.ts'
import { links } from '../../../links.ts'
import { openShownPassword, sealShownPassword } from '../../../sign-in/sealed-values.ts'
import { seeOther } from '../../../web/answers.ts'
import { nowOf, type SignedInRequest } from '../../../web/page-request.ts'

/** 303 to the page that shows it, once. */
export function passwordIsShown(request: SignedInRequest, { mailbox, id }: Pick<Device, 'mailbox' | 'id'>, password: Secret): Response {
  const { services, session, cookies } = request
  const page = links.deviceShown(mailbox, id)
  const sealed = sealShownPassword(services.signIn.keyring, password, { session: session.id, device: id }, nowOf(request))
  return seeOther(page, [cookies.set('shown', sealed, page)])
}

/** Undefined: it was shown, is late, or belongs to somebody else. */
export function findShownPassword(request: SignedInRequest, device: string): Secret | undefined {
  const { services, session, cookies } = request
  const cookie = cookies.get('shown')
  return cookie === undefined ? undefined : openShownPassword(services.signIn.keyring, cookie, { session: session.id, device }, nowOf(request))
}
