import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { SignInLimiter } from '../portal/sign-in/sign-in-limiter.ts'
import type { Store } from '../store/open-store.ts'
import { StoreFixture } from '../store/store-fixture.ts'
import { readIdempotencyKey } from './idempotency-key.ts'
import { RequestRate } from './request-rate.ts'
import { findTokenActor } from './token-access.ts'

let fixture: StoreFixture
let store: Store

beforeEach(async () => {
  fixture = new StoreFixture()
  store = await fixture.create()
  await store.users.add({ login: 'anna' })
})
afterEach(() => fixture.remove())

const services = () => ({
  store,
  limiter: new SignInLimiter({ attempts: store.signInAttempts, trusted: () => [], now: fixture.clock }),
  rate: new RequestRate({ now: fixture.clock, terms: { burst: 3, perSecond: 1 } }),
})
const make = async (input: object = {}) => (await store.apiTokens.add('anna', { name: 'A', scopes: ['read'], ...input })).token.reveal().toString()
const find = (authorization: string | undefined, ip = '192.0.2.1') => findTokenActor(services(), authorization, ip)

describe('a token', () => {
  test('speaks for its owner, for as much as it says, and says in the audit which one it is', async () => {
    const token = await make({ domains: ['example.com'] })
    const access = await find(`Bearer ${token}`)
    const { id } = await store.users.get('anna')
    expect(access).toMatchObject({
      is: 'token',
      actor: { kind: 'token', user: id, login: 'anna', scopes: ['read'], domains: ['example.com'], source: `api 192.0.2.1 ${token.slice(0, 10)}…` },
    })
    expect((await store.apiTokens.page()).rows[0]).toMatchObject({ usedAt: fixture.now, usedIp: '192.0.2.1' })
    expect(await find(`bearer ${token}`)).toMatchObject({ is: 'token' })
  })

  test('counts from its networks alone', async () => {
    const token = await make({ allowFrom: ['192.0.2.0/24', '2001:db8::/32'] })
    expect(await find(`Bearer ${token}`)).toMatchObject({ is: 'token' })
    expect(await find(`Bearer ${token}`, '2001:db8::1')).toMatchObject({ is: 'token' })
    expect(await find(`Bearer ${token}`, '198.51.100.1')).toEqual({ is: 'unknown' })
  })

  test('of any other form is none', async () => {
    const token = await make()
    for (const header of [
      undefined,
      '',
      token,
      `Basic ${token}`,
      `Bearer  ${token}`,
      `Bearer ${token} `,
      `Bearer ${token}x`,
      `Bearer mwt_${'A'.repeat(43)}`,
      `Bearer ${'x'.repeat(100_000)}`,
    ])
      expect(await find(header), String(header).slice(0, 60)).toEqual({ is: 'unknown' })
  })

  test('that is guessed counts for the block, as wrong passwords do', async () => {
    const token = await make()
    // Some more than a hundred: fingerprints have 16 bits, and two of so many guesses may share one.
    for (let n = 0; n < 110; n++) await find(`Bearer mwt_${String(n).padStart(43, 'A')}`)
    expect(await find(`Bearer ${token}`)).toEqual({ is: 'limited', retryAfterSeconds: 3600 })
    expect(await find(`Bearer ${token}`, '192.0.2.2')).toMatchObject({ is: 'token' })
  })

  test('that asks too often waits, and others do not', async () => {
    const [token, other] = [await make(), await make()]
    const one = services()
    const ask = (which: string) => findTokenActor(one, `Bearer ${which}`, '192.0.2.1')
    for (let n = 0; n < 3; n++) expect(await ask(token)).toMatchObject({ is: 'token' })
    expect(await ask(token)).toEqual({ is: 'limited', retryAfterSeconds: 1 })
    expect(await ask(other)).toMatchObject({ is: 'token' })
    fixture.now += 1000
    expect(await ask(token)).toMatchObject({ is: 'token' })
    expect(await ask(token)).toMatchObject({ is: 'limited' })
  })

  test('of somebody who is blocked is unknown at once', async () => {
    const token = await make()
    await store.users.block('anna')
    expect(await find(`Bearer ${token}`)).toEqual({ is: 'unknown' })
  })
})

test('an Idempotency-Key is that of one token, and of one request', () => {
  const request = { token: 't1', method: 'POST', path: '/api/v1/mailboxes', body: Buffer.from('{}') }
  const key = readIdempotencyKey('k', request)
  expect(readIdempotencyKey('k', request)).toEqual(key)
  expect(readIdempotencyKey('k', { ...request, token: 't2' })?.hash).not.toBe(key?.hash)
  for (const other of [{ body: Buffer.from('{ }') }, { path: '/api/v1/people' }, { method: 'PUT' }]) {
    const changed = readIdempotencyKey('k', { ...request, ...other })
    expect(changed?.hash).toBe(key?.hash)
    expect(changed?.request).not.toBe(key?.request)
  }
  for (const bad of ['', 'a b', 'x'.repeat(256), 'ü', 'a\nb']) expect(readIdempotencyKey(bad, request)).toBeUndefined()
})
