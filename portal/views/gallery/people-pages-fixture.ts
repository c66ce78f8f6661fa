/** People, their rights, invitations. */
import { messagesOf } from '../../messages/languages.ts'
import { addInvitationView, invitationCreatedView, invitationsView } from '../invitations/invitation-views.ts'
import { addPersonView, peopleView } from '../people/people-view.ts'
import { personQuestionView, personView } from '../people/person-view.ts'
import { startLinkView } from '../people/start-link-view.ts'
import { ALL_ACTS, ANNA, KARIM, LEILA, MINA, OFFICE, PAUL } from './devices-fixture.ts'
import { anna, DAY, HOUR, NOW } from './gallery-context-fixture.ts'
import { type GalleryPage, galleryPage } from './gallery-page-fixture.ts'

const { problems } = messagesOf('en')

const row = (person: typeof ANNA, devices: number, lastSignInAt: number | null, more: object = {}) => ({
  ...person,
  administrator: false,
  manages: [] as readonly string[],
  devices,
  maySend: true,
  blocked: false,
  notStarted: false,
  signedInNow: false,
  lastSignInAt,
  may: { newStart: true, block: true, remove: true },
  ...more,
})

const rights = { use: true, make: true, see: true, send: true, manage: false }
const person = {
  ...MINA,
  firstName: 'Mina',
  self: false,
  lastSignInAt: NOW - HOUR,
  secondStep: 'passkey',
  notStarted: false,
  blocked: false,
  maySend: true,
  administrator: false,
  lastAdministrator: false,
  domains: [],
  mailboxes: [
    { address: 'mina@example.test', rights },
    { address: OFFICE, rights },
    { address: 'billing@xn--msicos-pya.example.test', rights: { use: true, make: false, see: false, send: false, manage: false } },
  ],
  devices: [
    {
      id: '04',
      name: 'Intern’s laptop',
      kind: 'laptop',
      mailbox: OFFICE,
      connected: false,
      lastConnectionAt: NOW - HOUR,
      app: 'Outlook 17',
      state: 'active',
      may: ALL_ACTS,
    },
    {
      id: '11',
      name: 'Mina’s Pixel',
      kind: 'phone',
      mailbox: 'mina@example.test',
      connected: true,
      lastConnectionAt: NOW,
      app: null,
      state: 'active',
      may: ALL_ACTS,
    },
  ],
  may: { sending: true, administrator: true, domains: true, rights: ['use', 'make', 'see', 'send', 'manage'], newStart: true, block: true, remove: true },
  acts: { once: 'k10' },
  rightsForm: { once: 'k11', version: 4, confirmNeeded: true },
  domainsForm: {},
} as const

const question = { ...MINA, devices: 2, sessions: 1, form: { once: 'k12' }, mayMail: true }
const invitation = (id: string, mailbox: string, more: object) => ({
  id,
  name: null,
  mailbox,
  scope: 'both' as const,
  state: 'open' as const,
  endsAt: NOW + 30 * DAY,
  opened: 0,
  openedAt: null,
  mailedAt: null,
  closedAt: null,
  mayMail: true,
  ...more,
})
const newInvitation = { mailboxes: [OFFICE], people: [LEILA, MINA], mayMail: true, clientAddress: '203.0.113.24', days: 30 }

