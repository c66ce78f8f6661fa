import { afterEach, beforeEach, expect, test } from 'vitest'
import { Secret } from '../../base/secret.ts'
import { StoreFixture } from '../../store/store-fixture.ts'
import { makeFormToken, readFormToken } from './form-token.ts'
import { openForm, openShownPassword, sealForm, sealShownPassword } from './sealed-values.ts'

const MINUTE = 60_000
let fixture: StoreFixture
beforeEach(() => {
  fixture = new StoreFixture()
})
afterEach(() => fixture.remove())

test('a shown password opens for two minutes, for its session and its device alone', () => {
  const shownFor = { session: 's1', device: 'd1' }
  const cookie = sealShownPassword(fixture.keyring, Secret.fromText('k7mq-x2pd-9rtf-h4wz-c8nb'), shownFor, fixture.now)
  const open = (changes: object = {}, now = fixture.now) =>
    openShownPassword(fixture.keyring, cookie, { ...shownFor, ...changes }, now)
      ?.reveal()
      .toString()
  expect(cookie.length).toBeLessThan(4000)
  expect(open()).toBe('k7mq-x2pd-9rtf-h4wz-c8nb')
  for (const changes of [{ session: 's2' }, { device: 'd2' }, { session: 'd1', device: 's1' }]) expect(open(changes)).toBeUndefined()
  expect(open({}, fixture.now + 2 * MINUTE)).toBeUndefined()
  expect(openForm(fixture.keyring, cookie, { session: 's1', route: 'd1' }, fixture.now)).toBeUndefined()
})

test('the longest password that may be chosen fits', () => {
  const longest = Secret.fromText('x'.repeat(128))
  expect(sealShownPassword(fixture.keyring, longest, { session: 's', device: 'd' }, fixture.now).length).toBeLessThan(4000)
})

test('a form waits ten minutes for a confirmation, with its fields as they were', () => {
  const place = { session: 's1', route: 'POST /m/office@example.com/devices' }
  const fields = { name: 'Zoë’s phone', scopes: ['imap', 'smtp'], note: '<script>' }
  const blob = sealForm(fixture.keyring, fields, place, fixture.now)
  expect(openForm(fixture.keyring, blob, place, fixture.now + 10 * MINUTE - 1)).toEqual(fields)
  expect(openForm(fixture.keyring, blob, place, fixture.now + 10 * MINUTE)).toBeUndefined()
  expect(openForm(fixture.keyring, blob, { ...place, route: 'POST /people' }, fixture.now)).toBeUndefined()
  expect(openForm(fixture.keyring, blob, { ...place, session: '' }, fixture.now)).toBeUndefined()
})

test('a form’s token is taken once, for its session and route, within an hour', async () => {
  const store = await fixture.create()
  const place = { session: 's1', route: 'POST /people' }
  const [first, second] = [makeFormToken(fixture.keyring, place, fixture.now), makeFormToken(fixture.keyring, place, fixture.now)]
  for (const other of [{ session: 's2' }, { route: 'POST /tokens' }])
    expect(readFormToken(fixture.keyring, first, { ...place, ...other }, fixture.now)).toBeUndefined()
  expect(readFormToken(fixture.keyring, first, place, fixture.now + 60 * MINUTE)).toBeUndefined()
  expect(readFormToken(fixture.keyring, `${first}A`, place, fixture.now)).toBeUndefined()
  const take = (token: string) => store.once.take(readFormToken(fixture.keyring, token, place, fixture.now) ?? expect.fail('no token'))
  expect(await take(first)).toEqual({ is: 'fresh' })
  expect(await take(first)).toEqual({ is: 'done', result: null })
  expect(await take(second)).toEqual({ is: 'fresh' })
  // One that is read in its last moment is still known as taken when it cannot be read any more.
  fixture.now += 60 * MINUTE - 1
  expect(await take(first)).toMatchObject({ is: 'done' })
})
