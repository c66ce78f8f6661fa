/** Pausing and resuming a device, ending its sessions, disconnecting it. */
import { disconnectDevices } from '../../../management/devices/disconnect-devices.ts'
import { getDevice, setDeviceState } from '../../../management/devices/manage-devices.ts'
import { endSessions } from '../../../management/devices/manage-sessions.ts'
import { links } from '../../links.ts'
import { disconnectView } from '../../views/devices/change-device-views.ts'
import { showPage } from '../../web/answers.ts'
import { notFound } from '../../web/error-answers.ts'
import type { SignedInRequest } from '../../web/page-request.ts'
import { doneThen } from '../../web/said.ts'
import { domainSeenBy } from '../parts/mailbox-head.ts'
import { actsOf } from './device-rows.ts'
import { findEnding } from './ending.ts'

const deviceOf = async ({ context, actor, param }: SignedInRequest) => (await getDevice(context, actor, param('d'))).device

export async function pauseDevice(request: SignedInRequest): Promise<Response> {
  const { sessions } = await deviceOf(request)
  const { device } = await setDeviceState(request.context, request.actor, { ref: request.param('d'), state: 'disabled' })
  return doneThen(request, links.devices(device.mailbox), 'devicePaused', device.name, sessions)
}

export async function resumeDevice(request: SignedInRequest): Promise<Response> {
  const { device } = await setDeviceState(request.context, request.actor, { ref: request.param('d'), state: 'active' })
  return doneThen(request, links.devices(device.mailbox), 'deviceResumed', device.name)
}

export async function endDeviceSessions(request: SignedInRequest): Promise<Response> {
  const { id, mailbox } = await deviceOf(request)
  const { sessions } = await endSessions(request.context, request.actor, { device: id })
  return doneThen(request, links.device(mailbox, id), 'sessionsEnded', sessions)
}

/** SECURITY: the session is of this device: the rule of the route looked at the device. */
export async function endDeviceSession(request: SignedInRequest): Promise<Response> {
  const { context, actor } = request
  const { id, mailbox } = await deviceOf(request)
  const session = await context.store.as({ name: actor.login, source: actor.source }).sessions.find(request.param('session'))
  if (session?.device !== id) return notFound(request)
  const { sessions } = await endSessions(context, actor, { ids: [session.id] })
  return doneThen(request, links.device(mailbox, id), 'sessionsEnded', sessions)
}

export async function showDisconnect(request: SignedInRequest): Promise<Response> {
  const { m, page, session, reach } = request
  const device = await deviceOf(request)
  const { id, name, mailbox: address } = device
  const model = {
    address,
    domain: domainSeenBy(reach, address),
    device: { id, name },
    form: { confirmNeeded: !session.isConfirmed },
    ...(await findEnding(request, device)),
    pausable: device.state === 'active' && actsOf(request, device).pause,
  }
  return showPage(disconnectView(model, m, page))
}

export async function disconnectDevice(request: SignedInRequest): Promise<Response> {
  const { devices, sessions } = await disconnectDevices(request.context, request.actor, { refs: [request.param('d')] })
  const [device] = devices
  return device === undefined ? notFound(request) : doneThen(request, links.devices(device.mailbox), 'deviceDisconnected', device.name, sessions)
}
