/** Every use case as every role, on a thing within reach and one outside: what it answers is what the table of permissions says. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { MailwicketError } from '../base/errors.ts'
import { listAll } from '../store/schema/keyset.ts'
import type { Actor } from './actor.ts'
import { disconnectAll, disconnectDevices, disconnectQuiet, previewDisconnect } from './devices/disconnect-devices.ts'
import { addDevice, changePassword, checkNewDevice, getDevice, setDevice, setDeviceState } from './devices/manage-devices.ts'
import { endSessions, listSessions } from './devices/manage-sessions.ts'
import { clearLimits, readLimits } from './history/manage-limits.ts'
import { listActivity, readAudit } from './history/read-history.ts'
import { addMailbox, getMailbox, planLogin, planNewMailbox, removeMailbox, setMailbox } from './mailboxes/manage-mailboxes.ts'
import { giveRights, grantRole, listPeople, listRoles, removeRights, revokeRole } from './people/manage-rights.ts'
import { getUser, removeUser, setUser, setUserState } from './people/manage-users.ts'
import { ACTIONS, type Action, type ActionRow } from './permissions.ts'
import { invite, invitePhone, pageVisibleInvitations } from './sign-in/invite.ts'
import { addPerson, addToken, makeStartLink, pageTokens } from './sign-in/manage-sign-in.ts'
import type { UseCaseContext } from './use-case.ts'
import { ELSEWHERE, OFFICE, Undone, UseCaseFixture } from './use-case-fixture.ts'

const ROLES = ['administrator', 'manager', 'manage', 'make', 'use', 'see', 'nobody'] as const
type Role = (typeof ROLES)[number]
type Place = 'inside' | 'outside'
type Answer = 'yes' | 'NOT_ALLOWED' | 'NOT_FOUND'

const fixtures = new Map<Role, { readonly fixture: UseCaseFixture; readonly actor: Actor }>()

beforeAll(async () => {
  for (const role of ROLES) {
    const fixture = await UseCaseFixture.open()
    if (role === 'administrator') await fixture.store.roles.grant('me', { role: 'admin' })
    else if (role === 'manager') await fixture.store.roles.grant('me', { role: 'manager', domain: 'example.test' })
    else if (role !== 'nobody') await fixture.entitle(role, 'send')
    fixtures.set(role, { fixture, actor: await fixture.person('me') })
  }
})
afterAll(async () => {
  for (const { fixture } of fixtures.values()) await fixture.remove()
})

type Call = (context: UseCaseContext, actor: Actor, mailbox: string) => Promise<unknown>

/** Name → the action that decides, whose thing it is, and the use case on it. */
const CASES: Readonly<Record<string, readonly [Action, 'mailbox' | 'own' | 'other' | 'domain' | 'person' | 'installation', Call]>> = {
  'get a mailbox': ['mailbox.view', 'mailbox', (c, a, m) => getMailbox(c, a, m)],
  'add a mailbox': ['mailbox.add', 'domain', (c, a, m) => addMailbox(c, a, { address: m.replace('office', 'new'), secret: null, trial: 'trust' })],
  'plan a mailbox': ['mailbox.add', 'domain', (c, a, m) => planNewMailbox(c, a, { address: m.replace('office', 'new') })],
  'add a mailbox with another login': [
    'mailbox.upstream',
    'domain',
    (c, a, m) => addMailbox(c, a, { address: m.replace('office', 'new'), login: 'boss@example.test', secret: null, trial: 'trust' }),
  ],
  'add a mailbox at another server': [
    'mailbox.upstream',
    'domain',
    (c, a, m) => addMailbox(c, a, { address: m.replace('office', 'new'), upstream: 'second', secret: null, trial: 'trust' }),
  ],
  'pause a mailbox': ['mailbox.pause', 'mailbox', (c, a, m) => setMailbox(c, a, { address: m, state: 'disabled', trial: 'trust' })],
  'write a note': ['mailbox.describe', 'mailbox', (c, a, m) => setMailbox(c, a, { address: m, note: 'front desk', trial: 'trust' })],
  'add an alias': ['mailbox.describe', 'mailbox', (c, a, m) => setMailbox(c, a, { address: m, aliases: [m.replace('office', 'info')], trial: 'trust' })],
  'plan a login': ['mailbox.secret', 'mailbox', (c, a, m) => planLogin(c, a, { address: m })],
  'change a login': ['mailbox.upstream', 'mailbox', (c, a, m) => setMailbox(c, a, { address: m, login: 'boss', trial: 'trust' })],
  'change a server': ['mailbox.upstream', 'mailbox', (c, a, m) => setMailbox(c, a, { address: m, upstream: 'second', trial: 'trust' })],
  'accept the migration password': ['mailbox.migrate', 'mailbox', (c, a, m) => setMailbox(c, a, { address: m, migrationPasswordUntil: 9e12, trial: 'trust' })],
  'narrow sending': ['sending.narrow', 'mailbox', (c, a, m) => setMailbox(c, a, { address: m, sending: { recipientsPerDay: 5 }, trial: 'trust' })],
  'remove a mailbox': ['mailbox.remove', 'mailbox', (c, a, m) => removeMailbox(c, a, { address: m })],
  'get an own device': ['device.view', 'own', (c, a, m) => getDevice(c, a, `${m}/mine`)],
  'get a device of another': ['device.view', 'other', (c, a, m) => getDevice(c, a, `${m}/hers`)],
  'add a device for oneself': ['device.add', 'mailbox', (c, a, m) => addDevice(c, a, { mailbox: m, name: 'new', user: 'me' })],
  'look whether a device could be added': ['device.add', 'mailbox', (c, a, m) => checkNewDevice(c, a, { mailbox: m, name: 'new', user: 'ME' })],
  'add a device for nobody': ['device.add-for-others', 'mailbox', (c, a, m) => addDevice(c, a, { mailbox: m, name: 'new' })],
  'add a device for another': ['device.add-for-others', 'mailbox', (c, a, m) => addDevice(c, a, { mailbox: m, name: 'new', user: 'zoe' })],
  'change an own password': ['device.password', 'own', (c, a, m) => changePassword(c, a, { ref: `${m}/mine` })],
  'change the password of another': ['device.password', 'other', (c, a, m) => changePassword(c, a, { ref: `${m}/tablet` })],
  'pause an own device': ['device.pause', 'own', (c, a, m) => setDeviceState(c, a, { ref: `${m}/mine`, state: 'disabled' })],
  'rename an own device': ['device.rename', 'own', (c, a, m) => setDevice(c, a, { ref: `${m}/mine`, name: 'renamed' })],
  'rename a device of another': ['device.rename', 'other', (c, a, m) => setDevice(c, a, { ref: `${m}/hers`, name: 'renamed' })],
  'narrow an own device': ['device.narrow', 'own', (c, a, m) => setDevice(c, a, { ref: `${m}/mine`, terms: { scopes: ['imap'] } })],
  'narrow what an own device sends': ['device.narrow', 'own', (c, a, m) => setDevice(c, a, { ref: `${m}/mine`, sending: { maySend: false } })],
  'give an own device to another': ['device.add-for-others', 'own', (c, a, m) => setDevice(c, a, { ref: `${m}/mine`, terms: { user: 'zoe' } })],
  'disconnect an own device': ['device.disconnect', 'own', (c, a, m) => disconnectDevices(c, a, { refs: [`${m}/mine`] })],
  'disconnect devices of others': ['device.disconnect', 'other', (c, a, m) => disconnectDevices(c, a, { refs: [`${m}/hers`, `${m}/tablet`] })],
  'look what a disconnection ends': ['device.disconnect', 'other', (c, a, m) => previewDisconnect(c, a, { refs: [`${m}/hers`] })],
  'disconnect all': ['device.disconnect', 'mailbox', (c, a, m) => disconnectAll(c, a, { mailbox: m })],
  'end the sessions of an own device': ['session.end', 'own', (c, a, m) => endSessions(c, a, { device: `${m}/mine` })],
  'end the sessions of a mailbox': ['session.end', 'mailbox', (c, a, m) => endSessions(c, a, { mailbox: m })],
  'list the people of a mailbox': ['rights.view', 'mailbox', (c, a, m) => listPeople(c, a, m)],
  'give rights': ['rights.give', 'mailbox', (c, a, m) => giveRights(c, a, { login: 'zoe', mailbox: m, rights: { make: true } })],
  'give the right to manage': ['rights.give-manage', 'mailbox', (c, a, m) => giveRights(c, a, { login: 'zoe', mailbox: m, rights: { manage: true } })],
  'take rights': ['rights.give', 'mailbox', (c, a, m) => removeRights(c, a, { login: 'zoe', mailbox: m, devices: 'revoke' })],
  invite: ['mailbox.invite', 'mailbox', (c, a, m) => invite(c, a, { mailbox: m })],
  'invite somebody': ['mailbox.invite', 'mailbox', (c, a, m) => invite(c, a, { mailbox: m, user: 'zoe', terms: { rights: { make: true } } })],
  'invite a manager': ['rights.give-manage', 'mailbox', (c, a, m) => invite(c, a, { mailbox: m, user: 'zoe', terms: { rights: { manage: true } } })],
  'invite a phone': ['device.password', 'own', (c, a, m) => invitePhone(c, a, { ref: `${m}/mine` })],
  'list invitations': ['mailbox.invite', 'mailbox', (c, a, m) => pageVisibleInvitations(c, a, { filter: { mailbox: m } })],
  'add a person': ['person.add', 'domain', (c, a, m) => addPerson(c, a, { login: 'new', rights: [{ mailbox: m, rights: { use: true } }], start: 'show' })],
  'add an administrator': ['roles.change', 'installation', (c, a) => addPerson(c, a, { login: 'new', roles: [{ role: 'admin' }], start: 'show' })],
  'list roles': ['roles.change', 'installation', (c, a) => listRoles(c, a)],
  'make a manager': ['roles.change', 'installation', (c, a) => grantRole(c, a, { login: 'me', role: { role: 'manager', domain: 'other.test' } })],
  'take a role': ['roles.change', 'installation', (c, a) => revokeRole(c, a, { login: 'zoe', role: { role: 'admin' } })],
  'list limits': ['limits.view', 'installation', (c, a) => listAll(readLimits(c, a))],
  'clear limits': ['limits.clear', 'installation', (c, a) => clearLimits(c, a, 'all')],
  'block a person': ['person.change', 'person', (c, a) => setUserState(c, a, { login: 'zoe', state: 'blocked' })],
  'take sending': ['person.change', 'person', (c, a) => setUser(c, a, { login: 'zoe', sending: { maySend: false } })],
  'make a start link': ['person.change', 'person', (c, a) => makeStartLink(c, a, { login: 'zoe', factors: 'reset' })],
  'remove a person': ['person.change', 'person', (c, a) => removeUser(c, a, { login: 'zoe', unlink: true })],
  'see a person': ['person.view', 'person', (c, a) => getUser(c, a, 'zoe')],
  'see the tokens of another': ['token.view', 'person', (c, a) => pageTokens(c, a, { login: 'zoe' })],
}

