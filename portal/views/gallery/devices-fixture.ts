/** Devices, mailboxes and people of the pictures, those of the mock-ups. */
import { Secret } from '../../../base/secret.ts'
import { qrPathOf } from '../../setup/qr-path.ts'
import { makeThunderbirdQr } from '../../setup/thunderbird-square.ts'
import type { SetupModel } from '../devices/app-setup.ts'
import type { DeviceActs, DeviceRow } from '../devices/device-list-view.ts'
import type { MailboxHead } from '../mailboxes/mailbox-head.ts'
import { DAY, HOUR, MINUTE, NOW } from './gallery-context-fixture.ts'

export const ALL_ACTS: DeviceActs = { password: true, rules: true, pause: true, disconnect: true }
export const ANNA = { name: 'Anna Keller', login: 'anna@example.test' }
export const MINA = { name: 'Mina Park', login: 'mina@example.test' }
export const PAUL = { name: 'Paul Ritter', login: 'paul@example.test' }
export const LEILA = { name: 'Leila Haddad', login: 'leila@north.example.test' }
export const KARIM = { name: 'Karim Haddad', login: 'karim@example.test' }
export const PEOPLE = [ANNA, KARIM, LEILA, MINA, PAUL]

export const OFFICE = 'office@example.test'
export const IPHONE = '01jd0000000000000000000001'
export const FRONT_DESK = '01jd0000000000000000000002'

export const officeHead: MailboxHead = {
  address: OFFICE,
  note: 'Reception and front desk',
  aliases: 2,
  paused: false,
  devices: 7,
  users: 4,
  tabs: ['overview', 'devices', 'users', 'activity', 'settings'],
  domain: 'example.test',
}

const device = (changes: Partial<DeviceRow> & Pick<DeviceRow, 'id' | 'name' | 'kind'>): DeviceRow => ({
  scope: 'both',
  sendingOff: false,
  networks: [],
  state: 'active',
  endsAt: null,
  sessions: 0,
  last: null,
  madeAt: Date.parse('2026-03-03T09:00:00Z'),
  madeBy: 'Anna Keller',
  may: ALL_ACTS,
  ...changes,
})

export const frontDesk = device({
  id: FRONT_DESK,
  name: 'Thunderbird, front desk',
  kind: 'laptop',
  last: { at: NOW - 12 * MINUTE, app: 'Thunderbird 153', ip: '198.51.100.7' },
})

export const officeDevices: readonly DeviceRow[] = [
  device({
    id: IPHONE,
    name: 'Anna’s iPhone',
    kind: 'phone',
    user: ANNA,
    sessions: 2,
    connectedSince: NOW - 52 * MINUTE,
    last: { at: NOW - MINUTE, app: 'Apple Mail', ip: '203.0.113.24' },
  }),
  frontDesk,
  device({
    id: '01jd0000000000000000000003',
    name: 'Copy machine, 2nd floor',
    kind: 'printer',
    scope: 'send',
    networks: ['10.20.0.0/16'],
    last: { at: NOW - 15 * HOUR - 23 * MINUTE, app: null, ip: '10.20.4.11' },
  }),
  device({
    id: '01jd0000000000000000000004',
    name: 'Intern’s laptop',
    kind: 'laptop',
    user: MINA,
    endsAt: NOW + 3 * DAY,
    last: { at: NOW - 102 * MINUTE, app: 'Outlook 17', ip: '2001:db8:12::7' },
  }),
  device({
    id: '01jd0000000000000000000005',
    name: '\u0647\u0627\u062a\u0641 \u0644\u064a\u0644\u0649',
    kind: 'phone',
    user: LEILA,
    scope: 'read',
    madeAt: NOW - HOUR,
  }),
  device({
    id: '01jd0000000000000000000006',
    name: 'Migration from the old server to the new one, second attempt after the first was stopped',
    kind: 'server',
    scope: 'read',
    state: 'ended',
    endsAt: Date.parse('2026-05-20T10:00:00Z'),
    last: { at: NOW - 190 * DAY, app: 'imapsync 2.3', ip: '192.0.2.80' },
    refused: { reason: 'ended', tries: 24 },
  }),
  device({
    id: '01jd0000000000000000000007',
    name: 'Paul’s old Android',
    kind: 'phone',
    user: PAUL,
    state: 'paused',
    sendingOff: true,
    last: { at: NOW - 22 * DAY, app: 'K‑9 Mail 9', ip: '198.51.100.92' },
  }),
]

export const PASSWORD = 'k7mq-x2pd-9rtf-h4wz-c8nb'

const settings: SetupModel['settings'] = {
  userName: OFFICE,
  imap: { host: 'mail.example.test', port: 993, security: 'tls' },
  smtp: { host: 'mail.example.test', port: 465, security: 'tls', other: { port: 587, security: 'starttls' } },
}

const tablet = { address: OFFICE, deviceId: '01jd0000000000000000000008', deviceName: 'Front desk tablet', personName: null, settings }

export const setup: SetupModel = {
  address: OFFICE,
  settings,
  app: 'android',
  profileAction: '/m/office@example.test/devices/01jd0000000000000000000008/profile',
  profileSignedBy: 'mail.example.test',
  phoneQr: qrPathOf('https://devices.example.test/i/Qm9va3MgYXJlIGRvb3JzIHRoYXQgbGVhZA'),
  thunderbirdQr: makeThunderbirdQr(tablet, Secret.fromText(PASSWORD)),
  password: PASSWORD,
  screen: 'desk',
}
export const totpSquare = qrPathOf('otpauth://totp/Mailwicket:anna?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Mailwicket')
