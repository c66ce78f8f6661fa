/** A device that is disconnected gets no new password: an old link or an open tab leads to its page. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import { OFFICE, PortalFixture } from '../../portal-fixture.ts'

let fixture: PortalFixture

beforeEach(async () => {
  fixture = await PortalFixture.open()
  await fixture.addAdministrator()
})
afterEach(() => fixture.remove())

test('the form of a device that was disconnected meanwhile, and its page, lead to the device', async () => {
  const anna = await fixture.signedIn('anna')
  const devices = `/m/${encodeURIComponent(OFFICE)}/devices`
  const made = await anna.submit(`${devices}/new`, devices, { name: 'Phone', user: 'none', scope: 'both', ends: 'never' })
  const device = made.to.replace(/\/shown$/, '')
  const open = (await anna.get(`${device}/password`)).hidden(`${device}/password`)
  await anna.submit(`${device}/disconnect`, `${device}/disconnect`, {})
  for (const answer of [await anna.post(`${device}/password`, open), await anna.get(`${device}/password`), await anna.get(`${device}/password?way=own`)])
    expect([answer.status, answer.to]).toEqual([303, device])
})
