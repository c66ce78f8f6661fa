/** The password that an invitation made, once, on the phone or machine of whoever accepted it. */
import { links } from '../../links.ts'
import { openShownPassword } from '../../sign-in/sealed-values.ts'
import { invitationDoneView } from '../../views/invitations/invited-views.ts'
import { showPage } from '../../web/answers.ts'
import { nowOf, type PageRequest } from '../../web/page-request.ts'
import { firstConnectionOf } from '../devices/first-connection.ts'
import { setupOf } from '../devices/set-up.ts'
import { INVITED_SESSION, invitationGone } from '../invited/invitation.ts'
import { findInvited } from '../invited/invited-device.ts'
import { scopeChoiceOf } from '../parts/form-checks.ts'

export async function showInvitedPassword(request: PageRequest): Promise<Response> {
  const { services, cookies, m, page } = request
  const invited = await findInvited(request)
  const cookie = cookies.get('shown')
  if (invited === undefined || cookie === undefined) return invitationGone(request)
  const { device, app } = invited
  const password = openShownPassword(services.signIn.keyring, cookie, { session: INVITED_SESSION, device: device.id }, nowOf(request))
  if (password === undefined) return invitationGone(request)
  const { id, name, mailbox: address, scopes } = device
  const text = password.reveal().toString('utf8')
  const model = {
    address,
    device: { id, name, scope: scopeChoiceOf(scopes) },
    password: text,
    setup: { ...(await setupOf(request, device, password, undefined)), password: text, app, profileAction: links.invitedProfile },
    firstUrl: links.invitedFirst,
    first: firstConnectionOf(device),
  }
  return showPage(invitationDoneView(model, m, page), { cookies: [cookies.clear('shown', links.invited)] })
}
