import { afterEach, beforeEach, expect, test } from 'vitest'
import { Secret } from '../../base/secret.ts'
import { acceptDevice, acceptStart, openInvitation } from './invitation-links.ts'
import { signInWithPassword } from './sign-in.ts'
import { PASSWORD, SignInFixture } from './sign-in-fixture.ts'

const secret = Secret.fromText
let fixture: SignInFixture

beforeEach(async () => {
  fixture = new SignInFixture()
  await fixture.open()
  await fixture.store.mailboxes.add({ address: 'office@example.com', upstream: 'main' })
  await fixture.store.users.add({ login: 'anna', name: 'Anna Keller, of the office' })
})
afterEach(() => fixture.remove())

const start = async () => (await fixture.store.invitations.add({ kind: 'start', user: 'anna' })).token ?? expect.fail('no link')

test('a start link sets a password that is good enough, once, and then one signs in with it', async () => {
  const token = await start()
  for (const bad of ['short', 'x'.repeat(12), 'x'.repeat(1000), 'Anna Keller, of the office', 'k7mq-x2pd-9rtf-h4wz-c8nb', 'a line\nand another'])
    await expect(acceptStart(fixture.services, token, secret(bad), fixture.client()), bad).rejects.toMatchObject({ code: 'BAD_INPUT' })
  expect(await acceptStart(fixture.services, token, secret(PASSWORD), fixture.client())).toEqual({ is: 'accepted', login: 'anna' })
  expect(await acceptStart(fixture.services, token, secret('another password'), fixture.client())).toEqual({ is: 'gone' })
  expect(await signInWithPassword(fixture.services, { login: 'anna', password: secret(PASSWORD) }, fixture.client())).toMatchObject({ is: 'signed-in' })
})

test('a start link that two browsers send at once sets one password', async () => {
  const token = await start()
  const other = fixture.servicesOver(await fixture.files.open())
  const both = await Promise.all([
    acceptStart(fixture.services, token, secret('the first password'), fixture.client()),
    acceptStart(other, token, secret('the second password'), fixture.client()),
  ])
  expect(both.map(({ is }) => is).sort()).toEqual(['accepted', 'gone'])
})

test('opening counts and uses nothing up; accepting is audited as whose it is', async () => {
  const { token } = await fixture.store.invitations.add({ kind: 'device', mailbox: 'office@example.com', user: 'anna' })
  const link = token ?? expect.fail('no link')
  for (let n = 1; n <= 3; n++) expect(await openInvitation(fixture.services, link, fixture.client())).toMatchObject({ is: 'open', invitation: { opened: n } })
  expect(await acceptDevice(fixture.services, link, { user: null, name: 'Phone' }, fixture.client())).toEqual({ is: 'other' })
  expect(await acceptDevice(fixture.services, link, { user: 'anna', name: 'Phone' }, fixture.client())).toMatchObject({ is: 'accepted' })
  expect(await fixture.store.audit.list({ action: 'invitation.accepted' })).toMatchObject([{ actor: 'anna', source: 'portal 192.0.2.1' }])
})

test('a block that tries links is closed, like one that guesses passwords; a dead link opened again and again counts once', async () => {
  const live = await start()
  const dead = secret('A'.repeat(43))
  for (let n = 0; n < 150; n++) expect(await openInvitation(fixture.services, dead, fixture.client())).toEqual({ is: 'gone' })
  for (let n = 0; n < 99; n++) await openInvitation(fixture.services, secret(String(n).padStart(43, 'B')), fixture.client())
  expect(await openInvitation(fixture.services, live, fixture.client())).toMatchObject({ is: 'limited' })
  expect(await openInvitation(fixture.services, live, fixture.client({ ip: '192.0.2.2' }))).toMatchObject({ is: 'open' })
})
