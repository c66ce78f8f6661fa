import { afterEach, beforeEach, expect, test } from 'vitest'
import { secret } from '../../../store/store-fixture.ts'
import { PASSWORD, PortalFixture } from '../../portal-fixture.ts'

let fixture: PortalFixture
beforeEach(async () => {
  fixture = await PortalFixture.open()
  await fixture.addAdministrator()
})
afterEach(() => fixture.remove())

const linkedIn = (text: string): string[] =>
  [...text.matchAll(/href="\/services\/([^"/]+)"/g)].map(([, domain = '']) => domain).filter(domain => domain !== 'managers')

test('a domain is there before it has a mailbox: the first one is added from it', async () => {
  fixture.domains = ['example.test', 'other.test', 'new.test', 'xn--msicos-pya.test']
  const anna = await fixture.signedIn('anna')
  const { text } = await anna.get('/services')
  expect(linkedIn(text)).toEqual(['example.test', 'other.test', 'new.test', 'xn--msicos-pya.test'])
  expect(text).toContain('4 domains')
  expect((await anna.get('/services/new.test')).text).toContain('href="/services/new.test/new"')
  expect(linkedIn((await anna.get('/services?q=músicos')).text)).toEqual(['xn--msicos-pya.test'])
})

test('a manager sees the empty domain that is theirs, and no other', async () => {
  fixture.domains = ['example.test', 'other.test', 'new.test', 'newer.test']
  await fixture.addPerson('karim')
  await fixture.store.roles.grant('karim', { role: 'manager', domain: 'newer.test' })
  const karim = await fixture.signedIn('karim')
  expect(linkedIn((await karim.get('/services')).text)).toEqual(['newer.test'])
  const form = await karim.get('/services/newer.test/new')
  const answer = await karim.post('/services/newer.test/new', { ...form.hidden('/services/newer.test/new'), address: 'a@new.test', secret: PASSWORD })
  expect(answer.text).toContain('The address must end with @newer.test.')
})

test('without any domain the first mailbox is added all the same, in whatever domain it is', async () => {
  fixture.domains = []
  for (const { address } of await fixture.store.mailboxes.list()) await fixture.store.mailboxes.remove(address)
  const anna = await fixture.signedIn('anna')
  const { text } = await anna.get('/services')
  expect(text).toContain('No mail service yet')
  const to = /href="(\/services\/[^"]+\/new)"/.exec(text)?.[1] ?? ''
  expect(to).toBe('/services/example.test/new')
  const form = await anna.get(to)
  const answer = await anna.post(to, { ...form.hidden(to), address: 'office@another.test', server: 'main', secret: '' })
  // The domain is no reason; that the password there is missing is one.
  expect(answer.text).toContain('This is needed.')
  expect(answer.text).not.toContain('must end with')
})

test('a mailbox is one’s own by its address, an alias, its first part, or when nobody else has anything to do with it', async () => {
  for (const address of ['info@example.test', 'carl@example.test', 'carl.alone@example.test', 'team@example.test'])
    await fixture.store.mailboxes.add({ address, upstream: 'main', secret: secret('upstream/marker+case') })
  await fixture.store.aliases.add('info@example.test', 'mina@example.test')
  for (const login of ['mina@example.test', 'carl', 'other']) await fixture.addPerson(login)
  const give = (login: string, address: string) => fixture.store.rights.set(login, address, { use: true })
  for (const [login, address] of [
    ['mina@example.test', 'info@example.test'],
    ['other', 'info@example.test'],
    ['mina@example.test', 'team@example.test'],
    ['carl', 'team@example.test'],
    ['carl', 'carl@example.test'],
    ['other', 'carl@example.test'],
    ['carl', 'carl.alone@example.test'],
  ] as const)
    await give(login, address)
  const told = async (login: string) =>
    [...(await (await fixture.signedIn(login)).get('/mailboxes')).text.matchAll(/<bdi>([^<]*)<\/bdi><\/a><\/h2><p class="small muted">([^<]*)</g)].map(
      ([, address, whose]) => [address, whose],
    )
  expect(await told('mina@example.test')).toEqual([
    ['info@example.test', 'Yours'],
    ['team@example.test', 'Shared with you'],
  ])
  expect(await told('carl')).toEqual([
    ['carl.alone@example.test', 'Yours'],
    ['carl@example.test', 'Yours'],
    ['team@example.test', 'Shared with you'],
  ])
  expect((await told('anna')).every(([, whose]) => whose === 'You look after it')).toBe(true)
})