export const peoplePages: readonly GalleryPage[] = [
  galleryPage('people', anna, peopleView, {
    query: '',
    filter: 'all',
    counts: { all: 38, administrators: 2, managers: 4, 'no-sending': 1, 'no-second-step': 6, blocked: 1 },
    people: [
      row(ANNA, 5, NOW, { administrator: true, signedInNow: true }),
      row(KARIM, 3, NOW - HOUR, { manages: ['example.test'] }),
      row({ name: 'Lucía Peña', login: 'lucia@xn--msicos-pya.example.test' }, 2, NOW - DAY, { manages: ['xn--msicos-pya.example.test'] }),
      row(MINA, 2, NOW - HOUR),
      row(PAUL, 6, NOW - 21 * DAY, { maySend: false }),
      row(LEILA, 0, null, { notStarted: true }),
      row({ name: 'Tom Berger', login: 'tom@example.test' }, 1, NOW - 150 * DAY, { blocked: true }),
    ],
    pages: { range: '1–7 of 38', next: '/people?after=tom' },
    mayAdd: true,
  }),
  galleryPage('people-add', anna, addPersonView, {
    form: { values: { login: 'lucia', name: 'Lucía Peña', role: 'manager', domain: 'músicos.example.test' }, errors: { login: problems.loginTaken } },
    mayMakeAdministrators: true,
    mayMakeManagers: true,
    mayMail: true,
  }),
  galleryPage('person', anna, personView, person),
  galleryPage('person-last-administrator', anna, personView, {
    ...person,
    ...ANNA,
    firstName: 'Anna',
    secondStep: 'both',
    administrator: true,
    lastAdministrator: true,
    blocked: true,
    domains: ['example.test'],
    mailboxes: [],
    devices: [],
    may: { ...person.may, domains: false, rights: [], newStart: false, block: false, remove: false },
  }),
  galleryPage('person-new-start', anna, (model, m, page) => personQuestionView('new-start', model, m, page), question),
  galleryPage('person-block', anna, (model, m, page) => personQuestionView('block', model, m, page), question),
  galleryPage('person-remove', anna, (model, m, page) => personQuestionView('remove', model, m, page), question),
  galleryPage('start-link', anna, startLinkView, {
    ...MINA,
    url: 'https://devices.example.test/welcome/8Jq2vT6nXwB4mKc9RzYh5LpD',
    validUntil: NOW + DAY,
    mailedTo: MINA.login,
  }),
  galleryPage('invitations', anna, invitationsView, {
    filter: 'open',
    counts: { open: 3, accepted: 12, ended: 4 },
    invitations: [
      invitation('i1', OFFICE, { person: LEILA, opened: 1, openedAt: NOW - HOUR }),
      invitation('i2', 'scan@example.test', { name: 'Scanner, 2nd floor', scope: 'send', endsAt: NOW + DAY }),
      invitation('i3', 'zoe@example.test', { person: { name: 'Zoë Lindqvist', login: 'zoe@example.test' }, endsAt: NOW + 24 * DAY, mailedAt: NOW - 6 * DAY }),
      invitation('i4', OFFICE, { state: 'accepted', closedAt: NOW - DAY, device: { id: '12', name: 'Loaned phone', everConnected: false } }),
      invitation('i5', OFFICE, { person: PAUL, state: 'revoked', closedAt: NOW - 3 * DAY }),
    ],
    pages: {},
    mayInvite: true,
    acts: { once: 'k13' },
  }),
  galleryPage('invitations-none', anna, invitationsView, {
    filter: 'accepted',
    counts: { open: 0, accepted: 0, ended: 0 },
    invitations: [],
    pages: {},
    mayInvite: false,
    acts: {},
  }),
  galleryPage('invite-new', anna, addInvitationView, { ...newInvitation, form: { once: 'k14' } }),
  galleryPage('invite-new-wrong', anna, addInvitationView, {
    ...newInvitation,
    form: {
      values: { mailbox: 'leila@north.example.test', who: 'person', reach: 'mail' },
      errors: { mailbox: problems.unknownMailbox, reach: problems.mailToItself },
    },
  }),
  galleryPage('invite-created', anna, invitationCreatedView, {
    id: 'i1',
    url: 'https://devices.example.test/i/8Jq2vT6nXwB4mKc9RzYh5LpD',
    person: { name: 'Leila Haddad', firstName: 'Leila' },
    mailbox: OFFICE,
    endsAt: NOW + 30 * DAY,
    mayMail: true,
    acts: {},
  }),
]
