import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Secret } from '../../base/secret.ts'
import type { Store } from '../open-store.ts'
import { StoreFixture, secret } from '../store-fixture.ts'

const MINUTE = 60_000
const DAY = 24 * 60 * MINUTE
let fixture: StoreFixture
let store: Store

beforeEach(async () => {
  fixture = new StoreFixture()
  store = await fixture.create()
  await store.users.add({ login: 'anna', name: 'Anna Keller' })
  await store.credentials.setPassword('anna', 'phc 1')
})
afterEach(() => fixture.remove())

const start = (changes: object = {}) =>
  store.portalSessions.start('anna', { stage: 'full', agent: 'Browser', ip: '192.0.2.1', phc: 'phc 1', by: 'password', ...changes })
const signIn = async (changes: object = {}): Promise<Secret> => (await start(changes))?.token ?? expect.fail('not signed in')
const renew = (token: Secret, confirmed = true) => store.portalSessions.renew(token, { confirmed, by: 'password', ip: '192.0.2.1' })

describe('a session', () => {
  test('is found by its token, and not by anything else', async () => {
    const token = await signIn()
    expect(token.reveal().toString()).toMatch(/^[\w-]{43}$/)
    expect(await store.portalSessions.find(token)).toMatchObject({
      stage: 'full',
      agent: 'Browser',
      ip: '192.0.2.1',
      user: { login: 'anna', name: 'Anna Keller' },
    })
    for (const other of ['', 'x', token.reveal().toString().slice(0, 42), 'x'.repeat(100_000)])
      expect(await store.portalSessions.find(secret(other))).toBeUndefined()
  })

  test('is in the store as a hash: what stands there opens nothing', async () => {
    const token = await signIn()
    const { rows } = await fixture.query('select * from portal_sessions')
    expect(JSON.stringify(rows)).not.toContain(token.reveal().toString())
    expect(await store.portalSessions.find(secret(String(rows[0]?.['token_hash'])))).toBeUndefined()
  })

  test('ends twelve hours after it was used last', async () => {
    const token = await signIn()
    fixture.now += 11 * 60 * MINUTE
    expect(await store.portalSessions.find(token)).toBeDefined()
    fixture.now += 11 * 60 * MINUTE
    expect(await store.portalSessions.find(token)).toBeDefined()
    fixture.now += 12 * 60 * MINUTE
    expect(await store.portalSessions.find(token)).toBeUndefined()
  })

  test('ends thirty days after it began, however much it is used and renewed', async () => {
    let token = await signIn()
    for (let day = 0; day < 59; day++) {
      fixture.now += DAY / 2 - 1
      token = (await renew(token)) ?? expect.fail('gone too early')
    }
    fixture.now += DAY / 2
    expect(await renew(token)).toBeUndefined()
    expect(await store.portalSessions.find(token)).toBeUndefined()
  })

  test('is not begun under a password that was changed while it was checked, nor for somebody who was blocked', async () => {
    await store.credentials.setPassword('anna', 'phc 2')
    expect(await start()).toBeUndefined()
    expect(await start({ phc: 'phc 2' })).toBeDefined()
    await store.users.block('anna')
    expect(await start({ phc: 'phc 2' })).toBeUndefined()
    expect((await fixture.query('select * from portal_sessions')).rows).toEqual([])
  })

  test('takes the place of the one that the browser had', async () => {
    const before = await signIn()
    await signIn({ replaces: before })
    expect(await store.portalSessions.find(before)).toBeUndefined()
    expect(await store.portalSessions.list('anna')).toHaveLength(1)
  })

  test('of an agent that would turn or hide text is kept printable and short', async () => {
    await signIn({ agent: `Evil\u202e\n\u001b[2J${'x'.repeat(1000)}` })
    const [session] = await store.portalSessions.list('anna')
    expect(session?.agent).toMatch(/^[\x20-\x7e]{200}$/)
  })

  test('of fifty-one the one used longest ago gives way', async () => {
    const first = await signIn()
    for (let n = 0; n < 50; n++) {
      fixture.now += 1
      await signIn()
    }
    expect(await store.portalSessions.find(first)).toBeUndefined()
    expect(await store.portalSessions.list('anna')).toHaveLength(50)
  })
})

