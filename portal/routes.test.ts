/** Every line of the list of routes, as every role, on things inside and outside of its reach: what the table of permissions says is what happens. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ACTIONS, type ActionRow, type Grant } from '../management/permissions.ts'
import type { Rights } from '../store/accounts/people/role-rows.ts'
import { links } from './links.ts'
import { ELSEWHERE, OFFICE, type Page, PortalFixture, type TestBrowser } from './portal-fixture.ts'
import { ROUTES } from './routes.ts'
import type { ActionRule } from './web/access.ts'
import { findRoute, type SignedInRoute } from './web/route.ts'

type Column = 'administrator' | 'manager' | 'manage' | 'make' | 'use' | 'see'
const COLUMNS: readonly Column[] = ['administrator', 'manager', 'manage', 'make', 'use', 'see']
const guarded = ROUTES.filter(route => route.who !== 'public')
const nameOf = ({ method, path }: { method: string; path: string }) => `${method} ${path}`

/** Everything that a path may name, once within reach and once not; `mine` is linked to whoever asks, `theirs` is not. */
interface Things {
  readonly m: string
  readonly domain: string
  readonly mine: string
  readonly theirs: string
  readonly u: string
  readonly id: string
}

let fixture: PortalFixture
let browsers: Record<Column | 'nobody', TestBrowser>
let inside: Record<Column, Things>
let outside: Things

beforeAll(async () => {
  fixture = await PortalFixture.open()
  const { store } = fixture
  await fixture.addAdministrator('boss', 'The Boss')
  await fixture.addPerson('zoe', { name: 'Zoe', rights: { use: true, send: true } })
  await fixture.addPerson('nobody')
  await fixture.addPerson('far')
  await store.rights.set('far', ELSEWHERE, { use: true })
  const entries: [Column, Things][] = []
  const { device: theirs } = await store.devices.add(OFFICE, { name: 'hers', user: 'zoe' })
  const { invitation } = await store.invitations.add({ kind: 'device', mailbox: OFFICE })
  for (const column of COLUMNS) {
    const login = `is-${column}`
    await fixture.addPerson(login)
    if (column === 'administrator') await store.roles.grant(login, { role: 'admin' })
    else if (column === 'manager') await store.roles.grant(login, { role: 'manager', domain: 'example.test' })
    else await store.rights.set(login, OFFICE, { [column]: true, send: true } as Partial<Rights>)
    const { device: mine } = await store.devices.add(OFFICE, { name: `of ${login}`, user: login })
    entries.push([column, { m: OFFICE, domain: 'example.test', mine: mine.id, theirs: theirs.id, u: 'zoe', id: invitation.id }])
  }
  inside = Object.fromEntries(entries) as Record<Column, Things>
  const { device: far } = await store.devices.add(ELSEWHERE, { name: 'far', user: 'far' })
  const { invitation: other } = await store.invitations.add({ kind: 'device', mailbox: ELSEWHERE })
  outside = { m: ELSEWHERE, domain: 'other.test', mine: far.id, theirs: far.id, u: 'far', id: other.id }
  const signedIn = async (login: string) => fixture.signedIn(login)
  browsers = Object.fromEntries(
    await Promise.all([
      ...COLUMNS.map(async column => [column, await signedIn(`is-${column}`)] as const),
      signedIn('nobody').then(browser => ['nobody', browser] as const),
    ]),
  ) as typeof browsers
  // Nothing of what is tried stays.
  fixture.around = async (_, act) => {
    await act()
    throw new Error('undone')
  }
})
afterAll(() => fixture.remove())

function pathOf({ path }: SignedInRoute, things: Things, device: string): string {
  const values: Record<string, string> = { ...things, d: device }
  return path.replace(/:(\w+)/g, (_, name: string) => encodeURIComponent(values[name] ?? 'nothing'))
}

/** A path that names something besides what its rule is about, of which there is none here. */
const namesMore = ({ path }: SignedInRoute) => /:(session|token|passkey|t)\b/.test(path)

async function ask(browser: TestBrowser, route: SignedInRoute, path: string): Promise<{ readonly answer: Page; readonly isUndone: boolean }> {
  fixture.logged.length = 0
  const cookies = [...browser.cookies]
  const answer = route.method === 'GET' ? await browser.get(path) : await browser.post(path, {})
  // Whatever the answer did to them, the next one begins as this one.
  browser.cookies.splice(0, browser.cookies.length, ...cookies)
  return { answer, isUndone: fixture.logged.some(({ fields }) => fields['err'] === 'undone') }
}

