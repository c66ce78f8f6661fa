/** Pages for whoever is not signed in, and those that say why something cannot be shown. */
import { messagesOf } from '../../messages/languages.ts'
import { badRequestView, brokenView, notAllowedView, notFoundView, sessionOverView, startGoneView, tooManyView, tryAgainView } from '../errors/error-views.ts'
import { invitationDoneView, invitationForAnotherView, invitationGoneView, invitationOpenView } from '../invitations/invited-views.ts'
import { secondStepView, signInView } from '../sign-in/sign-in-view.ts'
import { welcomeView } from '../sign-in/welcome-view.ts'
import { LEILA, OFFICE, PASSWORD, setup } from './devices-fixture.ts'
import { anna, DAY, HOUR, MINUTE, mina, NOW } from './gallery-context-fixture.ts'
import { barePage, type GalleryPage, galleryPage } from './gallery-page-fixture.ts'

const { problems } = messagesOf('en')

const invitation = {
  token: '8Jq2vT6nXwB4mKc9RzYh5LpD',
  address: OFFICE,
  invitedBy: { name: 'Anna Keller', firstName: 'Anna' },
  endsAt: NOW + 30 * DAY,
  form: {},
  app: 'apple',
  suggestedName: 'Leila’s phone',
} as const
const invitedDevice = { id: '01jd0000000000000000000009', name: 'Leila’s phone', scope: 'both' } as const

export const signInPages: readonly GalleryPage[] = [
  galleryPage('sign-in', undefined, signInView, { form: {}, passkeys: true }),
  galleryPage('sign-in-wrong', undefined, signInView, {
    form: { problem: problems.signIn, values: { login: 'anna@example.test' } },
    passkeys: false,
    to: '/people',
  }),
  galleryPage('sign-in-second', undefined, secondStepView, {
    form: { errors: { code: problems.code } },
    login: 'anna@example.test',
    with: 'app',
    passkeys: true,
    recovery: true,
  }),
  galleryPage('sign-in-recovery', undefined, secondStepView, { form: {}, login: 'anna@example.test', with: 'recovery', passkeys: false, recovery: true }),
  galleryPage('welcome', undefined, welcomeView, {
    token: 'hY2mQ9',
    name: 'Leila Haddad',
    login: LEILA.login,
    kind: 'first',
    form: {},
    minLength: 12,
    validUntil: NOW + DAY,
    secondStep: 'required',
  }),
  barePage('welcome-gone', undefined, startGoneView),
  galleryPage('invite-open', undefined, invitationOpenView, { ...invitation, person: LEILA }),
  galleryPage('invite-open-anyone', undefined, invitationOpenView, { ...invitation, suggestedName: 'Till in the shop' }),
  galleryPage('invite-open-phone', undefined, invitationOpenView, { ...invitation, device: 'Front desk tablet', endsAt: NOW + 15 * MINUTE }),
  galleryPage('invite-done', undefined, invitationDoneView, {
    address: OFFICE,
    device: invitedDevice,
    password: PASSWORD,
    setup: { ...setup, app: 'apple' },
    firstUrl: '/i/8Jq2vT6nXwB4mKc9RzYh5LpD/first',
  }),
  galleryPage('invite-done-connected', undefined, invitationDoneView, {
    address: OFFICE,
    device: { ...invitedDevice, scope: 'read' },
    password: PASSWORD,
    setup: { ...setup, app: 'outlook' },
    firstUrl: '/i/8Jq2vT6nXwB4mKc9RzYh5LpD/first',
    first: { app: 'Apple Mail', ip: '203.0.113.24', at: NOW },
  }),
  barePage('invite-gone', undefined, invitationGoneView),
  galleryPage('invite-other', undefined, invitationForAnotherView, { to: '/i/kX3v', name: 'Mina Park' }),
  galleryPage('not-allowed', mina, notAllowedView, { ask: { name: 'Karim Haddad', domain: 'example.test' } }),
  barePage('not-found', anna, notFoundView),
  galleryPage('too-many', undefined, tooManyView, { retryAfterSeconds: 118, back: '/sign-in' }),
  galleryPage('try-again', anna, tryAgainView, { reference: '7f3a-19c2', at: NOW, again: '/services' }),
  galleryPage('broken', anna, brokenView, { reference: '7f3a-19c3', at: NOW - HOUR, again: '/services' }),
  galleryPage('session-over', undefined, sessionOverView, { kept: 'c2VhbGVk', to: '/people' }),
  galleryPage('bad-request', anna, badRequestView, { why: 'origin', back: '/' }),
]
