/** Mail services, mailboxes, and the pages of one mailbox but its devices. */
import { messagesOf } from '../../messages/languages.ts'
import type { ActivityEntry } from '../activity/activity-rows.ts'
import { activityView, mailboxActivityView } from '../activity/activity-view.ts'
import { addMailboxView } from '../mailboxes/add-mailbox-view.ts'
import { myMailboxesView, serviceView } from '../mailboxes/mailbox-list-view.ts'
import { mailboxSettingsView, removeMailboxView } from '../mailboxes/mailbox-settings-view.ts'
import { addUserView, mailboxUsersView, removeUserView } from '../mailboxes/mailbox-users-view.ts'
import { mailboxView } from '../mailboxes/mailbox-view.ts'
import { findView, servicesView } from '../mailboxes/services-view.ts'
import { managersView } from '../people/managers-view.ts'
import { ANNA, IPHONE, KARIM, LEILA, MINA, OFFICE, officeHead, PAUL } from './devices-fixture.ts'
import { anna, DAY, HOUR, MINUTE, mina, NOW } from './gallery-context-fixture.ts'
import { type GalleryPage, galleryPage } from './gallery-page-fixture.ts'

const { problems } = messagesOf('en')

const service = (domain: string, mailboxes: number, devices: number, lastConnectionAt: number, more: object = {}) => ({
  domain,
  servers: ['Office server'],
  mailboxes,
  devices,
  lastConnectionAt,
  endSoon: 0,
  serverReachable: true,
  ...more,
})
const mailbox = (address: string, note: string, devices: number, lastConnectionAt: number | null, more: object = {}) => ({
  address: `${address}@example.test`,
  note,
  devices,
  connected: 0,
  lastConnectionAt,
  paused: false,
  ...more,
})

const app = { mailbox: OFFICE, href: `/m/${OFFICE}/devices/${IPHONE}` } as const
export const activityEntries: readonly ActivityEntry[] = [
  { ...app, kind: 'connected', at: NOW, count: 9, firstAt: NOW - 52 * MINUTE, device: 'Anna’s iPhone', app: 'Apple Mail', ip: '203.0.113.24' },
  {
    kind: 'change',
    at: NOW - 23 * MINUTE,
    actor: 'Karim Haddad',
    through: 'portal',
    action: 'device.changed',
    subject: 'Intern’s laptop',
    mailbox: OFFICE,
    facts: ['ends on 31 Dec, 23:59'],
  },
  { ...app, kind: 'new-network', at: NOW - 42 * MINUTE, count: 1, device: 'Intern’s laptop', app: 'Outlook 17', ip: '2001:db8:12::7' },
  {
    kind: 'refused-block',
    at: NOW - 169 * MINUTE,
    firstAt: NOW - 274 * MINUTE,
    count: 412,
    addresses: 31,
    network: '192.0.2.0/24',
    blockedSince: NOW - 268 * MINUTE,
    href: '/activity?network=192.0.2.0%2F24',
  },
  {
    ...app,
    kind: 'refused',
    at: NOW - 7 * HOUR,
    count: 24,
    device: 'Migration…',
    app: 'imapsync 2.3',
    ip: '192.0.2.80',
    reason: 'expired',
    endedAt: Date.parse('2026-05-20T10:00:00Z'),
  },
  { ...app, kind: 'sent', at: NOW - 15 * HOUR, count: 38, device: 'Copy machine, 2nd floor', app: null, ip: '10.20.4.11', recipients: 1 },
  { ...app, kind: 'new-app', at: NOW - 16 * HOUR, count: 1, device: 'Anna’s iPhone', app: 'K‑9 Mail 9', ip: '203.0.113.24' },
  {
    kind: 'change',
    at: NOW - 18 * HOUR,
    actor: 'Anna Keller',
    through: 'portal',
    action: 'device.revoked',
    subject: 'Old laptop',
    mailbox: 'paul@example.test',
    facts: ['2 sessions ended'],
  },
  {
    kind: 'change',
    at: NOW - 23 * HOUR,
    actor: 'Anna Keller',
    through: 'portal',
    action: 'invitation.added',
    subject: 'leila@north.example.test',
    mailbox: OFFICE,
    facts: ['valid until 25 Dec, 08:54'],
  },
  {
    kind: 'change',
    at: NOW - 3 * DAY,
    actor: 'root',
    through: 'command-line',
    action: 'upstream.renamed',
    subject: 'Office server',
    details: [{ label: 'Server', was: 'imap1.example.test', is: 'imap2.example.test' }],
  },
  { ...app, kind: 'refused', at: NOW - 3 * DAY - HOUR, count: 1, device: null, app: null, ip: '198.51.100.66', reason: 'wrong-secret' },
]
const filters = { q: '', network: '', from: '2026-11-20', until: '2026-11-26', kind: 'all' } as const

