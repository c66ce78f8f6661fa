/** The Apple profile for the machine that shows the password: the page posts it back, it is checked against the device's hash, and nothing is kept. */
import { Secret } from '../../../base/secret.ts'
import { checkDevicePassword, getDevice } from '../../../management/devices/manage-devices.ts'
import type { Device } from '../../../store/accounts/devices/device-rows.ts'
import { links } from '../../links.ts'
import { seeOther } from '../../web/answers.ts'
import { notFound } from '../../web/error-answers.ts'
import type { PageRequest, SignedInRequest } from '../../web/page-request.ts'
import { subjectOf } from './set-up.ts'

export async function downloadProfile(request: SignedInRequest): Promise<Response> {
  const { context, actor, form, session } = request
  const { device } = await getDevice(context, actor, request.param('d'))
  const password = Secret.fromText(form.text('password'))
  // Changed meanwhile, or never this device's: a profile with it would not work.
  if (!(await checkDevicePassword(context, actor, { ref: device.id, password }))) return seeOther(links.devicePassword(device.mailbox, device.id))
  return (await profileOf(request, device, device.user === session.user.login ? session.user.name : null, password)) ?? notFound(request)
}

/** Undefined: none can be made here. */
export async function profileOf(request: PageRequest, device: Device, personName: string | null, password: Secret): Promise<Response | undefined> {
  const profile = await request.services.setup.appleProfile(subjectOf(request, device, personName), password)
  if (profile === undefined) return undefined
  return new Response(profile, {
    headers: { 'content-type': 'application/x-apple-aspen-config', 'content-disposition': 'attachment; filename="mail.mobileconfig"' },
  })
}
