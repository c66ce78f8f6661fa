/** The sender with a clock of the test's and a server that fails as the test wants. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { LogFields } from '../../base/log.ts'
import { silentLog } from '../../base/log.ts'
import { Secret } from '../../base/secret.ts'
import { NOTICE_KINDS } from '../../store/accounts/people/preferences.ts'
import type { OpenedStore, Store } from '../../store/open-store.ts'
import { StoreFixture } from '../../store/store-fixture.ts'
import { NoticeSender } from './notice-sender.ts'
import { MailFailure, type MailServer, type OutgoingMail } from './submission-client.ts'

const URL = 'https://devices.example.test'
const OFFICE = 'office@example.test'
const ANNA = 'anna@example.test'
const MINUTE = 60_000
const DAY = 24 * 60 * MINUTE
const SERVER = { server: { host: 'smtp.internal', port: 587, tls: 'starttls' }, from: 'devices@example.test', hostname: 'mail.example.test' } as MailServer

let fixture: StoreFixture
let store: Store
let sent: OutgoingMail[]
let lines: { readonly event: string; readonly fields: LogFields }[]
let fault: (mail: OutgoingMail) => Promise<void>
let server: MailServer | undefined
let sender: NoticeSender

beforeEach(async () => {
  fixture = new StoreFixture()
  store = await fixture.create()
  await store.mailboxes.add({ address: OFFICE, upstream: 'main' })
  await store.users.add({ login: ANNA, name: 'Anna Keller' })
  await store.rights.set(ANNA, OFFICE, { use: true, manage: true })
  sent = []
  lines = []
  fault = async () => undefined
  server = SERVER
  sender = openSender(store)
  await sender.runRound()
})
afterEach(() => fixture.remove())

function openSender(over: OpenedStore): NoticeSender {
  const note = (event: string, fields: LogFields = {}) => void lines.push({ event, fields })
  return new NoticeSender({
    store: over,
    server: () => server,
    url: URL,
    log: { ...silentLog, info: note, warn: note, error: note },
    now: fixture.clock,
    send: async (_, mail) => {
      await fault(mail)
      sent.push(mail)
    },
  })
}

const addDevice = (name = 'Phone', more: object = {}) => store.devices.add(OFFICE, { name, ...more })
const down = async () => {
  throw new MailFailure('connect ECONNREFUSED', { scope: 'server', isFinal: false })
}

describe('a server that fails', () => {
  test('is left alone for a moment, and loses none', async () => {
    let tries = 0
    fault = async () => {
      tries += 1
      await down()
    }
    await addDevice('one')
    await addDevice('two')
    await sender.runRound()
    await sender.runRound()
    expect(tries).toBe(1)
    expect(await store.notices.counts()).toEqual({ waiting: 2, failed: 0 })
    fault = async () => undefined
    fixture.now += 2 * MINUTE
    await sender.runRound()
    expect(sent.map(({ subject }) => subject).sort()).toEqual([`New device “one” in ${OFFICE}`, `New device “two” in ${OFFICE}`])
    expect(await store.notices.counts()).toEqual({ waiting: 0, failed: 0 })
    expect(lines.map(({ event }) => event)).toEqual(['notice.failed', 'notice.sent', 'notice.sent'])
  })

  test('for four days: given up, with a line and in the audit', async () => {
    fault = down
    await addDevice()
    let rounds = 0
    for (; (await store.notices.counts()).waiting > 0 || rounds === 0; rounds += 1) {
      await sender.runRound()
      fixture.now += MINUTE * 10
    }
    expect(lines.filter(({ event }) => event === 'notice.given-up')).toMatchObject([{ fields: { to: ANNA, notice: 'new-device' } }])
    expect(lines.filter(({ event }) => event === 'notice.failed').length).toBeLessThan(110)
    expect(await store.audit.list({ action: 'notice.given-up' })).toMatchObject([{ subject: ANNA, after: { kind: 'new-device' } }])
    expect(sent).toEqual([])
  })

  test('that refuses one recipient for good or for now: the others get theirs', async () => {
    await store.users.add({ login: 'gone@example.test' })
    await store.rights.set('gone@example.test', OFFICE, { manage: true })
    fault = async ({ to }) => {
      if (to.startsWith('gone')) throw new MailFailure('550 5.1.1 No such user', { scope: 'recipient', isFinal: true })
    }
    await addDevice()
    await sender.runRound()
    expect(sent.map(({ to }) => to)).toEqual([ANNA])
    expect(await store.notices.counts()).toEqual({ waiting: 0, failed: 1 })
    expect(await store.audit.list({ action: 'notice.given-up' })).toMatchObject([
      { subject: 'gone@example.test', after: { failure: '550 5.1.1 No such user' } },
    ])
  })
})

describe('several senders', () => {
  test('send one mail of it', async () => {
    const other = openSender(await fixture.open())
    await addDevice()
    await Promise.all([sender.runRound(), other.runRound()])
    fixture.now += DAY
    await Promise.all([sender.runRound(), other.runRound()])
    expect(sent).toHaveLength(1)
  })

  test('one that died is followed by another after the lease, with the same Message-ID', async () => {
    await addDevice()
    let reached: OutgoingMail | undefined
    fault = mail => {
      reached = mail
      return new Promise(() => {})
    }
    void sender.runRound()
    while (reached === undefined) await new Promise(resolve => setImmediate(resolve))
    fault = async () => undefined
    const other = openSender(await fixture.open())
    fixture.now += 4 * MINUTE
    await other.runRound()
    expect(sent).toEqual([])
    fixture.now += 2 * MINUTE
    await other.runRound()
    expect(sent.map(({ messageId }) => messageId)).toEqual([reached.messageId])
  })

  test('a mail that the server took is not sent again because the store did not hear of it', async () => {
    await addDevice()
    const broken = Object.create(store) as Store
    let isDown = true
    const notices = Object.create(store.notices) as Store['notices']
    notices.claim = limit => store.notices.claim(limit)
    notices.sent = async id => {
      if (isDown) throw new Error('disk full')
      await store.notices.sent(id)
    }
    Object.assign(broken, { notices, as: () => broken, unnoticed: store.unnoticed, change: store.change, preferences: store.preferences })
    const one = openSender(broken)
    await one.runRound()
    fixture.now += 10 * MINUTE
    isDown = false
    await one.runRound()
    expect(sent).toHaveLength(1)
    expect(await store.notices.counts()).toEqual({ waiting: 0, failed: 0 })
  })
})

describe('who is told', () => {
  test('the person of the device; who has no address, is blocked or does not want it, is not, and nobody is stuck', async () => {
    for (const login of ['mina', 'zoe@example.test', 'karl@example.test', 'lea@example.test']) await store.users.add({ login })
    await store.preferences.set('zoe@example.test', { notices: NOTICE_KINDS.filter(kind => kind !== 'new-device') })
    await store.users.block('karl@example.test')
    for (const user of ['mina', 'zoe@example.test', 'karl@example.test', 'lea@example.test']) await addDevice(`of ${user}`, { user })
    await sender.runRound()
    expect(sent.map(({ to }) => to)).toEqual(['lea@example.test'])
    expect(await store.notices.counts()).toEqual({ waiting: 0, failed: 0 })
  })

  test('of an end that is near, a week before, once for each end', async () => {
    const expiresAt = fixture.now + 30 * DAY
    const { device } = await addDevice('Intern’s laptop', { expiresAt })
    await sender.runRound()
    const ends = () => sent.filter(({ subject }) => subject.includes('stops on')).length
    for (const [days, count] of [
      [22, 0],
      [1.5, 1],
      [3, 1],
    ] as const) {
      fixture.now += days * DAY
      await sender.runRound()
      expect([days, ends()]).toEqual([days, count])
    }
    expect(sent.at(-1)?.text).toContain(`${URL}/m/${encodeURIComponent(OFFICE)}/devices/${device.id}`)
    await store.devices.set(device.id, { expiresAt: expiresAt + 10 * DAY })
    fixture.now += 8 * DAY
    await sender.runRound()
    expect(ends()).toBe(2)
  })

  test('nobody without [portal.mail], also not of what happened before', async () => {
    server = undefined
    await addDevice()
    fixture.now += 5 * DAY
    await sender.runRound()
    server = SERVER
    await sender.runRound()
    expect(sent).toEqual([])
  })
})

describe('what it says', () => {
  test('is in the reader’s language and time zone, with a link to the device and without a token', async () => {
    await store.preferences.set(ANNA, { language: 'fr', timeZone: 'Europe/Paris' })
    const { device } = await addDevice()
    await sender.runRound()
    const [{ subject, text, language } = expect.fail('none was sent')] = sent
    expect(subject).toBe(`Nouvel appareil « Phone » dans ${OFFICE}`)
    expect(language).toBe('fr')
    expect(text).toContain(`${URL}/m/${encodeURIComponent(OFFICE)}/devices/${device.id}`)
    expect(text).not.toMatch(/\/(i|welcome)\//)
    expect(text).toContain(`${URL}/account`)
  })

  test('or in the language of whoever acted, or in English', async () => {
    await store.users.add({ login: 'karim', name: 'Karim' })
    await store.preferences.set('karim', { language: 'de' })
    await store.as({ name: 'karim', source: 'portal 192.0.2.1' }).devices.add(OFFICE, { name: 'one' })
    await store.as({ name: 'root', source: 'cli' }).devices.add(OFFICE, { name: 'two' })
    await sender.runRound()
    sent.sort((a, b) => a.subject.localeCompare(b.subject))
    expect(sent.map(({ language }) => language)).toEqual(['de', 'en'])
    expect(sent[0]?.text).toContain('Karim')
    expect(sent[1]?.text).toContain('Whoever runs the server added it')
  })

  test('names are text, in the subject too', async () => {
    const name = '<script>alert(1)</script> https://evil.example'
    await store.users.add({ login: 'mallory', name })
    await store.as({ name: 'mallory', source: 'portal 192.0.2.1' }).devices.add(OFFICE, { name: '<b>"&' })
    await sender.runRound()
    const [{ html, text, subject } = expect.fail('none was sent')] = sent
    expect(html).not.toContain('<script>')
    expect(html).toContain('&lt;script&gt;')
    expect(html.match(/<a /g)).toHaveLength(2)
    expect(html).toContain('&lt;b&gt;&quot;&amp;')
    expect(text).toContain(name)
    expect(subject).toContain('<b>"&')
  })
})

describe('an invitation', () => {
  const linkOf = (mail: OutgoingMail | undefined) => /\/i\/(\S+)/.exec(mail?.text ?? '')?.[1] ?? expect.fail('no link')
  const find = (mail: OutgoingMail | undefined) => store.invitations.find(Secret.fromText(linkOf(mail)))

  test('has a link that is made when it is sent, and is nowhere before', async () => {
    await store.invitations.add({ kind: 'device', mailbox: OFFICE, mailTo: 'new@elsewhere.test' })
    expect(await fixture.query('select token_hash from invitations')).toMatchObject({ rows: [{ token_hash: null }] })
    await sender.runRound()
    expect(sent).toMatchObject([{ to: 'new@elsewhere.test', from: 'devices@example.test', subject: `Connect your device to ${OFFICE}` }])
    expect(await find(sent[0])).toMatchObject({ state: 'open', mailTo: 'new@elsewhere.test' })
    expect(JSON.stringify(await fixture.query('select * from notices'))).not.toContain(linkOf(sent[0]))
    expect(JSON.stringify(lines)).not.toContain(linkOf(sent[0]))
  })

  test('tried again has another link, and another Message-ID', async () => {
    const messageIds: string[] = []
    fault = async mail => {
      messageIds.push(mail.messageId)
      if (messageIds.length === 1) await down()
    }
    await store.invitations.add({ kind: 'device', mailbox: OFFICE, mailTo: 'new@elsewhere.test' })
    await sender.runRound()
    fixture.now += 2 * MINUTE
    await sender.runRound()
    expect(new Set(messageIds).size).toBe(2)
    expect(await find(sent[0])).toMatchObject({ state: 'open' })
  })

  test('that was taken back or is over is not sent', async () => {
    fault = down
    const { invitation } = await store.invitations.add({ kind: 'device', mailbox: OFFICE, mailTo: 'new@elsewhere.test' })
    await sender.runRound()
    await store.invitations.revoke(invitation.id)
    fault = async () => undefined
    fixture.now += 2 * MINUTE
    await sender.runRound()
    expect(sent).toEqual([])
    expect(await store.notices.counts()).toEqual({ waiting: 0, failed: 0 })
  })

  test('mailed again: the new link works, the old one does not', async () => {
    const { invitation } = await store.invitations.add({ kind: 'device', mailbox: OFFICE, mailTo: 'new@elsewhere.test' })
    await sender.runRound()
    await store.invitations.mail(invitation.id, 'other@elsewhere.test')
    await sender.runRound()
    expect(sent.map(({ to }) => to)).toEqual(['new@elsewhere.test', 'other@elsewhere.test'])
    expect([await find(sent[0]), await find(sent[1])]).toMatchObject([undefined, { state: 'open' }])
  })

  test('a start link goes to the person', async () => {
    await store.invitations.add({ kind: 'start', user: ANNA, mailTo: ANNA })
    await sender.runRound()
    expect(sent[0]?.text).toMatch(/https:\/\/devices\.example\.test\/welcome\/\S{20,}/)
  })
})

test('closing waits for the mail under way, and sends no other', async () => {
  await addDevice('one')
  await addDevice('two')
  let let1 = () => {}
  const reached = new Promise<void>(resolve => {
    fault = () => {
      resolve()
      return new Promise(done => {
        let1 = done
      })
    }
  })
  const round = sender.runRound()
  await reached
  const closed = sender.close()
  let1()
  await Promise.all([round, closed])
  expect(sent).toHaveLength(1)
  expect(await store.notices.counts()).toEqual({ waiting: 1, failed: 0 })
})