async function answerOf(act: () => Promise<unknown>): Promise<Answer> {
  try {
    await act()
    return 'yes'
  } catch (error) {
    if (error instanceof Undone) return 'yes'
    if (error instanceof MailwicketError && (error.code === 'NOT_ALLOWED' || error.code === 'NOT_FOUND')) return error.code
    throw error
  }
}

/** From the table, by the rules of `docs/permissions.md`. */
function expectedOf(role: Role, action: Action, thing: string, place: Place): Answer {
  const row: ActionRow = ACTIONS[action]
  if (thing === 'person') {
    // Zoe has rights in both domains: a manager of one of them sees her, and changes nothing.
    if (action === 'token.view') return 'NOT_FOUND'
    if (role === 'administrator') return 'yes'
    return role !== 'manager' ? 'NOT_FOUND' : action === 'person.view' ? 'yes' : 'NOT_ALLOWED'
  }
  if (role === 'nobody') return thing === 'domain' && action !== 'person.add' ? 'NOT_ALLOWED' : thing === 'installation' ? 'NOT_ALLOWED' : 'NOT_FOUND'
  if (role === 'administrator') return 'yes'
  if (thing === 'installation') return 'NOT_ALLOWED'
  if (place === 'outside') return thing === 'domain' && action !== 'person.add' ? 'NOT_ALLOWED' : 'NOT_FOUND'
  const isDevice = thing === 'own' || thing === 'other'
  const view = ACTIONS['device.view'][role]
  if (isDevice && !(view === 'yes' || (view === 'own' && thing === 'own'))) return 'NOT_FOUND'
  return row[role] === 'yes' || (row[role] === 'own' && thing === 'own') ? 'yes' : 'NOT_ALLOWED'
}

