/** Every route of the document, with a token of each scope, inside and outside of its reach. A route without a row here fails. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { TokenScope } from '../store/schema/rights-and-scopes.ts'
import { describeApi } from './api.ts'
import { type Answer, ApiFixture, ORIGIN, type Place } from './api-fixture.ts'
import { listOperations } from './open-api.ts'
import { SCOPES } from './schemas.ts'

interface Row {
  readonly body?: (place: Place) => unknown
  /** When it is done; 200 when left out. */
  readonly status?: number
  /** `nothing`: it lists or makes what is within reach, and names nothing that could lie outside. */
  readonly outside?: 'nothing'
  /** What it asks for beside the path. */
  readonly query?: (place: Place) => string
}

const ROWS: Readonly<Record<string, Row>> = {
  'GET /domains': { outside: 'nothing' },
  'GET /domains/{domain}': {},
  'GET /mailboxes': { outside: 'nothing' },
  'POST /mailboxes': { outside: 'nothing', status: 201, body: ({ domain }) => ({ address: `new@${domain}`, secret: 'upstream/marker' }) },
  'GET /mailboxes/{address}': {},
  'PATCH /mailboxes/{address}': { body: () => ({ note: 'noted', state: 'disabled' }) },
  'DELETE /mailboxes/{address}': {},
  'POST /mailboxes/{address}/verify': {},
  'GET /devices': { query: () => '?q=phone&connected=true', outside: 'nothing' },
  'GET /mailboxes/{address}/devices': {},
  'POST /mailboxes/{address}/devices': { status: 201, body: () => ({ name: 'Tablet' }) },
  'GET /devices/{id}': {},
  'PATCH /devices/{id}': { body: () => ({ name: 'Old phone', state: 'disabled', scopes: ['imap'] }) },
  'DELETE /devices/{id}': {},
  'POST /devices/{id}/password': { status: 201 },
  'POST /devices/{id}/profile': { body: ({ password }) => ({ password }) },
  'POST /devices/{id}/qr': { body: ({ password }) => ({ password }) },
  'GET /sessions': { query: ({ address }) => `?mailbox=${address}` },
  'GET /sessions/{id}': {},
  'DELETE /sessions/{id}': {},
  'GET /people': { outside: 'nothing' },
  'POST /people': { status: 201, body: ({ address }) => ({ login: 'nora', rights: [{ mailbox: address, rights: { use: true } }] }) },
  'GET /people/{login}': {},
  'PATCH /people/{login}': { body: () => ({ name: 'Another name' }) },
  'DELETE /people/{login}': { query: () => '?unlink=true' },
  'GET /people/{login}/sending': {},
  'PATCH /people/{login}/sending': { body: () => ({ maySend: false }) },
  'GET /mailboxes/{address}/people': {},
  'GET /people/{login}/rights/{address}': {},
  'PUT /people/{login}/rights/{address}': { body: () => ({ use: true, make: false, see: true, send: false, manage: false }) },
  'DELETE /people/{login}/rights/{address}': { query: () => '?devices=unlink' },
  'GET /invitations': { query: ({ address }) => `?mailbox=${address}` },
  'POST /invitations': { status: 201, body: ({ address }) => ({ mailbox: address, name: 'Hers', rights: { use: true } }) },
  'GET /invitations/{id}': {},
  'DELETE /invitations/{id}': {},
  'GET /activity': { query: ({ address }) => `?mailbox=${address}` },
  'GET /audit': { query: ({ address }) => `?mailbox=${address}` },
  'GET /me': { outside: 'nothing' },
  'GET /tokens': { outside: 'nothing' },
  'DELETE /tokens/{id}': {},
}

const operations = listOperations(describeApi(ORIGIN))
let fixture: ApiFixture

beforeEach(async () => {
  fixture = await ApiFixture.open()
})
afterEach(() => fixture.remove())

test('every route has a row, and every row a route', () => {
  expect(Object.keys(ROWS).sort()).toEqual(operations.map(({ method, path }) => `${method} ${path}`).sort())
})

/** What is nowhere: whatever is outside is answered alike. */
const NOWHERE = { address: 'nobody@nowhere.test', domain: 'nowhere.test', login: 'nobody', id: 'zzzzzzzzzzzzzzzz' }

test.each(operations.map(operation => [`${operation.method} ${operation.path}`, operation] as const))('%s', async (name, { method, path, scopes }) => {
  const row = ROWS[name] ?? {}
  const ask = async (token: string | undefined, place: 'inside' | 'outside' | 'nowhere', owner = 'anna'): Promise<Answer> => {
    const here = fixture[place === 'inside' ? 'inside' : 'outside']
    const id = path.startsWith('/devices') ? here.device : path.startsWith('/sessions') ? here.session : here.invitation
    const tokenOf = async () => (await fixture.store.apiTokens.add(place === 'inside' ? owner : 'otto', { name: 'a token', scopes: ['read'] })).record.id
    const values = place === 'nowhere' ? { ...here, ...NOWHERE } : { ...here, id: path.startsWith('/tokens') ? await tokenOf() : id }
    const filled = path.replace(/\{(\w+)\}/g, (_, key: string) => encodeURIComponent((values as Record<string, string>)[key] ?? ''))
    const body = row.body?.(values)
    return fixture.ask(method, `${filled}${row.query?.(values) ?? ''}`, { ...(token !== undefined && { token }), ...(body !== undefined && { body }) })
  }
  const needed = scopes as readonly TokenScope[]
  const outsideIsNowhere = async (token: string, label: string): Promise<number | undefined> => {
    if (row.outside === 'nothing') return undefined
    const [outside, nowhere] = [await ask(token, 'outside'), await ask(token, 'nowhere')]
    expect(outside.status, label).toBe(nowhere.status)
    expect(outside.body.code, label).toBe(nowhere.body.code)
    return outside.status
  }

  for (const token of [undefined, `mwt_${'A'.repeat(43)}`]) expect(await ask(token, 'inside')).toMatchObject({ status: 401, body: { code: 'TOKEN_UNKNOWN' } })
  for (const scope of SCOPES.filter(one => needed.length > 0 && !needed.includes(one))) {
    const token = await fixture.token([scope], { domains: ['example.test'] })
    expect(await ask(token, 'inside'), `${scope} alone`).toMatchObject({ status: 403, body: { code: 'NOT_ALLOWED' } })
    await outsideIsNowhere(token, `${scope} alone`)
  }
  const ofMina = await fixture.token(SCOPES, { login: 'mina' })
  expect((await outsideIsNowhere(ofMina, 'outside of the owner’s reach')) ?? 404).toBe(404)
  const enough = await fixture.token(needed.length === 0 ? ['devices'] : needed, { domains: ['example.test'] })
  expect((await outsideIsNowhere(enough, 'outside of the token’s domains')) ?? 404).toBe(404)
  expect(await ask(enough, 'inside'), 'its scope alone').toMatchObject({ status: row.status ?? 200 })
})
