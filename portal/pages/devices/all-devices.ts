/** All devices of a mailbox at once: end their sessions, disconnect them, disconnect those that are quiet for 90 days. */
import { disconnectAll, disconnectQuiet, listQuiet } from '../../../management/devices/disconnect-devices.ts'
import { listDevices } from '../../../management/devices/manage-devices.ts'
import { endSessions } from '../../../management/devices/manage-sessions.ts'
import { type AllDevicesAct, links } from '../../links.ts'
import { allDevicesView } from '../../views/devices/change-device-views.ts'
import { showPage } from '../../web/answers.ts'
import type { Handler, SignedInRequest } from '../../web/page-request.ts'
import { doneThen } from '../../web/said.ts'
import { domainSeenBy } from '../parts/mailbox-head.ts'
import { addressOf } from '../parts/subject.ts'
import { QUIET_MS } from './device-list.ts'

export const showAllDevices =
  (act: AllDevicesAct): Handler =>
  async request => {
    const { context, actor, reach, session, m, page } = request
    const address = addressOf(request)
    const all = await listDevices(context, actor, { mailbox: address })
    const devices = act === 'disconnect-quiet' ? await listQuiet(context, actor, quietIn(request, address)) : all
    const model = {
      address,
      domain: domainSeenBy(reach, address),
      act,
      form: { confirmNeeded: !session.isConfirmed },
      devices: devices.map(({ name, lastConnection }) => ({ name, lastConnectionAt: lastConnection?.at ?? null })),
      sessions: devices.reduce((sum, one) => sum + one.sessions, 0),
      others: all.length - devices.length,
    }
    return showPage(allDevicesView(model, m, page))
  }

const quietIn = ({ page }: SignedInRequest, mailbox: string) => ({ mailbox, unusedSince: page.formats.now - QUIET_MS })

export const actOnAllDevices =
  (act: AllDevicesAct): Handler =>
  async request => {
    const { context, actor } = request
    const address = addressOf(request)
    const to = links.devices(address)
    if (act === 'end-sessions') return doneThen(request, to, 'sessionsEnded', (await endSessions(context, actor, { mailbox: address })).sessions)
    const ending = act === 'disconnect-all' ? disconnectAll(context, actor, { mailbox: address }) : disconnectQuiet(context, actor, quietIn(request, address))
    const { devices, sessions } = await ending
    return doneThen(request, to, 'devicesDisconnected', devices.length, sessions)
  }