describe('the second step', () => {
  test('is due within ten minutes, and until then the session is not in the list', async () => {
    const token = await signIn({ stage: 'second' })
    expect(await store.portalSessions.find(token)).toMatchObject({ stage: 'second', isConfirmed: false })
    expect(await store.portalSessions.list('anna')).toEqual([])
    fixture.now += 10 * MINUTE
    expect(await store.portalSessions.find(token)).toBeUndefined()
    expect(await renew(token)).toBeUndefined()
  })

  test('gives the session a new token, and is what the audit calls a sign-in', async () => {
    const token = await signIn({ stage: 'second' })
    expect(await store.audit.list({ action: 'user.signed-in' })).toEqual([])
    const full = (await renew(token)) ?? expect.fail('gone')
    expect(await store.portalSessions.find(token)).toBeUndefined()
    expect(await store.portalSessions.find(full)).toMatchObject({ stage: 'full', isConfirmed: true })
    expect(await store.audit.list({ action: 'user.signed-in' })).toMatchObject([{ subject: 'anna', after: { by: 'password', ip: '192.0.2.1' } }])
  })
})

describe('a confirmation', () => {
  test('holds for five minutes, and not after the clock was set back', async () => {
    const token = await signIn()
    fixture.now += 5 * MINUTE - 1
    expect((await store.portalSessions.find(token))?.isConfirmed).toBe(true)
    fixture.now += 1
    expect((await store.portalSessions.find(token))?.isConfirmed).toBe(false)
    const fresh = (await renew(token)) ?? expect.fail('gone')
    expect((await store.portalSessions.find(fresh))?.isConfirmed).toBe(true)
    fixture.now -= 60 * MINUTE
    expect((await store.portalSessions.find(fresh))?.isConfirmed).toBe(false)
  })

  test('that comes twice with one token renews once: the second finds nobody signed in', async () => {
    const token = await signIn()
    const other = await fixture.open()
    const renewed = await Promise.all([store, other].map(one => one.portalSessions.renew(token, { confirmed: true, by: 'password', ip: '192.0.2.1' })))
    expect(renewed.filter(one => one !== undefined)).toHaveLength(1)
  })

  test('is not made by a change of a factor', async () => {
    const token = await signIn()
    fixture.now += 6 * MINUTE
    const fresh = (await renew(token, false)) ?? expect.fail('gone')
    expect((await store.portalSessions.find(fresh))?.isConfirmed).toBe(false)
  })
})

describe('ending', () => {
  test('one of one’s own, never another person’s', async () => {
    await store.users.add({ login: 'bert' })
    const token = await signIn()
    const session = (await store.portalSessions.find(token)) ?? expect.fail('not found')
    await expect(store.portalSessions.end('bert', session.id)).rejects.toMatchObject({ code: 'NOT_FOUND' })
    await store.portalSessions.end('anna', session.id)
    expect(await store.portalSessions.find(token)).toBeUndefined()
  })

  test('all others, by hand and by a new password', async () => {
    const [here, there] = [await signIn(), await signIn()]
    const session = (await store.portalSessions.find(here)) ?? expect.fail('not found')
    expect(await store.portalSessions.endOthers('anna', session.id)).toBe(1)
    expect(await store.portalSessions.find(there)).toBeUndefined()
    const third = await signIn()
    await store.credentials.setPassword('anna', 'phc 2', { except: session.id })
    expect(await store.portalSessions.find(third)).toBeUndefined()
    expect(await store.portalSessions.find(here)).toBeDefined()
  })

  test('by signing out', async () => {
    const token = await signIn()
    await store.portalSessions.leave(token)
    expect(await store.portalSessions.find(token)).toBeUndefined()
  })

  test('with the person', async () => {
    await signIn()
    await store.users.remove('anna')
    expect((await fixture.query('select * from portal_sessions')).rows).toEqual([])
  })
})
