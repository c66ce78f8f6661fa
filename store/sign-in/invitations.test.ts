import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Secret } from '../../base/secret.ts'
import type { Store } from '../open-store.ts'
import { normaliseSecret } from '../passwords/app-password.ts'
import { StoreFixture, secret } from '../store-fixture.ts'

const MINUTE = 60_000
const DAY = 24 * 60 * MINUTE
const office = 'office@example.com'
let fixture: StoreFixture
let store: Store

beforeEach(async () => {
  fixture = new StoreFixture()
  store = await fixture.create()
  await store.mailboxes.add({ address: office, upstream: 'main' })
  for (const login of ['anna', 'bert@example.org']) await store.users.add({ login })
})
afterEach(() => fixture.remove())

const invite = async (changes: object = {}) => {
  const { invitation, token } = await store.invitations.add({ kind: 'device', mailbox: office, ...changes })
  return { invitation, token: token ?? expect.fail('no link') }
}
const accept = (token: Secret, changes: object = {}, by: Store = store) => by.acceptInvitation.withDevice(token, { user: null, name: 'Phone', ...changes })

describe('an invitation', () => {
  test('is made, opened as often as anybody likes, and accepted once', async () => {
    const { invitation, token } = await invite({ terms: { name: 'Front desk', scopes: ['imap'], allowFrom: ['192.0.2.0/24'] } })
    expect(invitation).toMatchObject({
      state: 'open',
      mailbox: office,
      user: null,
      endsAt: fixture.now + 30 * DAY,
      madeBy: 'root',
      terms: { scopes: ['imap'] },
    })
    for (let times = 1; times <= 3; times++) expect(await store.invitations.open(token)).toMatchObject({ opened: times, openedAt: fixture.now })
    const accepted = await accept(token)
    if (accepted.is !== 'accepted') expect.fail(accepted.is)
    expect(accepted.device).toMatchObject({ mailbox: office, name: 'Phone', scopes: ['imap'], allowFrom: ['192.0.2.0/24'], user: null })
    const node = await fixture.openNode()
    expect((await node.findLogin(office, normaliseSecret(accepted.password)))?.devices).toMatchObject([{ id: accepted.device.id }])
    expect(await accept(token)).toEqual({ is: 'gone' })
    expect(await store.invitations.find(token)).toBeUndefined()
    expect(await store.invitations.open(token)).toBeUndefined()
    expect(await store.invitations.get(invitation.id)).toMatchObject({ state: 'accepted', closedAt: fixture.now, madeDevice: accepted.device.id })
    expect((await store.audit.list({ action: 'invitation' })).map(({ action }) => action)).toEqual(['invitation.made', 'invitation.accepted'])
  })

  test('has its link nowhere in the store and not in the audit', async () => {
    const { token } = await invite()
    const rows = [await fixture.query('select * from invitations'), await fixture.query('select * from audit')]
    expect(JSON.stringify(rows)).not.toContain(token.reveal().toString())
  })

  test('ends after thirty days, is taken back, or is none: all the same', async () => {
    const [late, revoked] = [await invite(), await invite()]
    await store.invitations.revoke(revoked.invitation.id)
    fixture.now += 30 * DAY
    for (const token of [late.token, revoked.token, secret('x'), secret('')]) {
      expect(await store.invitations.find(token)).toBeUndefined()
      expect(await accept(token)).toEqual({ is: 'gone' })
    }
    expect((await store.invitations.page({ filter: { stage: 'open' } })).rows).toEqual([])
    expect((await store.invitations.page()).rows.map(({ state }) => state).sort()).toEqual(['ended', 'revoked'])
    await expect(store.invitations.mint(late.invitation.id)).rejects.toMatchObject({ code: 'BAD_INPUT' })
  })

  test('that is accepted in two processes at once makes one device', async () => {
    const { token } = await invite()
    const other = await fixture.open()
    const both = await Promise.all([accept(token, { name: 'One' }), accept(token, { name: 'Two' }, other)])
    expect(both.map(({ is }) => is).sort()).toEqual(['accepted', 'gone'])
    expect(await store.devices.list()).toHaveLength(1)
  })

  test('is not used up by a name that is taken', async () => {
    await store.devices.add(office, { name: 'Phone' })
    const { token } = await invite()
    await expect(accept(token)).rejects.toMatchObject({ code: 'ALREADY_EXISTS' })
    for (const name of ['', 'a/b', 'Pho\u202ene', 'legacy']) await expect(accept(token, { name })).rejects.toMatchObject({ code: 'BAD_INPUT' })
    expect(await accept(token, { name: 'Tablet' })).toMatchObject({ is: 'accepted' })
  })

  test('takes a chosen password under the same rules as everywhere', async () => {
    const { token } = await invite()
    await expect(accept(token, { password: secret('short') })).rejects.toMatchObject({ code: 'BAD_INPUT' })
    expect(await accept(token, { password: secret('correct horse battery staple') })).toMatchObject({ is: 'accepted' })
  })

  test('goes with the mailbox', async () => {
    const { token } = await invite()
    await store.mailboxes.remove(office)
    expect(await accept(token)).toEqual({ is: 'gone' })
  })
})

