/** The page that shows a password sends it back for the profile; another password, or one of another device, gets none. */
import { parse } from 'plist'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { OFFICE, PortalFixture, type TestBrowser } from '../../portal-fixture.ts'

let fixture: PortalFixture
let anna: TestBrowser

beforeEach(async () => {
  fixture = await PortalFixture.open()
  await fixture.addAdministrator()
  anna = await fixture.signedIn('anna')
})
afterEach(() => fixture.remove())

async function addDevice(scope: 'both' | 'read' | 'send' = 'both', name = 'Phone') {
  const made = await anna.submit(`/m/${encodeURIComponent(OFFICE)}/devices/new`, `/m/${encodeURIComponent(OFFICE)}/devices`, {
    name,
    user: 'none',
    scope,
    ends: 'never',
  })
  const page = await anna.get(made.to)
  const action = made.to.replace(/shown$/, 'profile')
  return { page, action, fields: page.text.includes(action) ? page.hidden(action) : {} }
}

interface Profile {
  readonly PayloadContent: readonly Readonly<Record<string, unknown>>[]
}

test('the form of the page gets a profile with the settings that the page shows, and the same password twice', async () => {
  const { page, action, fields } = await addDevice()
  const answer = await anna.post(action, fields)
  expect(answer.status).toBe(200)
  expect(answer.headers.get('content-type')).toBe('application/x-apple-aspen-config')
  expect(answer.headers.get('content-disposition')).toMatch(/^attachment; filename=".*\.mobileconfig"$/)
  expect(answer.headers.get('cache-control')).toBe('no-store')
  const [mail] = (parse(answer.text) as unknown as Profile).PayloadContent
  expect(mail).toMatchObject({ IncomingPassword: fields.password, OutgoingPassword: fields.password, IncomingMailServerUsername: OFFICE })
  for (const name of ['IncomingMailServerHostName', 'IncomingMailServerPortNumber', 'OutgoingMailServerHostName', 'OutgoingMailServerPortNumber'])
    expect(page.text).toContain(String(mail?.[name]))
  expect(fixture.logged.map(line => JSON.stringify(line)).join('\n')).not.toContain(fields.password)
})

test('a password that is not this device’s gets none', async () => {
  const [phone, tablet] = [await addDevice(), await addDevice('both', 'Tablet')]
  for (const password of [tablet.fields.password ?? '', 'wrong', '']) {
    const answer = await anna.post(phone.action, { ...phone.fields, password })
    expect([password, answer.status, answer.headers.get('content-type')]).toEqual([password, 303, null])
  }
})

test('a device that may not send gets no password for it; one that only sends has no form, and no profile', async () => {
  const reads = await addDevice('read')
  const [mail] = (parse((await anna.post(reads.action, reads.fields)).text) as unknown as Profile).PayloadContent
  expect(mail).toMatchObject({ IncomingPassword: reads.fields.password, OutgoingMailServerAuthentication: 'EmailAuthNone' })
  expect(mail).not.toHaveProperty('OutgoingPassword')
  const sends = await addDevice('send', 'Printer')
  expect(sends.page.status).toBe(200)
  expect(sends.page.text).not.toContain(sends.action)
})
