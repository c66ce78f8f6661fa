/** What ends and what does not, counted before somebody is asked whether they want it. */
import { listDevices } from '../../../management/devices/manage-devices.ts'
import type { Device } from '../../../store/accounts/devices/device-rows.ts'
import type { SignedInRequest } from '../../web/page-request.ts'

export interface Ending {
  /** Live ones of these devices. */
  readonly sessions: number
  /** Devices of the mailbox besides them that the reader sees. */
  readonly others: number
}

export async function findEnding({ context, actor }: SignedInRequest, device: Device): Promise<Ending> {
  const all = await listDevices(context, actor, { mailbox: device.mailbox })
  return { sessions: device.sessions, others: all.filter(({ id }) => id !== device.id).length }
}
