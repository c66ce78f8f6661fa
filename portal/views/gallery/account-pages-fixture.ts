/** The reader's own account, tokens, and the page about the API. */
import { messagesOf } from '../../messages/languages.ts'
import { accountView, passkeysView, renamePasskeyView, sessionsView } from '../account/account-view.ts'
import { apiView } from '../account/api-view.ts'
import { accountPasswordView, recoveryCodesView, totpSetupView, totpView } from '../account/factor-views.ts'
import { addTokenView, tokenShownView, tokensView } from '../account/token-views.ts'
import { ANNA, totpSquare } from './devices-fixture.ts'
import { anna, DAY, HOUR, MINUTE, mina, NOW } from './gallery-context-fixture.ts'
import { type GalleryPage, galleryPage } from './gallery-page-fixture.ts'

const { problems } = messagesOf('en')

const FEBRUARY = Date.parse('2026-02-12T10:00:00Z')
const passkeys = [
  { id: 'p1', name: 'MacBook Touch ID', addedAt: FEBRUARY, usedAt: NOW - 56 * MINUTE, lit: true },
  { id: 'p2', name: 'Blue security key', addedAt: Date.parse('2026-03-01T10:00:00Z'), usedAt: null },
]
const sessions = [
  { id: 's1', browser: 'Firefox on macOS', kind: 'laptop', ip: '203.0.113.24', since: NOW - 56 * MINUTE, seenAt: NOW, current: true, through: 'passkey' },
  { id: 's2', browser: 'Safari on iPhone', kind: 'phone', ip: '198.51.100.20', since: NOW - 5 * DAY, seenAt: NOW - DAY, current: false, through: 'app' },
] as const
const account = {
  ...ANNA,
  administrator: true,
  manages: [],
  passwordChangedAt: FEBRUARY,
  totp: { since: FEBRUARY, codesLeft: 8, codes: 10 },
  passkeys,
  passkeysWork: true,
  sessions,
  preferences: {},
  timeZone: 'Europe/Zurich',
  timeZones: ['Europe/Berlin', 'Europe/Paris', 'Europe/Zurich', 'UTC'],
  mailAdded: true,
  mailNew: true,
  mailWorks: true,
  withoutHttps: false,
  secondStepMissing: false,
  acts: { once: 'k15' },
}
const codes = ['4f7k-m2xq', '9pzt-c3rd', 'h6wn-8bvy', 'k2jm-x7qf', 'r4td-p9zc', 'w8nh-3yvb', 'm5xk-q2jt', 'c7pf-9rzw', 'b3vh-n6yd', 't8kq-4mxj']
const token = (id: string, name: string, start: string, more: object) => ({
  id,
  name,
  start,
  scopes: ['read'] as const,
  domains: [] as readonly string[],
  networks: [] as readonly string[],
  endsAt: null,
  used: null,
  ended: false,
  ...more,
})

export const accountPages: readonly GalleryPage[] = [
  galleryPage('account', anna, accountView, account),
  galleryPage('account-bare', mina, accountView, {
    ...account,
    administrator: false,
    manages: ['example.test'],
    passwordChangedAt: null,
    totp: undefined,
    passkeys: [],
    passkeysWork: false,
    sessions: sessions.slice(0, 1),
    mailWorks: false,
    withoutHttps: true,
    secondStepMissing: true,
  }),
  galleryPage('account-password', anna, accountPasswordView, {
    form: { errors: { repeated: problems.passwordsDiffer } },
    login: ANNA.login,
    minLength: 12,
    otherSessions: 1,
  }),
  galleryPage('account-sessions', anna, sessionsView, { sessions, acts: {} }),
  galleryPage('account-passkeys', anna, passkeysView, { passkeys, passkeysWork: true, suggestedName: 'Firefox on macOS', form: {} }),
  galleryPage('account-passkey-rename', anna, renamePasskeyView, { id: 'p2', name: 'Blue security key', form: {} }),
  galleryPage('totp', anna, totpSetupView, { qr: totpSquare, key: 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP', recoveryCodes: codes, form: { once: 'k16' } }),
  galleryPage('totp-wrong', anna, totpSetupView, {
    qr: totpSquare,
    key: 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP',
    recoveryCodes: codes,
    form: { errors: { code: problems.code, kept: problems.keepCodes } },
  }),
  galleryPage('totp-on', anna, totpView, { since: FEBRUARY, codesLeft: 2, codes: 10, mayTurnOff: false, form: {} }),
  galleryPage('recovery-codes', anna, recoveryCodesView, { codes }),
  galleryPage('tokens', anna, tokensView, {
    tokens: [
      token('t1', 'Billing system', 'mwt_8kq2', {
        domains: ['example.test'],
        endsAt: Date.parse('2027-03-01T00:00:00Z'),
        used: { at: NOW - 4 * MINUTE, ip: '203.0.113.90' },
      }),
      token('t2', 'Onboarding script', 'mwt_x7tn', { scopes: ['read', 'passwords'], networks: ['203.0.113.0/24'], endsAt: NOW + 6 * DAY }),
      token('t3', 'Old report', 'mwt_m3vd', { endsAt: NOW - DAY, ended: true, used: { at: NOW - 30 * HOUR, ip: '203.0.113.90' } }),
    ],
    acts: {},
  }),
  galleryPage('tokens-none', mina, tokensView, { tokens: [], acts: {} }),
  galleryPage('token-add', anna, addTokenView, {
    form: { errors: { networks: problems.tokenNetworks }, values: { name: 'Onboarding script', read: 'on', passwords: 'on', ends: '2027-11-26' } },
    suggestedEnd: '2027-02-24',
    clientAddress: '203.0.113.24',
  }),
  galleryPage('token-shown', anna, tokenShownView, {
    name: 'Onboarding script',
    token: 'mwt_x7tnk7mqx2pd9rtfh4wzc8nbk7mqx2pd',
    baseUrl: 'https://devices.example.test',
  }),
  galleryPage('api', anna, apiView, {
    baseUrl: 'https://devices.example.test',
    resources: [
      {
        title: 'Devices',
        routes: [
          { method: 'GET', path: '/mailboxes/{address}/devices', summary: 'Devices of a mailbox', scope: 'read' },
          { method: 'POST', path: '/mailboxes/{address}/devices', summary: 'Add a device; its password is in the answer, once', scope: 'passwords' },
          { method: 'DELETE', path: '/devices/{id}', summary: 'Disconnect it', scope: 'devices' },
        ],
      },
    ],
  }),
]