const user = (person: typeof ANNA, rights: readonly string[], more: object = {}) => ({
  ...person,
  self: false,
  rights: {
    use: rights.includes('use'),
    make: rights.includes('make'),
    see: rights.includes('see'),
    send: rights.includes('send'),
    manage: rights.includes('manage'),
  },
  devices: 1,
  devicesPaused: false,
  maySend: true,
  blocked: false,
  may: { open: true, change: true },
  ...more,
})

export const mailboxPages: readonly GalleryPage[] = [
  galleryPage('services', anna, servicesView, {
    query: '',
    firstDomain: undefined,
    sums: { connectedNow: 612, devices: 3733, quiet: 41, endSoon: 7 },
    domains: [
      service('example.test', 1248, 3410, NOW - 2 * MINUTE),
      service('lindenhof.example.test', 86, 241, NOW - 5 * MINUTE),
      service('atelier-nord.example.test', 23, 61, NOW - HOUR, { servers: ['Dovecot north'], endSoon: 2 }),
      service('xn--msicos-pya.example.test', 9, 17, NOW - DAY, { servers: ['Dovecot north', 'Office server'] }),
      service('archive.example.test', 412, 4, NOW - 94 * DAY, { servers: ['Old server'], serverReachable: false }),
    ],
    total: 24,
    pages: { next: '/services?after=archive.example.test' },
    mayChooseManagers: true,
  }),
  galleryPage('services-nothing', anna, servicesView, {
    query: 'nowhere',
    firstDomain: 'example.test',
    sums: { connectedNow: 0, devices: 0, quiet: 0, endSoon: 0 },
    domains: [],
    total: 24,
    pages: {},
    mayChooseManagers: false,
  }),
  galleryPage('managers', anna, managersView, {
    managers: [{ ...KARIM, domains: ['example.test', 'lindenhof.example.test'] }],
    people: [ANNA, MINA, PAUL],
    domains: ['archive.example.test', 'example.test', 'xn--msicos-pya.example.test'],
    form: { confirmNeeded: true },
  }),
  galleryPage('find', anna, findView, {
    query: 'mina',
    tooShort: false,
    mailboxes: [{ address: 'mina@example.test', note: 'Mina Park · intern until 31 Dec' }],
    devices: [{ mailbox: 'mina@example.test', id: '01jd0000000000000000000010', name: 'Mina’s Pixel' }],
    people: [MINA],
    more: true,
  }),
  galleryPage('mailboxes', anna, serviceView, {
    domain: 'example.test',
    total: 1248,
    servers: [{ name: 'Office server', reachable: true }],
    query: '',
    filter: 'all',
    mailboxes: [
      mailbox('office', 'Reception and front desk', 7, NOW, { connected: 2 }),
      mailbox('anna', 'Anna Keller', 4, NOW, { connected: 3, owner: ANNA }),
      mailbox('billing', 'Invoices', 2, NOW - 4 * MINUTE),
      mailbox('karim', 'Karim Haddad', 3, NOW - 31 * MINUTE, { owner: KARIM }),
      mailbox('mina', 'Mina Park · intern until 31 Dec', 1, NOW - 102 * MINUTE, { owner: MINA }),
      mailbox('noreply', 'Web shop, sends only', 1, NOW - 174 * MINUTE),
      mailbox('paul', 'Paul Ritter', 5, NOW - 13 * HOUR, { owner: PAUL }),
      mailbox('zoe', 'Zoë Lindqvist', 0, null, { owner: { name: 'Zoë Lindqvist', login: 'zoe@example.test' } }),
      mailbox('scan', 'Copy machines', 3, NOW - DAY, { paused: true }),
    ],
    pages: { range: '1–50 of 1,248', next: '/services/example.test?after=scan' },
    mayAdd: true,
  }),
  galleryPage('my-mailboxes', mina, myMailboxesView, {
    firstName: 'Mina',
    mailboxes: [
      {
        address: 'mina@example.test',
        whose: 'yours',
        mayAdd: true,
        askNames: [],
        devices: [
          { id: '01', name: 'Mina’s Pixel', kind: 'phone', connected: true, lastConnectionAt: NOW, state: 'active', endsSoonAt: null },
          { id: '02', name: 'Mina’s laptop', kind: 'laptop', connected: false, lastConnectionAt: NOW - DAY, state: 'active', endsSoonAt: null },
        ],
      },
      {
        address: OFFICE,
        whose: 'shared',
        mayAdd: true,
        askNames: [],
        devices: [
          { id: '04', name: 'Intern’s laptop', kind: 'laptop', connected: false, lastConnectionAt: NOW - HOUR, state: 'active', endsSoonAt: NOW + 3 * DAY },
        ],
      },
      { address: 'billing@example.test', whose: 'shared', mayAdd: false, askNames: ['Karim Haddad'], devices: [] },
    ],
    pages: {},
    suggestPasskey: true,
  }),
  galleryPage('my-mailboxes-none', mina, myMailboxesView, { firstName: 'Mina', mailboxes: [], pages: {}, suggestPasskey: false }),
  galleryPage('mailbox', anna, mailboxView, {
    mailbox: officeHead,
    endSoon: [{ id: '04', name: 'Intern’s laptop', endsAt: NOW + 3 * DAY, user: 'Mina' }],
    connected: 2,
    lastConnectionAt: NOW - 12 * MINUTE,
    recipientsToday: 143,
    recipientsAllowed: 500,
    refusedThisWeek: 0,
    connectedNow: [
      { id: IPHONE, name: 'Anna’s iPhone', kind: 'phone', app: 'Apple Mail', ip: '203.0.113.24' },
      { id: '02', name: 'Thunderbird, front desk', kind: 'laptop', app: 'Thunderbird 153', ip: '198.51.100.7' },
    ],
    people: [
      { ...ANNA, manages: true, devices: 1, maySend: true },
      { ...MINA, manages: false, devices: 1, maySend: true },
    ],
    withoutUser: 3,
    mayResume: true,
  }),
  galleryPage('mailbox-paused', anna, mailboxView, {
    mailbox: { ...officeHead, paused: true, devices: 0, note: '' },
    endSoon: [],
    connected: 0,
    lastConnectionAt: null,
    recipientsToday: 0,
    recipientsAllowed: null,
    refusedThisWeek: 12,
    connectedNow: [],
    people: [],
    withoutUser: 0,
    mayResume: true,
  }),
  galleryPage('mailbox-add', anna, addMailboxView, {
    domain: 'example.test',
    isService: true,
    form: {
      values: { address: 'workshop@example.test', login: 'workshop@example.test' },
      errors: { secret: problems.serverRefused('Office server', 'Authentication failed.') },
    },
    servers: ['Office server', 'Dovecot north'],
    mayChooseLogin: true,
    needsSecret: true,
  }),
  galleryPage('mailbox-settings', anna, mailboxSettingsView, {
    mailbox: officeHead,
    server: 'Office server',
    addresses: { form: { version: 3 }, aliases: ['info@example.test', 'hello@xn--msicos-pya.example.test'], mayChangeAliases: true },
    login: {
      form: { version: 3 },
      servers: ['Office server', 'Dovecot north'],
      login: OFFICE,
      mayChooseLogin: true,
      stored: true,
      tried: { at: NOW - 174 * MINUTE, ok: true },
    },
    sending: { form: { version: 3 }, allowed: true, perDay: 500, perMessage: 100, onlyNarrow: false, most: { perDay: null, perMessage: null } },
    mayPause: true,
    mayDisconnectAll: true,
    mayRemove: true,
    acts: { once: 'k1' },
  }),
  galleryPage('mailbox-settings-narrow', mina, mailboxSettingsView, {
    mailbox: { ...officeHead, domain: undefined, paused: true },
    server: 'Office server',
    addresses: { form: {}, aliases: ['info@example.test'], mayChangeAliases: false },
    login: {
      form: {},
      servers: ['Office server'],
      login: OFFICE,
      mayChooseLogin: false,
      stored: false,
      tried: { at: NOW - DAY, ok: false, answer: 'Authentication failed.' },
    },
    sending: { form: {}, allowed: true, perDay: null, perMessage: 100, onlyNarrow: true, most: { perDay: 500, perMessage: 100 } },
    mayPause: true,
    mayDisconnectAll: false,
    mayRemove: false,
    acts: {},
  }),
  galleryPage('mailbox-remove', anna, removeMailboxView, {
    address: OFFICE,
    domain: 'example.test',
    form: { errors: { address: problems.typedAddress } },
    server: 'Office server',
    devices: 7,
    sessions: 2,
  }),
  galleryPage('mailbox-users', anna, mailboxUsersView, {
    mailbox: officeHead,
    people: [
      user(ANNA, ['manage', 'send'], { self: true }),
      user(MINA, ['use', 'make', 'see', 'send']),
      user(PAUL, ['use'], { devicesPaused: true, maySend: false }),
      user(LEILA, [], { devices: 0, invited: '01jd0000000000000000000020' }),
    ],
    mayAdd: true,
    acts: { once: 'k2' },
  }),
  galleryPage('person-add', anna, addUserView, {
    address: OFFICE,
    domain: 'example.test',
    form: { values: { person: LEILA.login, name: 'Leila Haddad', use: 'on', make: 'on', send: 'on' }, confirmNeeded: true },
    isNew: { firstName: 'Leila' },
    rights: ['use', 'make', 'see', 'send', 'manage'],
    suggestions: [ANNA, MINA],
  }),
  galleryPage('user-remove', anna, removeUserView, { address: OFFICE, domain: 'example.test', person: PAUL, form: {}, devices: 2 }),
  galleryPage('mailbox-activity', anna, mailboxActivityView, {
    mailbox: officeHead,
    filters: { ...filters, from: '', until: '' },
    entries: activityEntries,
    keptDays: 30,
  }),
  galleryPage('activity', anna, activityView, { filters, entries: activityEntries, before: 'c42', keptDays: 30 }),
  galleryPage('activity-nothing', anna, activityView, {
    filters: { ...filters, network: '203.0.113.0/99', kind: 'refused' },
    errors: { network: problems.network('203.0.113.0/99') },
    entries: [],
    keptDays: 30,
  }),
]
