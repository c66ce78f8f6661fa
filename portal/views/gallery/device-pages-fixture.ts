/** The pages around devices and their passwords. */
import { messagesOf } from '../../messages/languages.ts'
import { confirmView } from '../account/confirm-view.ts'
import { addDeviceView } from '../devices/add-device-view.ts'
import { allDevicesView, changePasswordView, disconnectView } from '../devices/change-device-views.ts'
import { deviceListView, formerDevicesView } from '../devices/device-list-view.ts'
import { deviceView } from '../devices/device-view.ts'
import { ownPasswordView, passwordGoneView, passwordView } from '../devices/password-view.ts'
import { ANNA, FRONT_DESK, frontDesk, IPHONE, OFFICE, officeDevices, officeHead, PASSWORD, PEOPLE, setup } from './devices-fixture.ts'
import { anna, DAY, HOUR, MINUTE, mina, NOW } from './gallery-context-fixture.ts'
import { type GalleryPage, galleryPage } from './gallery-page-fixture.ts'

const { problems } = messagesOf('en')

const office = { address: OFFICE, domain: 'example.test' }
const tablet = { id: '01jd0000000000000000000008', name: 'Front desk tablet', scope: 'both' } as const
const password = { ...office, device: tablet, course: 'new', password: PASSWORD, generated: true, mayChooseOwn: true, again: { once: 'k3' }, setup } as const
const connections = [20, 24, 0, 0, 28, 31, 29, 27, 35, 2, 0, 30, 38, 33, 26, 28, 0, 0, 40, 36, 33, 29, 27, 0, 3, 37, 46, 35, 32, 17]
const thunderbird = { id: FRONT_DESK, name: 'Thunderbird, front desk' }
const android = { id: '01jd0000000000000000000007', name: 'Paul’s old Android' }
const list = { mailbox: officeHead, query: '', total: 7, disconnectedLately: 3, quiet: 1, mayAdd: true, mayInvite: true, mayAll: true }

const device = {
  ...office,
  device: { ...frontDesk, sessions: 1, connectedSince: NOW - 52 * MINUTE },
  passwordChangedAt: NOW - 268 * DAY,
  passwordKind: 'generated',
  connections,
  sessions: [
    {
      id: 's1',
      protocol: 'imap',
      since: NOW - 52 * MINUTE,
      ip: '198.51.100.7',
      app: 'Thunderbird 153',
      tls: 'TLS 1.3',
      bytesReceived: 4_200_000,
      bytesSent: 310_000,
    },
    { id: 's2', protocol: 'submission', since: NOW - MINUTE, ip: '198.51.100.7', app: null, tls: 'TLS 1.3', bytesReceived: 900, bytesSent: 12_400 },
  ],
  refused: [{ at: NOW - 3 * DAY, count: 24, reason: 'wrong-secret', ip: '192.0.2.80', app: 'imapsync 2.3' }],
  changes: [
    {
      kind: 'change',
      at: NOW - 23 * MINUTE,
      actor: 'Karim Haddad',
      through: 'portal',
      action: 'device.changed',
      subject: 'Thunderbird, front desk',
      details: [{ label: 'May', was: 'read', is: 'read and send' }],
    },
    { kind: 'change', at: NOW - 268 * DAY, actor: 'Anna Keller', through: 'command-line', action: 'device.added', subject: 'Thunderbird, front desk' },
  ],
  rules: { form: { version: 7 }, people: PEOPLE, mayChooseUser: true },
  acts: { once: 'k4' },
} as const

