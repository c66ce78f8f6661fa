import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { OFFICE, PASSWORD, PortalFixture, type TestBrowser } from '../../portal-fixture.ts'

const form = '/m/office%40example.test/devices/new'
const action = '/m/office%40example.test/devices'
let fixture: PortalFixture
let anna: TestBrowser

beforeEach(async () => {
  fixture = await PortalFixture.open()
  await fixture.addAdministrator()
  anna = await fixture.signedIn('anna')
})
afterEach(() => fixture.remove())

const passwordOn = (text: string): string => (/<output class="pw[^>]*>(.*?)<\/output>/s.exec(text)?.[1] ?? '').replace(/<[^>]*>/g, '')
const add = (browser: TestBrowser, name = 'Front desk tablet', fields: Record<string, string> = {}) =>
  browser.submit(form, action, { name, user: 'none', scope: 'both', ends: 'never', ...fields })

describe('making a password', () => {
  test('it is shown once, on a page of its own, which nobody keeps', async () => {
    const made = await add(anna)
    expect(made.status).toBe(303)
    expect(made.to).toMatch(/^\/m\/office%40example\.test\/devices\/[0-9a-z]{16}\/shown$/)
    const shown = await anna.get(made.to)
    expect(shown.headers.get('cache-control')).toBe('no-store')
    expect(passwordOn(shown.text)).toMatch(/^[a-z0-9]{4}(-[a-z0-9]{4}){4}$/)
    const again = await anna.get(made.to)
    expect(again.text).toContain('That password was shown once')
    expect(again.text).not.toContain(passwordOn(shown.text))
  })

  test('the password is the one that a mail app logs in with', async () => {
    const shown = await anna.get((await add(anna)).to)
    const node = await fixture.files.openNode()
    const found = await node.findLogin(OFFICE, (await import('../../../base/secret.ts')).Secret.fromText(passwordOn(shown.text)))
    expect(found).toBeDefined()
    await node.close()
  })

  test('a double click makes one device, and leads to its page without a secret', async () => {
    const { hidden } = await anna.get(form)
    const fields = { ...hidden(action), name: 'Tablet', user: 'none', scope: 'both', ends: 'never' }
    const first = await anna.post(action, fields)
    const shown = passwordOn((await anna.get(first.to)).text)
    const second = await anna.post(action, fields)
    expect(second.to).toBe(first.to)
    const page = await anna.get(second.to)
    expect(page.text).toContain('That password was shown once')
    expect(page.text).not.toContain(shown)
    expect(await fixture.store.devices.count({ mailbox: OFFICE })).toBe(1)
  })

  test('two clicks at the same moment make one device', async () => {
    const { hidden } = await anna.get(form)
    const fields = { ...hidden(action), name: 'Tablet', user: 'none', scope: 'both', ends: 'never' }
    const answers = await Promise.all([anna.post(action, fields), anna.post(action, fields)])
    expect(answers.map(({ status }) => status)).toEqual([303, 303])
    expect(new Set(answers.map(({ to }) => to)).size).toBe(1)
    expect(await fixture.store.devices.count({ mailbox: OFFICE })).toBe(1)
  })

  test('without a confirmation it is asked for once, and the form is carried out then', async () => {
    fixture.passConfirmation()
    const asked = await add(anna)
    expect(asked.text).toContain('Confirm it is you')
    expect(await fixture.store.devices.count({ mailbox: OFFICE })).toBe(0)
    const wrong = await anna.post('/confirm', { ...asked.hidden('/confirm'), password: 'not it' })
    expect(wrong.status).toBe(422)
    const done = await anna.post('/confirm', { ...wrong.hidden('/confirm'), password: PASSWORD })
    expect(done.to).toMatch(/\/shown$/)
    expect(passwordOn((await anna.get(done.to)).text)).not.toBe('')
    expect((await add(anna, 'Another')).to).toMatch(/\/shown$/)
  })

  test('what is wrong is said before anybody is asked who they are', async () => {
    await add(anna, 'Tablet')
    fixture.passConfirmation()
    const taken = await add(anna, 'TABLET')
    expect(taken).toMatchObject({ status: 422 })
    expect(taken.text).toContain('There is already a device called “TABLET” in this mailbox.')
    const past = await add(anna, 'Late', { ends: 'date', date: '2020-01-01', networks: 'office' })
    expect(past.text).toContain('This day is over already.')
    expect(past.text).toContain('“office” is not a network.')
    expect(past.text).toContain('value="Late"')
  })
})
