/**
 * What people click on: for each route that is looked at, an address as its links and forms make it. A route that nobody clicks on is an error.
 */
import { ROUTES } from '../../portal/routes.ts'
import { deviceOf, mailboxAddress, type PortalStoreSize, type Reader } from '../peers/portal-store.ts'

interface Chosen {
  readonly reader: Reader
  readonly size: PortalStoreSize
  /** Of a list, another one each time. */
  one<Item>(items: readonly Item[]): Item
}

type Click = (chosen: Chosen) => string

const segment = encodeURIComponent
const query = (values: Readonly<Record<string, string>>): string => `?${new URLSearchParams(values)}`
/** As the last link of a list has it. */
const after = (...values: readonly (string | number)[]): string => Buffer.from(JSON.stringify(values)).toString('base64url')
const fixed =
  (path: string): Click =>
  () =>
    path
const mailbox = ({ reader, size, one }: Chosen): { readonly path: string; readonly device: string; readonly domain: string; readonly address: string } => {
  const number = one(reader.mailboxes)
  const address = mailboxAddress(number, size)
  const path = `/m/${segment(address)}`
  return { path, address, domain: address.slice(address.indexOf('@') + 1), device: `${path}/devices/${deviceOf(number, size)}` }
}
const under =
  (rest: string, ...queries: readonly string[]): Click =>
  chosen =>
    mailbox(chosen).path + rest + chosen.one(['', ...queries])
const device =
  (rest: string): Click =>
  chosen =>
    mailbox(chosen).device + rest
const person =
  (rest: string): Click =>
  ({ one, size }) =>
    `/people/${segment(`person${one(Array.from({ length: 200 }, (_, at) => 100 + at * Math.floor(size.people / 250)))}@people.example`)}${rest}`
const service =
  (rest: string): Click =>
  chosen =>
    `/services/${mailbox(chosen).domain}${rest}`

const WORDS = ['box12', 'box4711', 'Room 12', 'device of 77', 'number 33', 'nothing at all', 'alias200'] as const
const DAYS = { from: new Date(Date.now() - 9 * 86_400_000).toISOString().slice(0, 10), until: new Date(Date.now() - 8 * 86_400_000).toISOString().slice(0, 10) }
const dayAgo = (days: number): string => String(Date.now() - days * 86_400_000)

const ACTIVITY = [
  '',
  ...['refused', 'connections', 'new', 'changes'].map(kind => query({ kind })),
  query({ network: '10.7.0.0/16' }),
  query({ network: '10.9.9.0/24', kind: 'refused' }),
  query({ network: '172.16.0.0/12' }),
  query(DAYS),
  query({ ...DAYS, kind: 'changes' }),
  query({ before: dayAgo(3) }),
  query({ before: dayAgo(28) }),
] as const