function expectAllowed({ answer, isUndone }: Awaited<ReturnType<typeof ask>>, route: SignedInRoute): void {
  if (isUndone) return
  const bugs = fixture.logged.filter(({ event }) => event === 'bug').map(({ fields }) => fields['stack'] ?? fields['err'])
  expect(bugs).toEqual([])
  expect(answer.status === 303 && answer.to.startsWith('/sign-in?')).toBe(false)
  const allowed = [200, 204, 303, 400, 422, ...(namesMore(route) ? [404] : []), ...(route.path.endsWith('/profile') ? [404] : [])]
  expect(allowed).toContain(answer.status)
}

const ruleOf = (route: SignedInRoute): ActionRule | undefined => (route.who === 'signed-in' ? undefined : route.who)
const grantOf = ({ action }: ActionRule, column: Column): Grant => (ACTIONS[action] as ActionRow)[column]

describe.each(guarded.map(route => [nameOf(route), route as SignedInRoute] as const))('%s', (_, route) => {
  test('is not there for a visitor', async () => {
    const { answer } = await ask(fixture.browser(), route, pathOf(route, inside.administrator, inside.administrator.mine))
    expect(answer.status === 303 ? answer.to : answer.status).toEqual(route.method === 'GET' ? expect.stringMatching(/^\/sign-in\?to=/) : 401)
  })

  const rule = ruleOf(route)
  test.each(COLUMNS)('as %s', async column => {
    const things = inside[column]
    // Signing out is for good.
    const browser = route.path === links.signOut ? await fixture.signedIn(`is-${column}`) : browsers[column]
    if (rule === undefined) return expectAllowed(await ask(browser, route, pathOf(route, things, things.mine)), route)
    const grant = grantOf(rule, column)
    if (rule.on === 'device') {
      const sees = grantOf({ ...rule, action: 'device.view' }, column)
      const mine = await ask(browser, route, pathOf(route, things, things.mine))
      if (sees === 'no') expect(mine.answer.status).toBe(404)
      else if (grant === 'no') expect(mine.answer.status).toBe(403)
      else expectAllowed(mine, route)
      const theirs = await ask(browser, route, pathOf(route, things, things.theirs))
      if (sees !== 'yes') expect(theirs.answer.status).toBe(404)
      else if (grant !== 'yes') expect(theirs.answer.status).toBe(403)
      else expectAllowed(theirs, route)
      return
    }
    const tried = await ask(browser, route, pathOf(route, things, things.mine))
    if (rule.on === 'person' && column !== 'administrator' && column !== 'manager') return expect(tried.answer.status).toBe(404)
    // What belongs to no mailbox and no domain is for administrators.
    const isElsewhere = rule.on === 'installation' && column !== 'administrator'
    if (!isElsewhere && (grant === 'yes' || (grant === 'own' && rule.own))) expectAllowed(tried, route)
    else expect(tried.answer.status).toBe(403)
  })

  // Only what is of one mailbox, domain or person can lie outside of somebody's reach.
  const isOfSomething = rule !== undefined && rule.on !== 'somewhere' && rule.on !== 'installation'
  test.each(isOfSomething ? COLUMNS.filter(column => column !== 'administrator') : [])('is not there for %s where they have nothing', async column => {
    const { answer } = await ask(browsers[column], route, pathOf(route, outside, outside.mine))
    expect(answer.status).toBe(404)
  })

  test('somebody without any right sees nothing of it', async () => {
    const browser = route.path === links.signOut ? await fixture.signedIn('nobody') : browsers.nobody
    const tried = await ask(browser, route, pathOf(route, outside, outside.mine))
    if (rule === undefined) expectAllowed(tried, route)
    else expect(tried.answer.status).toBe(rule.on === 'somewhere' || rule.on === 'installation' ? 403 : 404)
  })
})

describe('whatever a form answers', () => {
  // Signing out is for good.
  const posts = ROUTES.filter(({ method, path }) => method === 'POST' && path !== links.signOut).map(route => [nameOf(route), route as SignedInRoute] as const)
  test.each(posts)('to %s, another language is chosen on a page that is there', async (_, route) => {
    const path = pathOf(route, inside.administrator, inside.administrator.mine)
    const boss = await fixture.signedIn('boss')
    for (const browser of [browsers.administrator, browsers.nobody, fixture.browser()]) {
      const { answer } = await ask(browser, route, path)
      if (answer.headers.get('content-type')?.startsWith('text/html') !== true) continue
      const links = [...answer.text.matchAll(/href="([^"]*)" lang="fr"/g)].map(([, link = '']) => link.replaceAll('&amp;', '&'))
      expect(links).toHaveLength(1)
      const shown = links[0]?.startsWith('?') === true ? path : (new URL(links[0] ?? '', 'https://x').searchParams.get('to') ?? '')
      const { status } = await boss.get(shown)
      // Of what is not there, its page is not there either.
      if (answer.status !== 404 && !namesMore(route)) expect([200, 303]).toContain(status)
    }
  })
})

