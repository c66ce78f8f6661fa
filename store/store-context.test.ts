import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Store } from './open-store.ts'
import { StoreFixture, secret } from './store-fixture.ts'

const ADDRESS = 'anna@example.com'

let fixture: StoreFixture
let store: Store

beforeEach(async () => {
  fixture = new StoreFixture()
  store = await fixture.create()
  await store.mailboxes.add({ address: ADDRESS, upstream: 'main', secret: secret('upstream/marker+context') })
})

afterEach(() => fixture.remove())

const generation = async (): Promise<number> => Number((await fixture.query('select value from generation')).rows[0]?.['value'])

test('a change is recorded as that of the actor it was asked for', async () => {
  const anna = store.as({ name: 'anna', source: 'portal, session 4' })
  await anna.users.add({ login: 'zoe' })
  await store.users.add({ login: 'karl' })
  const entries = (await store.audit.list({ action: 'user.added' })).map(({ actor, source, subject }) => [actor, source, subject])
  expect(entries).toEqual([
    ['anna', 'portal, session 4', 'zoe'],
    ['root', 'cli', 'karl'],
  ])
})

describe('one change of several nouns', () => {
  test('is seen as a whole, at one time, with one move of the generation', async () => {
    const { device } = await store.devices.add(ADDRESS, { name: 'phone' })
    const before = await generation()
    const seen = await store.change(async nouns => {
      await nouns.devices.set(device.id, { scopes: ['imap'] })
      fixture.now += 1_000
      await nouns.sending.set({ device: device.id }, { recipientsPerDay: 5 })
      return (await nouns.devices.get(device.id)).scopes
    })
    expect(seen).toEqual(['imap'])
    expect(await generation()).toBe(before + 1)
    const [changed, sending] = (await store.audit.list({ device: device.id })).slice(-2)
    expect([changed?.action, sending?.action]).toEqual(['device.changed', 'device.sending'])
    expect(changed?.at).toBe(sending?.at)
  })

  test('is undone when its last part fails', async () => {
    const audit = (await store.audit.list()).length
    const wrong = store.change(async nouns => {
      await nouns.users.add({ login: 'zoe' })
      await nouns.sending.set({ mailbox: ADDRESS }, { recipientsPerDay: 0 })
    })
    await expect(wrong).rejects.toMatchObject({ code: 'BAD_INPUT' })
    expect(await store.users.find('zoe')).toBeUndefined()
    expect(await store.audit.list()).toHaveLength(audit)
  })

  test('is undone when a part failed half-way, even if the error was caught', async () => {
    const wrong = store.change(async nouns => {
      await nouns.users.add({ login: 'zoe' })
      await nouns.devices.revoke(['nobody@example.com/phone']).catch(() => undefined)
    })
    await expect(wrong).rejects.toMatchObject({ code: 'NOT_FOUND' })
    expect(await store.users.find('zoe')).toBeUndefined()
  })

  test('goes on after a question whose answer is that there is nothing', async () => {
    await store.change(async nouns => {
      await expect(nouns.mailboxes.get('nobody@example.com')).rejects.toMatchObject({ code: 'NOT_FOUND' })
      await nouns.users.add({ login: 'zoe' })
    })
    expect(await store.users.find('zoe')).toBeDefined()
  })

  test('waits for the one before it, and the store goes on after one that failed', async () => {
    const names = ['zoe', 'karl', 'ivo']
    const [first, second, third] = await Promise.allSettled(
      names.map((login, index) =>
        store.change(async nouns => {
          const before = (await nouns.users.list()).length
          await nouns.users.add({ login })
          if (index === 1) throw new Error('no')
          return before
        }),
      ),
    )
    expect([first, second?.status, third]).toEqual([{ status: 'fulfilled', value: 0 }, 'rejected', { status: 'fulfilled', value: 1 }])
  })
})
