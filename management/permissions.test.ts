import { describe, expect, test } from 'vitest'
import type { UserId } from '../base/ids.ts'
import { RIGHTS, type Right, TOKEN_SCOPES } from '../store/schema/rights-and-scopes.ts'
import { ACTIONS, type Action, type ActionRow, may, maySendFrom, type Reach, shareOf, type Target, type Verdict } from './permissions.ts'

const NOBODY: Reach = {
  isOperator: false,
  isAdministrator: false,
  domains: new Set(),
  rights: new Map(),
  self: { id: 'me' as UserId, login: 'me' },
  maySend: true,
  scopes: null,
  onlyDomains: null,
}
const MAILBOX = 'office@example.test'
const ELSEWHERE = 'office@other.test'
const at = (mailbox: string, ...rights: Right[]): Reach => ({ ...NOBODY, rights: new Map([[mailbox, new Set(rights)]]) })

const ROLES = {
  administrator: { ...NOBODY, isAdministrator: true },
  manager: { ...NOBODY, domains: new Set(['example.test']) },
  manage: at(MAILBOX, 'manage'),
  make: at(MAILBOX, 'make'),
  use: at(MAILBOX, 'use'),
  see: at(MAILBOX, 'see'),
} as const satisfies Record<string, Reach>
type Role = keyof typeof ROLES

const person = (login: string, domains: readonly string[], hasRole = false): Target => ({ person: { login, domains, hasRole } })

/** The thing that an action is about, where somebody has a right and where they have none. */
function targetsOf(action: Action): { readonly inside: Target; readonly outside: Target; readonly own: Target | undefined } {
  if (action.startsWith('device.') || action === 'session.end') {
    if (action === 'device.add' || action === 'device.add-for-others') return { inside: { mailbox: MAILBOX }, outside: { mailbox: ELSEWHERE }, own: undefined }
    const device = (mailbox: string, user: string | null): Target => ({ mailbox, device: { user } })
    return { inside: device(MAILBOX, 'zoe'), outside: device(ELSEWHERE, 'zoe'), own: device(MAILBOX, 'me') }
  }
  // Everybody has their own tokens, and nobody those of others.
  if (action.startsWith('token.'))
    return { inside: person('zoe', ['example.test']), outside: person('zoe', ['other.test']), own: person('me', ['example.test']) }
  if (action === 'mailbox.add' || action === 'person.add') return { inside: { domain: 'example.test' }, outside: { domain: 'other.test' }, own: undefined }
  if (action.startsWith('person.'))
    return { inside: person('zoe', ['example.test']), outside: person('zoe', ['other.test']), own: person('me', ['example.test']) }
  if (action === 'roles.change' || action.startsWith('limits.')) return { inside: 'installation', outside: 'installation', own: undefined }
  return { inside: { mailbox: MAILBOX }, outside: { mailbox: ELSEWHERE }, own: undefined }
}

const CASES = (Object.keys(ACTIONS) as Action[]).flatMap(action => (Object.keys(ROLES) as Role[]).map(role => [action, role] as const))

describe.each(CASES)('%s by %s', (action, role) => {
  const reach: Reach = ROLES[role]
  const row: ActionRow = ACTIONS[action]
  const { inside, outside, own } = targetsOf(action)

  test('inside', () => {
    const verdict = may(reach, action, inside)
    if (row[role] === 'yes') expect(verdict).toBe('yes')
    else expect(verdict).not.toBe('yes')
  })

  test('outside', () => {
    if (inside === outside || role === 'administrator') return expect(may(reach, action, outside)).toBe(row[role] === 'yes' ? 'yes' : 'no')
    expect(may(reach, action, outside)).toBe('outside')
  })

  test('own', () => {
    if (own === undefined) return
    // Of oneself there are no more rights than of others: but to look.
    const expected = action.startsWith('person.') && role !== 'administrator' ? (action === 'person.view' || role === 'manager' ? row[role] : 'no') : row[role]
    expect(may(reach, action, own) === 'yes').toBe(expected !== 'no')
  })

  test('with an API token', () => {
    const isAllowed = may(reach, action, own ?? inside) === 'yes'
    const token = (scope: (typeof TOKEN_SCOPES)[number], domains: readonly string[] | null): Reach => ({
      ...reach,
      scopes: new Set([scope]),
      onlyDomains: domains === null ? null : new Set(domains),
    })
    for (const scope of TOKEN_SCOPES) expect(may(token(scope, null), action, own ?? inside) === 'yes', scope).toBe(isAllowed && scope === row.scope)
    expect(may(token(row.scope, ['third.test']), action, inside)).toBe('outside')
  })

  test('by the operator and by nobody', () => {
    expect(may({ ...NOBODY, isOperator: true, self: null }, action, outside)).toBe('yes')
    expect(may(NOBODY, action, inside)).toBe(inside === 'installation' ? 'no' : 'outside')
  })
})