describe('an invitation for a named person', () => {
  test('is that person’s alone, who gets the right to use the mailbox and to send from it', async () => {
    const { token } = await invite({ user: 'anna' })
    for (const user of [null, 'bert@example.org']) expect(await accept(token, { user })).toEqual({ is: 'other' })
    expect(await accept(token, { user: 'anna' })).toMatchObject({ is: 'accepted', device: { user: 'anna' } })
    expect(await store.rights.get('anna', office)).toEqual({ use: true, make: false, see: false, send: true, manage: false })
  })

  test('gives what it says and leaves what was there; sending that was taken is not given back', async () => {
    await store.rights.set('anna', office, { use: true, see: true })
    const { token } = await invite({ user: 'anna', terms: { rights: { make: true } } })
    await accept(token, { user: 'anna' })
    expect(await store.rights.get('anna', office)).toEqual({ use: true, make: true, see: true, send: false, manage: false })
  })

  test('for reading alone gives no right to send', async () => {
    const { token } = await invite({ user: 'anna', terms: { scopes: ['imap'] } })
    await accept(token, { user: 'anna' })
    expect(await store.rights.get('anna', office)).toMatchObject({ use: true, send: false })
  })

  test('is worth nothing once the person was blocked, removed from the mailbox or removed', async () => {
    const first = await invite({ user: 'anna' })
    await store.users.block('anna')
    await store.users.unblock('anna')
    expect(await accept(first.token, { user: 'anna' })).toEqual({ is: 'gone' })
    const second = await invite({ user: 'anna' })
    await store.rights.set('anna', office, { use: true })
    await store.rights.remove('anna', office)
    expect(await accept(second.token, { user: 'anna' })).toEqual({ is: 'gone' })
    const third = await invite({ user: 'anna' })
    await store.users.remove('anna')
    expect(await accept(third.token, { user: 'anna' })).toEqual({ is: 'gone' })
  })
})

describe('the link', () => {
  test('that is mailed is made when the mail is sent; made again, the earlier one is dead', async () => {
    const { invitation, token } = await store.invitations.add({ kind: 'device', mailbox: office, mailTo: 'Guest@Example.net' })
    expect(token).toBeNull()
    expect(invitation.mailTo).toBe('guest@example.net')
    const first = await store.invitations.mint(invitation.id)
    const second = await store.invitations.mint(invitation.id)
    expect(await store.invitations.find(first.token)).toBeUndefined()
    expect(await store.invitations.find(second.token)).toMatchObject({ id: invitation.id })
  })

  test('is not mailed into the mailbox that it opens, nor into another that the invited person cannot read', async () => {
    await store.aliases.add(office, 'info@example.com')
    await store.mailboxes.add({ address: 'bert@example.org', upstream: 'main' })
    for (const mailTo of [office, 'info@example.com'])
      await expect(store.invitations.add({ kind: 'device', mailbox: office, mailTo })).rejects.toMatchObject({ code: 'BAD_INPUT' })
    const toBert = { kind: 'device', mailbox: office, user: 'bert@example.org', mailTo: 'bert@example.org' } as const
    await expect(store.invitations.add(toBert)).rejects.toMatchObject({ code: 'BAD_INPUT' })
    await expect(store.invitations.add({ kind: 'start', user: 'bert@example.org', mailTo: 'bert@example.org' })).rejects.toMatchObject({ code: 'BAD_INPUT' })
    await store.devices.add('bert@example.org', { name: 'Phone', user: 'bert@example.org' })
    expect(await store.invitations.add(toBert)).toMatchObject({ token: null })
  })

  test('begins again after a scanner pressed the button: the device that it made is revoked', async () => {
    const { invitation, token } = await invite()
    const byScanner = await accept(token)
    if (byScanner.is !== 'accepted') expect.fail(byScanner.is)
    fixture.now += DAY
    const again = await store.invitations.restart(invitation.id)
    expect(again.invitation).toMatchObject({ state: 'open', opened: 0, endsAt: fixture.now + 30 * DAY, madeDevice: null })
    expect(await store.devices.get(byScanner.device.id)).toMatchObject({ state: 'revoked' })
    expect(await accept(token, { name: 'Again' })).toEqual({ is: 'gone' })
    expect(await accept(again.token ?? secret(''))).toMatchObject({ is: 'accepted' })
  })
})

