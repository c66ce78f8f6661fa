/** What holds for every change of a use case: one transaction, once, on what was looked at; and nobody gives what they do not have. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { DeviceId } from '../base/ids.ts'
import type { Nouns } from '../store/open-store.ts'
import { secret } from '../store/store-fixture.ts'
import type { ApiToken, Person } from './actor.ts'
import { disconnectDevices, disconnectMany, previewDisconnect } from './devices/disconnect-devices.ts'
import { addDevice, changePassword, getDevice, listDevices, setDevice } from './devices/manage-devices.ts'
import { pageAudit } from './history/read-history.ts'
import { getMailbox, setMailbox } from './mailboxes/manage-mailboxes.ts'
import { pageDevices, pageDomains, pageMailboxes, pageUsers } from './page-lists.ts'
import { giveRights, removeRights } from './people/manage-rights.ts'
import { acceptInvitation, invite, restartInvitation } from './sign-in/invite.ts'
import { makeStartLink } from './sign-in/manage-sign-in.ts'
import { ELSEWHERE, OFFICE, OPERATOR, UseCaseFixture } from './use-case-fixture.ts'

let fixture: UseCaseFixture
let manager: Person

beforeEach(async () => {
  fixture = await UseCaseFixture.open()
  manager = await fixture.person('me')
  await fixture.store.roles.grant('me', { role: 'manager', domain: 'example.test' })
})
afterEach(() => fixture.remove())

describe('two who change one thing', () => {
  test('the second is told who changed what, and nothing of theirs is done', async () => {
    const { context } = fixture
    const { version } = await getDevice(context, manager, `${OFFICE}/tablet`)
    await setDevice(context, await fixture.person('boss'), { ref: `${OFFICE}/tablet`, terms: { scopes: ['imap'] } })
    for (const act of [
      () => setDevice(context, manager, { ref: `${OFFICE}/tablet`, version, terms: { allowFrom: ['10.0.0.0/8'] } }),
      () => changePassword(context, manager, { ref: `${OFFICE}/tablet`, version }),
      () => disconnectDevices(context, manager, { refs: [`${OFFICE}/tablet`], version }),
    ])
      await expect(act()).rejects.toMatchObject({ code: 'CHANGED_MEANWHILE', facts: { by: 'boss', action: 'device.changed', at: fixture.files.now } })
    const now = await getDevice(context, manager, `${OFFICE}/tablet`)
    expect(now.device).toMatchObject({ state: 'active', scopes: ['imap'], allowFrom: [] })
    await setDevice(context, manager, { ref: `${OFFICE}/tablet`, version: now.version, terms: { allowFrom: ['10.0.0.0/8'] } })
  })

  test('a change of its rules of sending counts too', async () => {
    const { context } = fixture
    const { version } = await getMailbox(context, manager, OFFICE)
    await setMailbox(context, OPERATOR, { address: OFFICE, sending: { recipientsPerDay: 5 }, trial: 'trust' })
    await expect(setMailbox(context, manager, { address: OFFICE, version, note: 'x', trial: 'trust' })).rejects.toMatchObject({ code: 'CHANGED_MEANWHILE' })
  })
})

test('what was asked for is done as a whole or not at all', async () => {
  const { context } = fixture
  const wrong = setDevice(context, manager, { ref: `${OFFICE}/tablet`, name: 'renamed', terms: { scopes: ['imap'] }, sending: { recipientsPerDay: 0 } })
  await expect(wrong).rejects.toMatchObject({ reason: 'sending.recipients' })
  expect((await getDevice(context, manager, `${OFFICE}/tablet`)).device).toMatchObject({ name: 'tablet', scopes: ['imap', 'smtp'] })
})

test('many devices are disconnected in parts, between which others write; what is done stays done', async () => {
  const { context, files, store } = fixture
  await files.query(
    `with recursive n(i) as (select 1 union all select i + 1 from n where i < 450)
     insert into devices (id, mailbox_id, name, name_key, state, kind, phc, tag, bucket, scopes, allow_from, password_version, created_at, password_changed_at)
     select substr('dddddddddddddddd' || i, -16), mailboxes.id, 'many' || i, 'many' || i, 'active', 'generated', '', x'', 1, 'imap', '', 1, 1, 1
     from n, mailboxes where address = '${OFFICE}'`,
  )
  const ids = (await store.devices.list({ mailbox: OFFICE, search: 'many' })).map(({ id }) => id)
  const seen: number[] = []
  const broken = ids.with(300, 'nobody0000000000' as DeviceId)
  const onProgress = ({ done, total }: { readonly done: number; readonly total: number }) => seen.push(done / total)
  await expect(disconnectMany(context, manager, { ids: broken, onProgress })).rejects.toMatchObject({ code: 'NOT_FOUND' })
  expect(await store.devices.count({ mailbox: OFFICE, search: 'many' })).toBe(250)
  expect(await disconnectMany(context, manager, { ids, onProgress })).toHaveLength(450)
  expect(await store.devices.count({ mailbox: OFFICE, search: 'many' })).toBe(0)
  expect(seen).toEqual([200 / 450, 200 / 450, 400 / 450, 1])
  expect((await store.devices.list({ mailbox: OFFICE })).map(({ name }) => name).sort()).toEqual(['hers', 'mine', 'tablet'])
})

test('with a key that is taken once, two requests at a time make one device', async () => {
  class Done extends Error {}
  const around = async <Result>(nouns: Nouns, act: () => Promise<Result>): Promise<Result> => {
    if ((await nouns.once.take({ hash: 'form', lifetimeMs: 1000 })).is !== 'fresh') throw new Done()
    return act()
  }
  const add = (name: string) => addDevice({ ...fixture.context, around }, manager, { mailbox: OFFICE, name })
  const [first, second] = await Promise.allSettled([add('one'), add('two')])
  expect([first?.status, second?.status].sort()).toEqual(['fulfilled', 'rejected'])
  expect((await listDevices(fixture.context, manager, { mailbox: OFFICE })).filter(({ name }) => name === 'one' || name === 'two')).toHaveLength(1)
})

test('what a disconnection ends, and what stays, is said before', async () => {
  const ending = await previewDisconnect(fixture.context, manager, { refs: [`${OFFICE}/tablet`] })
  expect(ending).toMatchObject({ devices: [{ name: 'tablet', state: 'active' }], sessions: 0, others: 2 })
})

describe('nobody gives what they do not have', () => {
  /** Manages the office, and may not send from it. */
  const silent = async (): Promise<Person> => {
    await fixture.store.roles.revoke('me', { role: 'manager', domain: 'example.test' })
    return fixture.entitle('manage')
  }

  test('who may not send makes and learns no password that sends, and gives the right to nobody', async () => {
    const { context } = fixture
    const me = await silent()
    for (const act of [
      () => addDevice(context, me, { mailbox: OFFICE, name: 'new' }),
      () => addDevice(context, me, { mailbox: OFFICE, name: 'new', user: 'zoe' }),
      () => changePassword(context, me, { ref: `${OFFICE}/tablet` }),
      () => invite(context, me, { mailbox: OFFICE }),
      () => giveRights(context, me, { login: 'me', mailbox: OFFICE, rights: { send: true } }),
      () => removeRights(context, me, { login: 'zoe', mailbox: OFFICE, devices: 'unlink' }),
      () => setDevice(context, me, { ref: `${OFFICE}/hers`, terms: { user: null } }),
    ])
      await expect(act()).rejects.toMatchObject({ code: 'NOT_ALLOWED' })
    await addDevice(context, me, { mailbox: OFFICE, name: 'reads', scopes: ['imap'] })
    await addDevice(context, me, { mailbox: OFFICE, name: 'own', user: 'me' })
  })

  test('from whom sending was taken everywhere, that is no different', async () => {
    await fixture.store.users.set('me', { maySend: false })
    await expect(addDevice(fixture.context, manager, { mailbox: OFFICE, name: 'new' })).rejects.toMatchObject({ code: 'NOT_ALLOWED' })
  })

  test('devices are linked to people of the mailbox only', async () => {
    const me = await fixture.entitle('manage', 'send')
    await expect(addDevice(fixture.context, me, { mailbox: OFFICE, name: 'new', user: 'boss' })).rejects.toMatchObject({ reason: 'user.unknown' })
    await expect(addDevice(fixture.context, me, { mailbox: OFFICE, name: 'new', user: 'nobody' })).rejects.toMatchObject({ reason: 'user.unknown' })
  })

  test('aliases lie in domains of one’s own', async () => {
    const set = (alias: string) => setMailbox(fixture.context, manager, { address: OFFICE, aliases: [alias], trial: 'trust' })
    await expect(set('ceo@other.test')).rejects.toMatchObject({ code: 'NOT_ALLOWED' })
    expect((await set('info@example.test')).aliases).toEqual(['info@example.test'])
  })

  test('an invitation that gives the right to manage is begun again by who may give it', async () => {
    const made = await invite(fixture.context, OPERATOR, { mailbox: OFFICE, user: 'zoe', terms: { rights: { manage: true } } })
    await fixture.store.roles.revoke('me', { role: 'manager', domain: 'example.test' })
    const me = await fixture.entitle('manage', 'send')
    await expect(restartInvitation(fixture.context, me, made.invitation.id)).rejects.toMatchObject({ code: 'NOT_ALLOWED' })
  })
})

