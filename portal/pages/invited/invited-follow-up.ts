/** After an invitation was accepted, without a sign-in: whether the device has connected, and the Apple profile for it. */
import { Secret } from '../../../base/secret.ts'
import { sourceOf } from '../../sign-in/sign-in-services.ts'
import { notFound } from '../../web/error-answers.ts'
import type { PageRequest } from '../../web/page-request.ts'
import { profileOf } from '../devices/apple-profile.ts'
import { answerFirst } from '../devices/first-connection.ts'
import { findInvited } from './invited-device.ts'

export async function waitForInvited(request: PageRequest): Promise<Response> {
  const invited = await findInvited(request)
  return invited === undefined ? notFound(request) : answerFirst(request, invited.device)
}

export async function downloadInvitedProfile(request: PageRequest): Promise<Response> {
  const { services, client, form } = request
  const invited = await findInvited(request)
  const password = Secret.fromText(form.text('password'))
  const { devices } = services.store.as({ name: 'invitation', source: sourceOf(client) })
  if (invited === undefined || !(await devices.isPassword(invited.device.id, password))) return notFound(request)
  return (await profileOf(request, invited.device, null, password)) ?? notFound(request)
}