/** By the pattern of the route. */
const CLICKS: Readonly<Record<string, Click>> = {
  '/sign-in': fixed('/sign-in'),
  '/sign-in/second': fixed('/sign-in/second'),
  '/language': fixed('/language?set=en&to=%2Faccount'),
  '/api/': fixed('/api/'),
  '/welcome/:token': fixed('/welcome/unknown'),
  '/i/:token': fixed('/i/unknown'),
  '/invited': fixed('/invited'),
  '/invited/first': fixed('/invited/first'),
  ...Object.fromEntries(
    ['', '/password', '/totp', '/totp/recovery-codes/shown', '/passkeys', '/sessions', '/tokens', '/tokens/new'].map(rest => [
      `/account${rest}`,
      fixed(`/account${rest}`),
    ]),
  ),
  '/account/passkeys/:passkey': fixed('/account/passkeys/unknown'),
  '/account/tokens/:token/shown': fixed('/account/tokens/unknown/shown'),
  '/': fixed('/'),
  '/find': ({ one }) => `/find${query({ q: one(WORDS) })}`,
  '/services': ({ one }) => `/services${one(['', query({ q: 'service-1' })])}`,
  '/services/managers': fixed('/services/managers'),
  '/services/:domain': chosen => {
    const { domain } = mailbox(chosen)
    const last = mailboxAddress(chosen.size.mailboxes - 50, chosen.size)
    const lists = [
      ...['', 'connected', 'no-device', 'quiet', 'paused'].map(show => query({ show })),
      ...WORDS.map(q => query({ q })),
      query({ q: 'box1', show: 'quiet' }),
      query({ after: after('address', `box3@${domain}`) }),
      query({ after: after('address', last) }),
    ]
    return `/services/${domain}${chosen.one(lists)}`
  },
  '/services/:domain/new': service('/new'),
  '/mailboxes': fixed('/mailboxes'),
  '/m/:m': under(''),
  '/m/:m/activity': under('/activity', ...ACTIVITY),
  '/m/:m/activity.csv': under('/activity.csv'),
  '/m/:m/users': under('/users'),
  '/m/:m/users/new': under('/users/new', '?q=person33'),
  '/m/:m/users/:u/remove': under('/users/person1%40people.example/remove'),
  '/m/:m/settings': under('/settings'),
  '/m/:m/remove': under('/remove'),
  '/m/:m/devices': under('/devices', '?q=device', '?show=former'),
  '/m/:m/devices/new': under('/devices/new'),
  '/m/:m/all-devices/end-sessions': under('/all-devices/end-sessions'),
  '/m/:m/all-devices/disconnect-all': under('/all-devices/disconnect-all'),
  '/m/:m/all-devices/disconnect-quiet': under('/all-devices/disconnect-quiet'),
  '/m/:m/devices/:d': device(''),
  '/m/:m/devices/:d/password': device('/password'),
  '/m/:m/devices/:d/shown': device('/shown'),
  '/m/:m/devices/:d/first': device('/first'),
  '/m/:m/devices/:d/disconnect': device('/disconnect'),
  '/people': ({ one }) =>
    `/people${one([
      '',
      ...['administrators', 'managers', 'no-sending', 'no-second-step', 'blocked'].map(show => query({ show })),
      query({ q: 'number 33' }),
      query({ after: after('login', 'person2@people.example') }),
      query({ after: after('login', 'person99@people.example') }),
    ])}`,
  '/people/+new': fixed('/people/+new'),
  '/people/:u': person(''),
  '/people/:u/new-start': person('/new-start'),
  '/people/:u/new-start/shown': person('/new-start/shown'),
  '/people/:u/block': person('/block'),
  '/people/:u/unblock': person('/unblock'),
  '/people/:u/remove': person('/remove'),
  '/invitations': ({ one }) =>
    `/invitations${one(['', query({ show: 'accepted' }), query({ show: 'ended' }), query({ after: after('invitation', Date.now() - 10 * 86_400_000, 'i') })])}`,
  '/invitations/new': fixed('/invitations/new'),
  '/invitations/:id': fixed('/invitations/i000000000000003'),
  '/invitations/:id/shown': fixed('/invitations/i000000000000003/shown'),
  '/activity': ({ one, ...chosen }) => `/activity${one([...ACTIVITY, ...[...WORDS, mailbox({ ...chosen, one }).address].map(q => query({ q }))])}`,
  '/activity.csv': chosen => `/activity.csv${query({ q: mailbox(chosen).address })}`,
}

/** Every route that is looked at. */
export function listClicks(): readonly { readonly pattern: string; readonly click: Click }[] {
  const patterns = ROUTES.filter(({ method }) => method === 'GET').map(({ path }) => path)
  return patterns.map(pattern => {
    const click = CLICKS[pattern]
    if (click === undefined) throw new Error(`nobody clicks on ${pattern}: add it to portal-clicks.ts`)
    return { pattern, click }
  })
}

/** Who looks after no domain opens the lists of all less often than never. */
export function isForReader(pattern: string, { kind }: Reader): boolean {
  return kind !== 'owner' || !/^\/(services|people|find)/.test(pattern)
}
