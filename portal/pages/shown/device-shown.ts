/** The page on which the password of a device is shown, once, with the set-up of the app; and that it was shown, for whoever comes back. */

import { getDevice } from '../../../management/devices/manage-devices.ts'
import { invitePhone } from '../../../management/sign-in/invite.ts'
import type { Device } from '../../../store/accounts/devices/device-rows.ts'
import { links } from '../../links.ts'
import type { QrPath } from '../../views/devices/app-setup.ts'
import { passwordGoneView, passwordView } from '../../views/devices/password-view.ts'
import { showPage } from '../../web/answers.ts'
import { onceFor } from '../../web/once.ts'
import type { SignedInRequest } from '../../web/page-request.ts'
import { firstConnectionOf } from '../devices/first-connection.ts'
import { setupOf } from '../devices/set-up.ts'
import { scopeChoiceOf } from '../parts/form-checks.ts'
import { domainSeenBy } from '../parts/mailbox-head.ts'
import { clearShown, findShownSecret } from '../parts/shown-secret.ts'

export async function showPassword(request: SignedInRequest): Promise<Response> {
  const { context, actor, reach, m, page, services } = request
  const { device } = await getDevice(context, actor, request.param('d'))
  const { id, name, mailbox: address, scopes } = device
  const password = findShownSecret(request, id)
  const clear = clearShown(request)
  if (password === undefined) return showPage(passwordGoneView({ address, device: { id, name } }, m, page), { cookies: [clear] })
  const text = password.reveal().toString('utf8')
  const model = {
    address,
    domain: domainSeenBy(reach, address),
    device: { id, name, scope: scopeChoiceOf(scopes) },
    course: device.passwordChangedAt === device.createdAt ? ('new' as const) : ('changed' as const),
    password: text,
    generated: device.kind === 'generated',
    mayChooseOwn: !services.config().generatedOnly,
    again: { once: onceFor(request, links.devicePassword(address, id)) },
    setup: { ...(await setupOf(request, device, password, await phoneSquare(request, device))), password: text },
    first: firstConnectionOf(device),
  }
  return showPage(passwordView(model, m, page), { cookies: [clear] })
}

/** A link of 15 minutes for the phone itself; it is made with the page that shows the password, which is opened once. */
async function phoneSquare({ context, actor, services }: SignedInRequest, device: Device): Promise<QrPath | undefined> {
  const { token } = await invitePhone(context, actor, { ref: device.id })
  return token === null ? undefined : services.setup.squareOf(`${services.url}${links.invitationOpen(token.reveal().toString('latin1'))}`)
}