// portal.md section 5, in its order; A M G D U V.
test.each<[Action, string]>([
  ['mailbox.view', '✓✓✓✓✓✓'],
  ['mailbox.add', '✓✓––––'],
  ['mailbox.pause', '✓✓––––'],
  ['mailbox.remove', '✓✓––––'],
  ['mailbox.describe', '✓✓––––'],
  ['mailbox.secret', '✓✓––––'],
  ['mailbox.upstream', '✓–––––'],
  ['sending.view', '✓✓✓–––'],
  ['sending.narrow', '✓✓✓–––'],
  ['sending.widen', '✓✓––––'],
  ['device.view', '✓✓✓oo–'],
  ['device.add-for-others', '✓✓✓–––'],
  ['device.add', '✓✓✓✓––'],
  ['device.password', '✓✓✓oo–'],
  ['device.disconnect', '✓✓✓oo–'],
  ['device.pause', '✓✓✓o––'],
  ['device.rename', '✓✓✓oo–'],
  ['device.narrow', '✓✓✓o––'],
  ['device.widen', '✓✓✓–––'],
  ['session.end', '✓✓✓oo–'],
  ['activity.view', '✓✓✓oo✓'],
  ['mailbox.invite', '✓✓✓–––'],
  ['rights.view', '✓✓✓–––'],
  ['rights.give', '✓✓✓–––'],
  ['rights.give-manage', '✓✓––––'],
  ['person.change', '✓✓––––'],
  ['roles.change', '✓–––––'],
  ['audit.view', '✓✓✓oo✓'],
])('the design: %s', (action, signs) => {
  const { administrator, manager, manage, make, use, see }: ActionRow = ACTIONS[action]
  expect([administrator, manager, manage, make, use, see].map(grant => ({ yes: '✓', own: 'o', no: '–' })[grant]).join('')).toBe(signs)
})

describe('a manager of domains', () => {
  const { manager } = ROLES
  test.each<[string, Target, Verdict, Verdict]>([
    ['sees and changes somebody whose rights all lie in them', person('zoe', ['example.test']), 'yes', 'yes'],
    ['sees only, who has a right elsewhere too', person('zoe', ['example.test', 'other.test']), 'yes', 'no'],
    ['sees only, who is an administrator or a manager', person('zoe', ['example.test'], true), 'yes', 'no'],
    ['does not see who has no right there', person('zoe', ['other.test']), 'outside', 'outside'],
    ['does not see who has no right at all', person('zoe', []), 'outside', 'outside'],
  ])('%s', (_, target, view, change) => {
    expect([may(manager, 'person.view', target), may(manager, 'person.change', target)]).toEqual([view, change])
  })
})

test('a device of somebody else is not there for who sees their own only, nor for who sees none', () => {
  const device: Target = { mailbox: MAILBOX, device: { user: 'zoe' } }
  for (const role of ['make', 'use', 'see'] as const) expect(may(ROLES[role], 'device.password', device), role).toBe('outside')
})

test('the most that any right grants counts', () => {
  const both = at(MAILBOX, 'use', 'make')
  expect(may(both, 'device.add', { mailbox: MAILBOX })).toBe('yes')
  expect(shareOf(both, 'activity.view', MAILBOX)).toBe('own')
  expect(shareOf(at(MAILBOX, 'use', 'see'), 'activity.view', MAILBOX)).toBe('yes')
  expect(shareOf(both, 'activity.view', ELSEWHERE)).toBe('no')
})

test('the right to send opens nothing but sending', () => {
  const sender = at(MAILBOX, 'send')
  for (const action of Object.keys(ACTIONS) as Action[]) {
    const { inside } = targetsOf(action)
    if (action !== 'person.view') expect(may(sender, action, inside), action).not.toBe('yes')
  }
  expect(maySendFrom(sender, MAILBOX)).toBe(true)
  expect(maySendFrom({ ...sender, maySend: false }, MAILBOX)).toBe(false)
  expect(maySendFrom({ ...ROLES.manager, maySend: false }, MAILBOX)).toBe(false)
  for (const right of RIGHTS) if (right !== 'send') expect(maySendFrom(at(MAILBOX, right), MAILBOX), right).toBe(false)
})
