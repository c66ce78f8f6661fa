import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Store } from '../open-store.ts'
import { StoreFixture, secret } from '../store-fixture.ts'

const DAY = 86_400_000
let fixture: StoreFixture
let store: Store

beforeEach(async () => {
  fixture = new StoreFixture()
  store = await fixture.create()
  for (const login of ['anna', 'bert']) await store.users.add({ login })
})
afterEach(() => fixture.remove())

describe('a token', () => {
  test('is shown once, found by itself, listed by its first characters, and revoked', async () => {
    const { token, record } = await store.apiTokens.add('anna', {
      name: 'Backup script',
      scopes: ['read'],
      domains: ['Example.com'],
      allowFrom: ['192.0.2.0/24'],
    })
    const text = token.reveal().toString()
    expect(text).toMatch(/^mwt_[\w-]{43}$/)
    expect(record).toMatchObject({
      beginning: text.slice(0, 10),
      user: 'anna',
      scopes: ['read'],
      domains: ['example.com'],
      allowFrom: ['192.0.2.0/24'],
      endsAt: null,
    })
    expect(await store.apiTokens.find(token)).toMatchObject({ id: record.id, user: 'anna' })
    expect((await store.apiTokens.page({ filter: { user: 'bert' } })).rows).toEqual([])
    expect(JSON.stringify([await fixture.query('select * from api_tokens'), await fixture.query('select * from audit')])).not.toContain(text)
    await expect(store.apiTokens.revoke(record.id, { user: 'bert' })).rejects.toMatchObject({ code: 'NOT_FOUND' })
    await store.apiTokens.revoke(record.id, { user: 'anna' })
    expect(await store.apiTokens.find(token)).toBeUndefined()
    expect((await store.audit.list({ action: 'token' })).map(({ action }) => action)).toEqual(['token.added', 'token.revoked'])
  })

  test.each(['', 'mwt_', `mwt_${'A'.repeat(43)}`, 'x'.repeat(100_000)])('%j is none', async text => {
    expect(await store.apiTokens.find(secret(text))).toBeUndefined()
  })

  test('ends in time, and with its owner: while blocked, and for good when removed', async () => {
    const { token } = await store.apiTokens.add('anna', { name: 'A', scopes: ['read'], endsAt: fixture.now + DAY })
    const { token: lasting } = await store.apiTokens.add('anna', { name: 'B', scopes: ['read'] })
    fixture.now += DAY
    expect(await store.apiTokens.find(token)).toBeUndefined()
    await store.users.block('anna')
    expect(await store.apiTokens.find(lasting)).toBeUndefined()
    await store.users.unblock('anna')
    expect(await store.apiTokens.find(lasting)).toBeDefined()
    await store.users.remove('anna')
    expect(await store.apiTokens.find(lasting)).toBeUndefined()
  })

  test('remembers its last use, once a minute', async () => {
    const { record } = await store.apiTokens.add('anna', { name: 'A', scopes: ['read'] })
    await store.apiTokens.used(record, '192.0.2.1')
    const [used] = (await store.apiTokens.page()).rows
    expect(used).toMatchObject({ usedAt: fixture.now, usedIp: '192.0.2.1' })
    fixture.now += 30_000
    if (used !== undefined) await store.apiTokens.used(used, '192.0.2.1')
    expect((await store.apiTokens.page()).rows[0]?.usedAt).toBe(fixture.now - 30_000)
  })
})

describe('a token that lets others in', () => {
  const refused: readonly (readonly [{ readonly endsAt?: number } & Readonly<Record<string, unknown>>, RegExp])[] = [
    [{ scopes: ['passwords'] }, /end within a year/],
    [{ scopes: ['people', 'read'], endsAt: 367 * DAY, allowFrom: ['192.0.2.0/24'] }, /end within a year/],
    [{ scopes: ['passwords'], endsAt: 91 * DAY }, /name its networks, or end within 90 days/],
    [{ scopes: ['read'], endsAt: -1 }, /in the past/],
    [{ scopes: [] }, /at least one scope/],
    [{ scopes: ['everything'] }, /not a scope/],
    [{ scopes: ['read'], domains: ['no domain'] }, /not a domain/],
    [{ scopes: ['read'], allowFrom: ['everywhere'] }, /everywhere/],
    [{ scopes: ['read'], name: '\u202e' }, /printable/],
  ]
  test.each(refused)('%j is refused', async ({ endsAt, ...input }, message) => {
    const add = store.apiTokens.add('anna', { name: 'A', ...input, ...(endsAt === undefined ? {} : { endsAt: fixture.now + endsAt }) } as never)
    await expect(add).rejects.toMatchObject({ code: 'BAD_INPUT', message: expect.stringMatching(message) })
  })

  test('is made within the bounds', async () => {
    await store.apiTokens.add('anna', { name: 'A', scopes: ['passwords'], endsAt: fixture.now + 90 * DAY })
    await store.apiTokens.add('anna', { name: 'B', scopes: ['people'], endsAt: fixture.now + 365 * DAY, allowFrom: ['192.0.2.0/24'] })
    expect((await store.apiTokens.page()).rows).toHaveLength(2)
  })
})