describe('methods', () => {
  const paths = [...new Set(ROUTES.map(({ path }) => path))]
  test.each(paths)('%s says which it takes', async path => {
    const real = pathOf({ path } as SignedInRoute, inside.administrator, inside.administrator.mine)
    const known = ROUTES.filter(route => route.path === path || findRoute([route], route.method, real) !== undefined).map(({ method }) => method)
    for (const method of ['PUT', 'DELETE', 'PATCH', 'OPTIONS']) {
      const answer = await browsers.administrator.ask(method, real)
      const allow = answer.headers.get('allow')?.split(', ').toSorted() ?? []
      expect([method, answer.status, allow]).toEqual([
        method,
        405,
        [...(known.includes('GET') ? ['GET', 'HEAD'] : []), ...(known.includes('POST') ? ['POST'] : [])],
      ])
    }
    if (known.includes('GET')) return
    const opened = await browsers.administrator.get(real)
    if (opened.status !== 303) expect([opened.status, opened.headers.get('allow')]).toEqual([405, 'POST'])
    else expect(findRoute(ROUTES, 'GET', opened.to.split('?')[0] ?? '')).toBeDefined()
  })

  test('where nothing is, none is taken; a style sheet and the health take no form', async () => {
    for (const method of ['PUT', 'OPTIONS', 'GET']) expect((await browsers.administrator.ask(method, '/nothing')).status).toBe(404)
    const sheet = fixture.services.assets.link('portal.css')
    for (const path of [sheet, '/healthz']) {
      const answer = await browsers.administrator.ask('PUT', path)
      expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'GET, HEAD'])
    }
  })
})

describe('what is not there', () => {
  // The first mailbox of any domain can be added.
  const named = ROUTES.filter(({ method, who, path }) => method === 'GET' && who !== 'public' && path.includes(':') && path !== '/services/:domain/new')
  test.each(named.map(({ path }) => path))('%s of nothing that is there', async path => {
    const browser = browsers.administrator
    for (const name of ['nosuch', 'nosuch@example.test', 'a b', '%00'].map(text => (text === '%00' ? text : encodeURIComponent(text)))) {
      const [first, ...more] = path.split(/:\w+/)
      const answer = await browser.get(`${first}${name}${more.join(name)}`)
      // What was shown once, and lists, lead back to the list that it would be in.
      expect(answer.status === 303 ? answer.to : answer.status).toEqual(answer.status === 303 ? expect.stringMatching(/^\/account\//) : 404)
    }
  })

  test('is told to whoever is signed in with the way to their own pages, to a visitor with the sign-in', async () => {
    expect((await browsers.administrator.get('/nothing')).text).toContain('To the mail services')
    expect((await browsers.use.get('/nothing')).text).toContain('To my mailboxes')
    expect((await fixture.browser().get('/nothing')).text).toContain('>Sign in</a>')
  })
})

test('no line of the list hides another', () => {
  for (const route of ROUTES) {
    const path = route.path.replace(/:\w+/g, 'x')
    expect(nameOf(findRoute(ROUTES, route.method, path)?.route ?? { method: '', path })).toBe(nameOf(route))
  }
})

test('every link of a view leads somewhere', () => {
  const known: readonly string[] = [links.openApi, links.languageHere('x')]
  const of = (link: unknown): string => (typeof link === 'string' ? link : (link as (...values: string[]) => string)('x', 'x', 'x'))
  const all = Object.entries(links).map(([name, link]) => (name === 'allDevices' ? links.allDevices('x', 'disconnect-all') : of(link)))
  const lost = all
    .filter(link => !known.includes(link))
    .filter(link => {
      const path = link.split('?')[0] ?? ''
      return findRoute(ROUTES, 'GET', path) === undefined && findRoute(ROUTES, 'POST', path) === undefined
    })
  expect(lost).toEqual([])
})

test('without a right one reaches the sign-in, links that one was given, one’s own account, and lists of what is one’s own', () => {
  const reached = (who: 'public' | 'signed-in') => ROUTES.filter(route => route.who === who).map(({ path }) => path)
  const beyond = (paths: readonly string[], within: RegExp) => paths.filter(path => !within.test(path))
  expect(beyond(reached('public'), /^\/(?:sign-in(?:\/.*)?|welcome\/:token|i\/:token|invited(?:\/.*)?|language|api\/)$/)).toEqual([])
  expect(beyond(reached('signed-in'), /^\/(?:|sign-out|confirm(?:\/.*)?|account(?:\/.*)?|find|mailboxes)$/)).toEqual([])
})
