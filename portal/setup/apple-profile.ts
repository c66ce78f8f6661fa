/**
 * The profile by which Apple Mail on a phone or a Mac takes an account: servers, user name and, for both of them, the password.
 *
 * Its identifiers come from the device's id and nothing else: the profile of a changed password takes the place of the one before, and two devices
 * of a mailbox never take each other's place.
 */
import { createHash } from 'node:crypto'
import type { Secret } from '../../base/secret.ts'
import { type ServerSettings, takesProfile } from '../views/devices/app-setup.ts'
import { type PropertyValue, propertyList } from './property-list.ts'
import type { SetupSubject } from './setup-subject.ts'

/** `organisation`: whose mail it is, as the phone shows it. Undefined: this device reads no mail, and the format has no account without reading. */
export function makeProfile(subject: SetupSubject, password: Secret, organisation: string): string | undefined {
  const { address, deviceId, deviceName, personName, settings } = subject
  const { imap, smtp, userName } = settings
  if (imap === undefined || !takesProfile(settings)) return undefined
  const secret = password.reveal().toString('utf8')
  const account = {
    PayloadType: 'com.apple.mail.managed',
    PayloadVersion: 1,
    PayloadIdentifier: `${identifierOf(deviceId)}.mail`,
    PayloadUUID: uuidOf(`${deviceId} mail`),
    PayloadDisplayName: address,
    EmailAccountType: 'EmailTypeIMAP',
    EmailAccountDescription: address,
    EmailAccountName: personName ?? address,
    EmailAddress: address,
    ...server('Incoming', imap),
    IncomingMailServerAuthentication: 'EmailAuthPassword',
    IncomingMailServerUsername: userName,
    IncomingPassword: secret,
    // The format demands a server to send by. One that may not send gets no password for it: every try would count as a wrong one.
    ...server('Outgoing', smtp ?? imap),
    ...(smtp === undefined
      ? { OutgoingMailServerAuthentication: 'EmailAuthNone' }
      : { OutgoingMailServerAuthentication: 'EmailAuthPassword', OutgoingMailServerUsername: userName, OutgoingPassword: secret }),
    OutgoingPasswordSameAsIncomingPassword: smtp !== undefined,
  }
  return propertyList({
    PayloadType: 'Configuration',
    PayloadVersion: 1,
    PayloadIdentifier: identifierOf(deviceId),
    PayloadUUID: uuidOf(deviceId),
    PayloadDisplayName: `${address}: ${deviceName}`,
    PayloadOrganization: organisation,
    PayloadRemovalDisallowed: false,
    PayloadContent: [account],
  })
}

/** Apple Mail takes STARTTLS where UseSSL is set and the port speaks plain text first. */
function server(which: 'Incoming' | 'Outgoing', { host, port }: ServerSettings): { readonly [key: string]: PropertyValue } {
  return { [`${which}MailServerHostName`]: host, [`${which}MailServerPortNumber`]: port, [`${which}MailServerUseSSL`]: true }
}

const identifierOf = (device: string): string => `mailwicket.device.${device}`

/** RFC 9562 §5.8: an identifier made of a hash of our own choice. */
function uuidOf(name: string): string {
  const hash = createHash('sha256').update(`mailwicket profile ${name}`).digest('hex')
  const variant = ((Number.parseInt(hash[16] ?? '0', 16) & 0x3) | 0x8).toString(16)
  return [hash.slice(0, 8), hash.slice(8, 12), `8${hash.slice(13, 16)}`, `${variant}${hash.slice(17, 20)}`, hash.slice(20, 32)].join('-').toUpperCase()
}