test('a reference that is not whole, and a thing that is outside, are not there in the same words', async () => {
  const { id } = await fixture.store.devices.get(`${ELSEWHERE}/tablet`)
  for (const ref of [id, id.slice(0, 6), '3f9k', `${ELSEWHERE}/tablet`, `${ELSEWHERE}/none`])
    await expect(getDevice(fixture.context, manager, ref)).rejects.toMatchObject({ message: `there is no device ${ref}` })
})

test('an actor who was blocked, or removed and made again, does nothing more', async () => {
  await fixture.store.users.block('me')
  await expect(listDevices(fixture.context, manager)).rejects.toMatchObject({ reason: 'actor.gone' })
  await fixture.store.users.unblock('me')
  await fixture.store.users.remove('me', { unlink: true })
  await fixture.store.users.add({ login: 'me' })
  await expect(listDevices(fixture.context, manager)).rejects.toMatchObject({ reason: 'actor.gone' })
})

test('lists show what lies within: a manager’s domain, own devices, a token’s domains', async () => {
  const { context } = fixture
  const addresses = async (actor: Person | ApiToken) => (await pageMailboxes(context, actor)).rows.map(({ address }) => address)
  const devices = async (actor: Person | ApiToken) => (await pageDevices(context, actor)).rows.map(({ mailbox, name }) => `${mailbox}/${name}`)
  expect(await addresses(manager)).toEqual([OFFICE])
  expect(await devices(manager)).toEqual([`${OFFICE}/hers`, `${OFFICE}/mine`, `${OFFICE}/tablet`])
  expect((await pageDomains(context, manager)).rows).toEqual([{ domain: 'example.test', mailboxes: 1 }])
  expect((await pageUsers(context, manager)).rows.map(({ login }) => login)).toEqual(['me', 'zoe'])

  const zoe = await fixture.person('zoe')
  expect(await addresses(zoe)).toEqual([OFFICE, ELSEWHERE])
  expect(await devices(zoe)).toEqual([`${OFFICE}/hers`, `${ELSEWHERE}/hers`])
  expect((await pageUsers(context, zoe)).rows).toEqual([])
  expect((await pageAudit(context, zoe)).rows).toEqual([])

  const boss = await fixture.person('boss')
  const token: ApiToken = { ...boss, kind: 'token', scopes: ['read'], domains: ['other.test'] }
  expect(await addresses(token)).toEqual([ELSEWHERE])
  await expect(setMailbox(context, token, { address: ELSEWHERE, state: 'disabled', trial: 'trust' })).rejects.toMatchObject({ code: 'NOT_ALLOWED' })
})