describe.each(ROLES)('%s', role => {
  test.each(Object.entries(CASES))('%s', async (_, [action, thing, call]) => {
    const { fixture, actor } = fixtures.get(role) as { fixture: UseCaseFixture; actor: Actor }
    const places: readonly Place[] = thing === 'installation' || thing === 'person' ? ['inside'] : ['inside', 'outside']
    for (const place of places) {
      const answer = await answerOf(() => call(fixture.trial, actor, place === 'inside' ? OFFICE : ELSEWHERE))
      expect(answer, place).toBe(expectedOf(role, action, thing, place))
    }
  })
})

test('every action is tried by a use case', () => {
  const tried = new Set(Object.values(CASES).map(([action]) => action))
  // Lists are in page-lists.test.ts; what is left is tried in the tests of its own file.
  const elsewhere: readonly Action[] = ['sending.view', 'sending.widen', 'device.widen', 'activity.view', 'audit.view', 'token.change']
  expect((Object.keys(ACTIONS) as Action[]).filter(action => !tried.has(action) && !elsewhere.includes(action))).toEqual([])
})

test('lists show nothing that is outside', async () => {
  for (const [role, { fixture, actor }] of fixtures) {
    if (role === 'administrator') continue
    const { context } = fixture
    const places = [
      ...(await listSessions(context, actor)).map(({ mailbox }) => mailbox),
      ...(await listActivity(context, actor)).map(({ address }) => address),
      ...(await listAll(readAudit(context, actor))).filter(entry => entry.actor !== 'me').map(({ subject }) => subject),
      ...(await disconnectQuiet(fixture.trial, actor, { unusedSince: 0 }).catch(() => ({ devices: [] }))).devices.map(({ mailbox }) => mailbox),
    ]
    expect(
      places.filter(place => place?.includes('other.test')),
      role,
    ).toEqual([])
  }
})

test('nobody makes a token for somebody else', async () => {
  for (const { fixture, actor } of fixtures.values())
    expect(await answerOf(() => addToken(fixture.trial, actor, { login: 'zoe', name: 'mine', scopes: ['read'] }))).toBe('NOT_FOUND')
})
