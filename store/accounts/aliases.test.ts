import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { DeviceId } from '../../base/ids.ts'
import type { Store } from '../open-store.ts'
import { normaliseSecret } from '../passwords/app-password.ts'
import { StoreFixture, type TestNode } from '../store-fixture.ts'
import { MAX_ALIASES } from './alias-rows.ts'

const office = 'office@example.com'
const info = 'info@example.com'
let fixture: StoreFixture
let store: Store
let node: TestNode

beforeEach(async () => {
  fixture = new StoreFixture()
  store = await fixture.create()
  await store.mailboxes.add({ address: office, upstream: 'main' })
  node = await fixture.openNode()
})
afterEach(() => fixture.remove())

describe('an alias', () => {
  test('is listed, found, and taken away again', async () => {
    expect(await store.aliases.add(office, 'Info@Example.com')).toEqual([info])
    expect(await store.aliases.add(office, 'hello@example.com')).toEqual(['hello@example.com', info])
    expect(await store.aliases.resolve(info)).toBe(office)
    expect(await store.aliases.resolve(office)).toBe(office)
    expect(await store.aliases.resolve('nobody@example.com')).toBeUndefined()
    expect(await store.aliases.remove(office, info)).toEqual(['hello@example.com'])
    await expect(store.aliases.remove(office, info)).rejects.toMatchObject({ code: 'NOT_FOUND' })
    expect(await store.audit.list({ action: 'mailbox.alias-added' })).toMatchObject([{ subject: office, after: { alias: info } }, {}])
    expect(await store.audit.list({ action: 'mailbox.alias-removed' })).toMatchObject([{ before: { alias: info } }])
  })

  test('is one mailbox’s: no other has it as its address or as an alias', async () => {
    await store.mailboxes.add({ address: 'sales@example.com', upstream: 'main' })
    await store.aliases.add(office, info)
    const taken = { code: 'ALREADY_EXISTS' }
    await expect(store.aliases.add('sales@example.com', info)).rejects.toMatchObject(taken)
    await expect(store.aliases.add(office, 'sales@example.com')).rejects.toMatchObject(taken)
    await expect(store.aliases.add(office, office)).rejects.toMatchObject(taken)
    await expect(store.mailboxes.add({ address: info, upstream: 'main' })).rejects.toMatchObject(taken)
    await store.mailboxes.remove(office)
    expect(await store.mailboxes.add({ address: info, upstream: 'main' })).toMatchObject({ address: info })
  })

  test.each(['info', 'a b@example.com', '@'])('%j is none', async text => {
    await expect(store.aliases.add(office, text)).rejects.toMatchObject({ code: 'BAD_INPUT' })
  })

  test('more of them than may be are refused', async () => {
    for (let n = 0; n < MAX_ALIASES; n++) await store.aliases.add(office, `alias${n}@example.com`)
    await expect(store.aliases.add(office, info)).rejects.toMatchObject({ code: 'BAD_INPUT' })
  })
})

describe('logging in by an alias', () => {
  test('finds the mailbox under its own address, with the same devices', async () => {
    const { password } = await store.devices.add(office, { name: 'Phone' })
    await store.aliases.add(office, info)
    const byAlias = await node.findLogin(info, normaliseSecret(password))
    expect(byAlias).toEqual(await node.findLogin(office, normaliseSecret(password)))
    expect(byAlias).toMatchObject({ mailbox: { address: office }, devices: [{ name: 'Phone' }] })
    await store.aliases.remove(office, info)
    expect(await node.findLogin(info, normaliseSecret(password))).toBeUndefined()
  })

  test('from a network that the mailbox knows is as good as by its address', async () => {
    await store.aliases.add(office, info)
    const { id: mailbox } = await store.mailboxes.get(office)
    await node.recordFailures([], [{ mailbox, block: '192.0.2.7', at: fixture.now }])
    for (const address of [office, info]) expect(await node.isRecognisedNetwork(address, '192.0.2.7', fixture.now - 1)).toBe(true)
    expect(await node.isRecognisedNetwork('nobody@example.com', '192.0.2.7', fixture.now - 1)).toBe(false)
  })
})

describe('what a device may send', () => {
  test('`own` stands for the address and every alias, as they are now', async () => {
    const { device } = await store.devices.add(office, { name: 'Phone' })
    expect((await node.readSendingTerms(device.id)).own).toEqual([])
    await store.sending.set({ device: device.id }, { senders: ['own'] })
    await store.aliases.add(office, info)
    expect([...(await node.readSendingTerms(device.id)).own].sort()).toEqual([info, office])
    const before = await node.readGeneration()
    await store.aliases.remove(office, info)
    expect((await node.readSendingTerms(device.id)).own).toEqual([office])
    expect(await node.readGeneration()).toBe(before + 1)
  })

  test('the right of its person to send from this mailbox counts, and only there', async () => {
    await store.mailboxes.add({ address: 'sales@example.com', upstream: 'main' })
    await store.users.add({ login: 'anna' })
    const devices: DeviceId[] = []
    for (const mailbox of [office, 'sales@example.com']) devices.push((await store.devices.add(mailbox, { name: 'Phone', user: 'anna' })).device.id)
    const maySend = async () => Promise.all(devices.map(async id => (await node.readSendingTerms(id)).rules.every(rule => rule.maySend)))
    expect(await maySend()).toEqual([true, true])
    await store.rights.set('anna', office, { use: true, send: false })
    expect(await maySend()).toEqual([false, true])
    expect((await node.readSendingTerms(devices[0] ?? expect.fail())).rules.find(rule => !rule.maySend)?.of).toBe('user')
    await store.rights.set('anna', office, { send: true })
    expect(await maySend()).toEqual([true, true])
    await store.users.set('anna', { maySend: false })
    expect(await maySend()).toEqual([false, false])
  })
})

test('an import adds and removes aliases, sets the note, and refuses addresses that are taken', async () => {
  await store.mailboxes.add({ address: 'sales@example.com', upstream: 'main' })
  await store.aliases.add(office, info)
  const rules = { chooseUpstream: () => 'main', checkMailbox: () => ({ needsSecret: false }) }
  const { importer, close } = await store.transfer.openImport({ rules, source: 'test.csv', update: true, generate: false, addUsers: false, rehearse: false })
  const row = (line: number, mailbox: object) => ({ line, mailbox: { address: office, ...mailbox }, devices: [] })
  const results = await importer.take(
    [
      row(1, { aliases: ['hello@example.com'], note: 'Front desk' }),
      row(2, { aliases: ['hello@example.com'], note: 'Front desk' }),
      row(3, { aliases: ['sales@example.com'] }),
      row(4, { aliases: [office] }),
      { line: 5, mailbox: { address: 'hello@example.com' }, devices: [] },
      row(6, {}),
    ],
    () => undefined,
  )
  close()
  expect(results).toMatchObject(
    [{ mailbox: 'changed' }, { mailbox: 'unchanged' }, { bad: /aliases: / }, { bad: /own address/ }, { bad: /address: / }, { mailbox: 'unchanged' }].map(
      ({ bad, ...rest }) => (bad === undefined ? rest : { bad: expect.stringMatching(bad) }),
    ),
  )
  expect(await store.aliases.of(office)).toEqual(['hello@example.com'])
  expect(await store.mailboxes.get(office)).toMatchObject({ note: 'Front desk' })
})
