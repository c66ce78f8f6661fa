/** The device that an invitation made, for the browser that accepted it: signed in or not, for an hour. */
import type { DeviceId } from '../../../base/ids.ts'
import { Secret } from '../../../base/secret.ts'
import type { Device } from '../../../store/accounts/devices/device-rows.ts'
import { openBlob, sealBlob } from '../../../store/keys/sealed-blob.ts'
import { hashToken } from '../../../store/passwords/random-token.ts'
import { sourceOf } from '../../sign-in/sign-in-services.ts'
import { APPS, type AppChoice } from '../../views/devices/app-setup.ts'
import { nowOf, type PageRequest } from '../../web/page-request.ts'

const LIFETIME_MS = 3_600_000
const USE = { purpose: 'invited device', bindings: [] } as const

export interface Invited {
  readonly device: Device
  /** Hash of the token that was accepted. */
  readonly link: string
  /** Which app its person chose. */
  readonly app: AppChoice
}

export function invitedCookie(request: PageRequest, device: Pick<Device, 'id'>, app: AppChoice): string | undefined {
  const { services, cookies } = request
  return cookies.set('invited', sealBlob(services.signIn.keyring, Secret.fromText(`${device.id} ${app} ${linkOf(request)}`), USE, nowOf(request) + LIFETIME_MS))
}

const linkOf = (request: PageRequest): string => hashToken(Secret.fromText(request.param('token')))

/** Whether this browser has accepted the link that it asks for. */
export async function hasAccepted(request: PageRequest): Promise<boolean> {
  return (await findInvited(request))?.link === linkOf(request)
}

/** Undefined: none, or it is disconnected or gone. */
export async function findInvited(request: PageRequest): Promise<Invited | undefined> {
  const { services, cookies, client } = request
  const cookie = cookies.get('invited')
  const opened = cookie === undefined ? undefined : openBlob(services.signIn.keyring, cookie, USE, nowOf(request))
  const [id = '', chosen, link = ''] = opened === undefined ? [] : opened.reveal().toString().split(' ')
  if (id === '') return undefined
  const [device] = await services.store.as({ name: 'invitation', source: sourceOf(client) }).devices.findAll([id as DeviceId])
  return device === undefined || device.state === 'revoked' ? undefined : { device, link, app: APPS.find(app => app === chosen) ?? 'other' }
}