export const devicePages: readonly GalleryPage[] = [
  galleryPage('devices', anna, deviceListView, { ...list, devices: officeDevices }),
  galleryPage(
    'devices-flash',
    anna,
    (model, m, page) => deviceListView(model, m, { ...page, flash: { tone: 'ok', text: m.done.deviceDisconnected('Paul’s old Android', 2) } }),
    { ...list, devices: officeDevices.slice(0, 2), total: 24, query: 'a' },
  ),
  galleryPage('devices-empty', anna, deviceListView, {
    ...list,
    mailbox: { ...officeHead, address: 'zoe@example.test', note: 'Zoë Lindqvist', aliases: 0, devices: 0, users: 1 },
    devices: [],
    total: 0,
    disconnectedLately: 0,
  }),
  galleryPage('devices-former', anna, formerDevicesView, {
    mailbox: officeHead,
    devices: [
      { name: 'Old laptop', kind: 'laptop', at: NOW - 18 * HOUR, by: 'Anna Keller', last: { at: NOW - 2 * DAY, app: 'Outlook 16', ip: '203.0.113.9' } },
      { name: 'Test phone', kind: 'phone', at: NOW - 9 * DAY, by: 'Karim Haddad', last: null },
    ],
  }),
  galleryPage('devices-all', anna, allDevicesView, {
    ...office,
    act: 'disconnect-quiet',
    form: { once: 'k5', confirmNeeded: true },
    devices: [{ name: 'Migration from the old server', lastConnectionAt: NOW - 190 * DAY }],
    sessions: 0,
    others: 6,
  }),
  galleryPage('devices-end-sessions', anna, allDevicesView, { ...office, act: 'end-sessions', form: {}, devices: [], sessions: 3, others: 0 }),
  galleryPage('device-add', anna, addDeviceView, {
    ...office,
    form: { once: 'k6', values: { name: 'Front desk tablet' } },
    people: PEOPLE,
    forOthers: true,
    mayInvite: true,
    clientAddress: '203.0.113.24',
  }),
  galleryPage('device-add-wrong', anna, addDeviceView, {
    ...office,
    form: {
      once: 'k6',
      problem: problems.checkFields,
      values: { name: 'Anna’s iPhone', user: 'person', person: ANNA.login, scope: 'read', ends: 'date', date: '2020-01-01', networks: '203.0.113.0/99' },
      errors: { name: problems.deviceNameTaken('Anna’s iPhone'), date: problems.datePast, networks: problems.network('203.0.113.0/99') },
    },
    people: PEOPLE,
    forOthers: true,
    mayInvite: false,
    clientAddress: '203.0.113.24',
  }),
  galleryPage('confirm', anna, confirmView, {
    person: ANNA,
    form: {},
    waiting: 'c2VhbGVk',
    passkey: true,
    password: true,
    before: 'password',
    back: `/m/${OFFICE}/devices/new`,
    crumbs: [{ label: OFFICE, href: `/m/${OFFICE}/devices` }, { label: 'Add a device' }],
    place: 'services',
  }),
  galleryPage('confirm-rights', anna, confirmView, {
    person: ANNA,
    form: { errors: { password: problems.confirm } },
    waiting: 'c2VhbGVk',
    passkey: false,
    password: true,
    before: 'rights',
    back: '/people',
    crumbs: [],
    place: 'people',
  }),
  galleryPage('device-password', anna, passwordView, password),
  galleryPage('device-password-iphone', anna, passwordView, {
    ...password,
    setup: { ...setup, app: 'apple' },
    first: { app: 'Apple Mail', ip: '203.0.113.24', at: NOW },
  }),
  galleryPage('device-password-other', anna, passwordView, { ...password, setup: { ...setup, app: 'other' } }),
  galleryPage('device-password-changed', anna, passwordView, {
    ...password,
    course: 'changed',
    password: 'Wir fahren 1998 nach Sils Maria!',
    generated: false,
    mayChooseOwn: false,
    setup: {
      ...setup,
      app: 'android',
      phoneQr: undefined,
      thunderbirdQr: undefined,
      profileSignedBy: undefined,
      settings: { userName: OFFICE, smtp: setup.settings.smtp },
    },
  }),
  galleryPage('device-password-own', anna, ownPasswordView, {
    ...office,
    device: tablet,
    course: 'new',
    form: { once: 'k7', values: { password: 'drei-schöne-Birnb' }, errors: { password: problems.passwordRules } },
    rules: { long: true, typable: false, notTheName: true, notCommon: true, foreign: 'ö' },
  }),
  galleryPage('device-password-own-empty', anna, ownPasswordView, { ...office, device: tablet, course: 'changed', form: {} }),
  galleryPage('password-gone', anna, passwordGoneView, { address: OFFICE, device: tablet }),
  galleryPage('device-change', anna, changePasswordView, { ...office, device: thunderbird, form: { once: 'k8' }, sessions: 1, others: 6, mayChooseOwn: true }),
  galleryPage('device-change-generated', mina, changePasswordView, {
    address: OFFICE,
    device: thunderbird,
    form: { confirmNeeded: true },
    sessions: 0,
    others: 0,
    mayChooseOwn: false,
  }),
  galleryPage('device-disconnect', anna, disconnectView, { ...office, device: android, form: { once: 'k9' }, sessions: 2, others: 6, pausable: true }),
  galleryPage('device', anna, deviceView, device),
  galleryPage('device-paused', mina, deviceView, {
    ...device,
    domain: undefined,
    device: {
      ...frontDesk,
      id: IPHONE,
      state: 'paused',
      networks: ['10.20.0.0/16', '192.0.2.0/24', '2001:db8::/32'],
      last: null,
      may: { password: true, rules: false, pause: true, disconnect: true },
    },
    sessions: [],
    refused: [],
    changes: [],
    connections: Array.from({ length: 30 }, () => 0),
    passwordKind: 'chosen',
    passwordChangedAt: NOW - HOUR,
    rules: undefined,
  }),
  galleryPage('device-ended', anna, deviceView, {
    ...device,
    device: { ...frontDesk, state: 'ended', endsAt: Date.parse('2026-05-20T10:00:00Z') },
    sessions: [],
    passwordKind: 'migration',
  }),
]
