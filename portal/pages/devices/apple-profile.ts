/** The Apple profile for the machine that shows the password: the page posts it back, it is checked against the device's hash, and nothing is kept. */
import { Secret } from '../../../base/secret.ts'
import { checkDevicePassword, getDevice } from '../../../management/manage-devices.ts'
import { links } from '../../links.ts'
import { seeOther } from '../../web/answers.ts'
import { notFound } from '../../web/error-answers.ts'
import type { SignedInRequest } from '../../web/page-request.ts'
import { subjectOf } from './set-up.ts'

export async function downloadProfile(request: SignedInRequest): Promise<Response> {
  const { context, actor, form, session, services } = request
  const { appleProfile } = services.setup
  const { device } = await getDevice(context, actor, request.param('d'))
  if (appleProfile === undefined) return notFound(request)
  const password = Secret.fromText(form.text('password'))
  // Changed meanwhile, or never this device's: a profile with it would not work.
  if (!(await checkDevicePassword(context, actor, { ref: device.id, password }))) return seeOther(links.devicePassword(device.mailbox, device.id))
  const profile = await appleProfile(subjectOf(request, device, device.user === session.user.login ? session.user.name : null), password)
  return new Response(profile, {
    headers: { 'content-type': 'application/x-apple-aspen-config', 'content-disposition': 'attachment; filename="mail.mobileconfig"' },
  })
}
