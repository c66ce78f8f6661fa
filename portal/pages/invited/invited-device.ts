/** The device that an invitation made, for the browser that accepted it: signed in or not, for an hour. */
import { Secret } from '../../../base/secret.ts'
import type { Device } from '../../../store/accounts/devices/device-rows.ts'
import { openBlob, sealBlob } from '../../../store/keys/sealed-blob.ts'
import { sourceOf } from '../../sign-in/sign-in-services.ts'
import { APPS, type AppChoice } from '../../views/devices/app-setup.ts'
import { nowOf, type PageRequest } from '../../web/page-request.ts'

const LIFETIME_MS = 3_600_000
const USE = { purpose: 'invited device', bindings: [] } as const

export interface Invited {
  readonly device: Device
  /** Which app its person chose. */
  readonly app: AppChoice
}

export function invitedCookie(request: PageRequest, device: Pick<Device, 'id'>, app: string): string | undefined {
  const { services, cookies } = request
  return cookies.set('invited', sealBlob(services.signIn.keyring, Secret.fromText(`${device.id} ${app}`), USE, nowOf(request) + LIFETIME_MS))
}

/** Undefined: none, or it is disconnected. */
export async function findInvited(request: PageRequest): Promise<Invited | undefined> {
  const { services, cookies, client } = request
  const cookie = cookies.get('invited')
  const opened = cookie === undefined ? undefined : openBlob(services.signIn.keyring, cookie, USE, nowOf(request))
  const [id = '', chosen] = opened === undefined ? [] : opened.reveal().toString().split(' ')
  if (id === '') return undefined
  const device = await services.store.as({ name: 'invitation', source: sourceOf(client) }).devices.get(id)
  return device.state === 'revoked' ? undefined : { device, app: APPS.find(app => app === chosen) ?? 'other' }
}
