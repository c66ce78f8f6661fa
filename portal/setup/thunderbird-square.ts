/**
 * What Thunderbird for Android reads from a QR code (version 1 of its format): one account as nested JSON arrays, with the password.
 */
import type { Secret } from '../../base/secret.ts'
import type { QrPath, ServerSettings } from '../views/devices/app-setup.ts'
import { qrPathOf } from './qr-path.ts'
import type { SetupSubject } from './setup-subject.ts'

const SECURITY = { starttls: 2, tls: 3 } as const
const NO_PASSWORD = 0
const PASSWORD = 1

export function makeThunderbirdQr(subject: SetupSubject, password: Secret): QrPath | undefined {
  const payload = thunderbirdPayload(subject, password)
  return payload === undefined ? undefined : qrPathOf(payload)
}

/** Undefined: the format cannot hold it. Addresses are ASCII there, and an account without a server to read from is none. */
export function thunderbirdPayload({ address, personName, settings }: SetupSubject, password: Secret): string | undefined {
  const { imap, smtp, userName } = settings
  if (!/^[\x21-\x7e]+$/.test(address) || imap === undefined || imap.port === 0 || smtp?.port === 0) return undefined
  const secret = password.reveal().toString('utf8')
  const login = [PASSWORD, userName]
  const incoming = [0, ...server(imap), ...login, null, secret]
  // A group without a server would be skipped. One that may not send gets no password for it: every try would count as a wrong one.
  const outgoing = smtp === undefined ? [0, ...server(imap), NO_PASSWORD, userName] : [0, ...server(smtp), ...login, secret]
  return JSON.stringify([1, [1, 1], incoming, [[outgoing, [address, personName ?? address]]]])
}

const server = ({ host, port, security }: ServerSettings): readonly [string, number, number] => [host, port, SECURITY[security]]
