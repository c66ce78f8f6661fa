/** Whom an administrator can make a manager. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import { PortalFixture } from '../../portal-fixture.ts'

let fixture: PortalFixture

beforeEach(async () => {
  fixture = await PortalFixture.open()
  await fixture.addAdministrator()
})
afterEach(() => fixture.remove())

test('oneself is not offered as a manager: the change would sign one out', async () => {
  const anna = await fixture.signedIn('anna')
  await anna.submit('/people/+new', '/people', { login: 'carl', name: 'Carl', role: 'none' })
  const page = await anna.get('/services/managers')
  expect(page.text).toContain('<option value="carl"')
  expect(page.text).not.toContain('<option value="anna"')
})
