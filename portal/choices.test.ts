/**
 * Every choice of every form: what is none of those that the page offers is told, and nothing is changed. No form of ours sends it; who does so by hand, or
 * by an old page, hears that it was not understood.
 */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { links } from './links.ts'
import { OFFICE, PortalFixture, type TestBrowser } from './portal-fixture.ts'

let fixture: PortalFixture
let anna: TestBrowser
let device: string
let changes = 0
beforeAll(async () => {
  fixture = await PortalFixture.open()
  await fixture.addAdministrator()
  await fixture.addPerson('mina', { rights: { use: true } })
  device = (await fixture.store.devices.add(OFFICE, { name: 'Tablet', user: 'mina' })).device.id
  anna = await fixture.signedIn('anna')
  fixture.around = async (_, act) => {
    const result = await act()
    changes += 1
    return result
  }
})
afterAll(() => fixture.remove())

/** Those with something to choose; each is looked at for what it offers. */
const PAGES = [
  links.addDevice(OFFICE),
  ':device',
  ':device/password',
  links.removeUser(OFFICE, 'mina'),
  links.mailboxUsers(OFFICE),
  links.mailboxSettings(OFFICE),
  links.addMailbox('example.test'),
  links.addUser(OFFICE),
  links.addInvitation,
  links.addPerson,
  links.managers,
  links.person('mina'),
  links.personNewStart('mina'),
  links.personRemove('mina'),
  links.account,
  links.addToken,
]

interface FormOnPage {
  readonly action: string
  /** As they stand there. */
  readonly fields: readonly (readonly [name: string, value: string])[]
  readonly choices: readonly string[]
  readonly boxes: readonly string[]
}

const plain = (text: string) => text.replaceAll('&amp;', '&').replaceAll('&quot;', '"')
const attribute = (tag: string, name: string) => plain(new RegExp(` ${name}="([^"]*)"`).exec(tag)?.[1] ?? '')

function formsOn(page: string): FormOnPage[] {
  return [...page.matchAll(/<form[^>]* method="post"[^>]*>.*?<\/form>|<form method="post"[^>]*>.*?<\/form>/gs)].map(([form]) => {
    const inputs = [...form.matchAll(/<input[^>]*>/g)].map(([tag]) => ({ name: attribute(tag, 'name'), type: attribute(tag, 'type'), tag }))
    const radios = inputs.filter(({ type }) => type === 'radio')
    const boxes = inputs.filter(({ type, tag }) => type === 'checkbox' && !tag.includes(' disabled'))
    const isSent = ({ type, tag }: (typeof inputs)[number]) => (type !== 'radio' && type !== 'checkbox') || tag.includes(' checked')
    const selects = [...form.matchAll(/<select[^>]* name="([^"]*)"[^>]*>(.*?)<\/select>/gs)].map(([, name = '', options = '']) => {
      const chosen = /<option value="([^"]*)"[^>]* selected/.exec(options) ?? /<option value="([^"]*)"/.exec(options)
      return [name, plain(chosen?.[1] ?? '')] as const
    })
    const areas = [...form.matchAll(/<textarea[^>]* name="([^"]*)"[^>]*>\n?(.*?)<\/textarea>/gs)].map(
      ([, name = '', text = '']) => [name, plain(text)] as const,
    )
    return {
      action: attribute(form, 'action'),
      fields: [...inputs.filter(isSent).map(({ name, tag }) => [name, attribute(tag, 'value')] as const), ...selects, ...areas],
      choices: [...new Set([...radios.map(({ name }) => name), ...selects.map(([name]) => name)])],
      boxes: boxes.map(({ name }) => name),
    }
  })
}

/** What a form needs before a choice of it counts. */
const NEEDED: Readonly<Record<string, string>> = {
  name: 'Something',
  login: 'somebody',
  person: 'somebody',
  mailbox: OFFICE,
  address: 'new@example.test',
  secret: 'x',
}
/** A field that counts only with another choice. */
const WITH: Readonly<Record<string, Readonly<Record<string, string>>>> = { person: { user: 'person', who: 'person' } }

let looked = 0

test.each(PAGES)('%s', async path => {
  const page = await anna.get(path.replace(':device', links.device(OFFICE, device)))
  expect(page.status).toBe(200)
  for (const { action, fields, choices, boxes } of formsOn(page.text))
    for (const name of [...choices, ...boxes]) {
      const sent = Object.fromEntries(fields.map(([field, value]) => [field, value === '' ? (NEEDED[field] ?? '') : value]))
      const before = changes
      const answer = await anna.post(action, { ...sent, ...WITH[name], [name]: 'nonsense' })
      const what = `${action} ${name}`
      expect([what, [400, 422].includes(answer.status), changes - before]).toEqual([what, true, 0])
      if (answer.status === 422) expect([what, answer.text.includes(`id="${name}-error"`)]).toEqual([what, true])
      looked += 1
    }
})

test('many were looked at', () => {
  expect(looked).toBeGreaterThan(30)
})

test('the app of an invitation', async () => {
  const { token } = await fixture.store.invitations.add({ kind: 'device', mailbox: OFFICE, by: 'anna' })
  const answer = await fixture.browser().post(`/i/${token?.reveal().toString()}`, { name: 'Phone', app: 'nonsense' })
  expect(answer.status).toBe(422)
  expect(answer.text).toContain('id="app-error"')
})