test('an invitation is accepted once, by whom it names, with settings for the app', async () => {
  const { context } = fixture
  const { token } = await invite(context, manager, { mailbox: OFFICE, user: 'zoe', terms: { scopes: ['imap'] } })
  if (token === null) throw new Error('no link')
  const accept = (user: string | null) => acceptInvitation(context, token, { user, name: 'phone', source: 'portal' })
  expect(await accept('boss')).toEqual({ is: 'other' })
  expect(await accept('zoe')).toMatchObject({ is: 'accepted', device: { mailbox: OFFICE, user: 'zoe' }, settings: [{ protocol: 'imap', port: 993 }] })
  expect(await accept('zoe')).toEqual({ is: 'gone' })
})

test('a start link of somebody who lost everything ends what they had', async () => {
  const boss = await fixture.person('boss')
  await fixture.store.credentials.setPassword('zoe', 'hash')
  await fixture.store.apiTokens.add('zoe', { name: 'script', scopes: ['read'] })
  const { token } = await makeStartLink(fixture.context, boss, { login: 'zoe', factors: 'reset' })
  expect(token).not.toBeNull()
  expect(await fixture.store.credentials.find('zoe')).toMatchObject({ phc: null })
  expect((await fixture.store.apiTokens.page({ filter: { user: 'zoe' } })).rows).toEqual([])
})

test('with the policy of generated passwords, one’s own is refused with a reason', async () => {
  const store = await fixture.files.open({ generatedOnly: true })
  const own = addDevice({ ...fixture.context, store }, manager, { mailbox: OFFICE, name: 'new', password: secret('sixteen and more letters') })
  await expect(own).rejects.toMatchObject({ reason: 'password.generated-only' })
})
