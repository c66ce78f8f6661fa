/** Setting up the app of a device: settings, squares, profile, by what `portal/setup/` can make. */
import type { Secret } from '../../../base/secret.ts'
import { type AppSettings as Listed, listAppSettings } from '../../../management/mailboxes/app-settings.ts'
import type { Device } from '../../../store/accounts/devices/device-rows.ts'
import { links } from '../../links.ts'
import type { SetupSubject } from '../../setup/setup-subject.ts'
import type { AppChoice, AppSettings, QrPath, ServerSettings, SetupModel } from '../../views/devices/app-setup.ts'
import type { PageRequest } from '../../web/page-request.ts'

export function settingsOf({ services }: Pick<PageRequest, 'services'>, { mailbox, scopes }: Pick<Device, 'mailbox' | 'scopes'>): AppSettings {
  const listed = listAppSettings(services.config(), mailbox, scopes)
  const [imap, smtp] = [serverOf(listed, 'imap'), serverOf(listed, 'submission')]
  return { userName: mailbox, ...(imap !== undefined && { imap }), ...(smtp !== undefined && { smtp }) }
}

/** The first of a protocol is the best, the second works as well. */
function serverOf(listed: readonly Listed[], protocol: Listed['protocol']): ServerSettings | undefined {
  const [best, other] = listed
    .filter(one => one.protocol === protocol)
    .map(({ server, port, security }) => ({ host: server, port: port ?? 0, security: securityOf(security) }))
  return best === undefined ? undefined : { ...best, ...(other !== undefined && { other: { port: other.port, security: other.security } }) }
}

const securityOf = (security: Listed['security']): 'tls' | 'starttls' => (security === 'implicit' ? 'tls' : 'starttls')

export function subjectOf(
  request: Pick<PageRequest, 'services'>,
  device: Pick<Device, 'id' | 'mailbox' | 'scopes' | 'name'>,
  personName: string | null,
): SetupSubject {
  return { address: device.mailbox, deviceId: device.id, deviceName: device.name, personName, settings: settingsOf(request, device) }
}

/** `phoneQr`: the link by which the phone makes its own password. */
export async function setupOf(request: PageRequest, device: Device, password: Secret, phoneQr: QrPath | undefined): Promise<Omit<SetupModel, 'password'>> {
  const { setup } = request.services
  const subject = subjectOf(request, device, null)
  return {
    address: device.mailbox,
    settings: subject.settings,
    app: guessApp(request.client.agent),
    profileAction: links.deviceProfile(device.mailbox, device.id),
    profileSignedBy: setup.profileSignedBy,
    phoneQr,
    thunderbirdQr: setup.thunderbirdSquare(subject, password),
    screen: 'desk',
  }
}

/** From what the browser calls itself: which of the five comes first. */
export function guessApp(agent: string): AppChoice {
  if (/iPhone|iPad|Macintosh/.test(agent)) return 'apple'
  if (/Android/.test(agent)) return 'android'
  return 'thunderbird'
}