describe('an invitation for a phone', () => {
  test('lasts fifteen minutes, and gives the device a new password in the place of the old one', async () => {
    const { device, password } = await store.devices.add(office, { name: 'Phone', scopes: ['imap'] })
    const { invitation, token } = await store.invitations.add({ kind: 'phone', device: device.id })
    expect(invitation).toMatchObject({ kind: 'phone', device: { name: 'Phone' }, endsAt: fixture.now + 15 * MINUTE })
    const node = await fixture.openNode()
    const before = await node.readGeneration()
    const accepted = await accept(token ?? secret(''), { name: 'ignored' })
    expect(accepted).toMatchObject({ is: 'accepted', device: { id: device.id, name: 'Phone', scopes: ['imap'] } })
    expect(await node.readGeneration()).toBe(before + 1)
    expect((await node.findLogin(office, normaliseSecret(password)))?.devices).toEqual([])
    expect(await accept(token ?? secret(''))).toEqual({ is: 'gone' })
  })

  test('ends with the device, with another one for it, and in time', async () => {
    const { device } = await store.devices.add(office, { name: 'Phone' })
    const first = (await store.invitations.add({ kind: 'phone', device: device.id })).token ?? secret('')
    const second = (await store.invitations.add({ kind: 'phone', device: device.id })).token ?? secret('')
    expect(await store.invitations.find(first)).toBeUndefined()
    await store.devices.revoke([device.id])
    expect(await accept(second)).toEqual({ is: 'gone' })
    await expect(store.invitations.add({ kind: 'phone', device: device.id })).rejects.toMatchObject({ code: 'BAD_INPUT' })
    const other = (await store.devices.add(office, { name: 'Tablet' })).device
    const late = (await store.invitations.add({ kind: 'phone', device: other.id })).token ?? secret('')
    fixture.now += 15 * MINUTE
    expect(await accept(late)).toEqual({ is: 'gone' })
  })
})

describe('a start link', () => {
  const start = async () => (await store.invitations.add({ kind: 'start', user: 'anna' })).token ?? expect.fail('no link')

  test('sets a password once, within a day, and ends what was open', async () => {
    const token = await start()
    expect(await store.acceptInvitation.withAccount(token, 'phc')).toEqual({ is: 'accepted', login: 'anna' })
    expect(await store.credentials.find('anna')).toMatchObject({ phc: 'phc' })
    expect(await store.acceptInvitation.withAccount(token, 'phc 2')).toEqual({ is: 'gone' })
    const late = await start()
    fixture.now += DAY
    expect(await store.acceptInvitation.withAccount(late, 'phc 2')).toEqual({ is: 'gone' })
  })

  test('dies with a newer one, and with a new password', async () => {
    const [first, second] = [await start(), await start()]
    expect(await store.invitations.find(first)).toBeUndefined()
    await store.credentials.setPassword('anna', 'phc')
    expect(await store.acceptInvitation.withAccount(second, 'phc 2')).toEqual({ is: 'gone' })
  })

  test('makes no device, and a device’s invitation sets no password', async () => {
    expect(await accept(await start(), { user: 'anna' })).toEqual({ is: 'gone' })
    expect(await store.acceptInvitation.withAccount((await invite({ user: 'anna' })).token, 'phc')).toEqual({ is: 'gone' })
  })
})
