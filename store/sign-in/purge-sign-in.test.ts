import { afterEach, beforeEach, expect, test } from 'vitest'
import { openBackend } from '../open-backend.ts'
import type { Store } from '../open-store.ts'
import { StoreFixture } from '../store-fixture.ts'
import { purgeSignIn } from './purge-sign-in.ts'

const DAY = 86_400_000
let fixture: StoreFixture
let store: Store

beforeEach(async () => {
  fixture = new StoreFixture()
  store = await fixture.create()
  await store.users.add({ login: 'anna' })
})
afterEach(() => fixture.remove())

const TABLES = ['portal_sessions', 'once', 'invitations', 'api_tokens', 'notices']

async function purge(): Promise<Record<string, number>> {
  const backend = await openBackend(fixture.config.store, 'write-records')
  await purgeSignIn(backend.db, fixture.now)
  await backend.close()
  const counts = await Promise.all(
    TABLES.map(async table => [table, Number((await fixture.query(`select count(*) as n from ${table}`)).rows[0]?.['n'])] as const),
  )
  return Object.fromEntries(counts)
}

test('what is over goes after a while, what counts stays, and so does mail that waits', async () => {
  await store.portalSessions.start('anna', { stage: 'full', agent: '', ip: '192.0.2.1', phc: null, by: 'passkey' })
  await store.once.take({ hash: 'form', lifetimeMs: 3_600_000 })
  await store.invitations.add({ kind: 'start', user: 'anna' })
  await store.apiTokens.add('anna', { name: 'Ends', scopes: ['read'], endsAt: fixture.now + DAY })
  await store.apiTokens.add('anna', { name: 'Lasts', scopes: ['read'] })
  await store.notices.add({ recipient: 'anna@example.com', cause: 'sent', kind: 'new-device', user: null, payload: {} })
  for (const { id } of await store.notices.claim(1)) await store.notices.sent(id)
  await store.notices.add({ recipient: 'anna@example.com', cause: 'waits', kind: 'new-device', user: null, payload: {} })
  const all = { portal_sessions: 1, once: 1, invitations: 1, api_tokens: 2, notices: 2 }
  expect(await purge()).toEqual(all)
  fixture.now += 2 * DAY
  expect(await purge()).toEqual({ ...all, portal_sessions: 0, once: 0 })
  fixture.now += 32 * DAY
  expect(await purge()).toEqual({ portal_sessions: 0, once: 0, invitations: 0, api_tokens: 1, notices: 1 })
})
