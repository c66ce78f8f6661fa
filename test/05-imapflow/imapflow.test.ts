/** imapflow: reads and changes mail, hears of a new message by IDLE, compresses. */
import { readFileSync } from 'node:fs'
import { ImapFlow } from 'imapflow'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import type { ImapAccount } from '../fixtures/clients/imap-account.ts'
import { makeMessage, seedMaildir } from '../fixtures/clients/maildir.ts'
import { logIn } from '../fixtures/clients/raw-imap.ts'
import { within } from '../fixtures/deadline.ts'
import { Stage } from '../fixtures/program/stage.ts'

const user = 'reader@example.com'
let stage: Stage
let account: ImapAccount
let client: ImapFlow

beforeAll(async () => {
  stage = await Stage.open({ users: [user] })
  seedMaildir(
    stage.dovecot.maildir(user),
    Array.from({ length: 40 }, (_, index) => makeMessage(index)),
  )
  await stage.gateway.serve()
  account = await stage.addAccount(user, 'imapflow')
})

afterEach(() => client?.close())
afterAll(async () => await stage?.close())

async function connect(options: { secure: boolean; disableCompression?: boolean }): Promise<ImapFlow> {
  const { secure, ...rest } = options
  client = new ImapFlow({
    host: 'localhost',
    port: secure ? account.port : account.starttlsPort,
    secure,
    ...(secure ? {} : { doSTARTTLS: true }),
    auth: { user, pass: account.password },
    tls: { ca: readFileSync(account.ca, 'utf8') },
    clientInfo: { name: 'imapflow test', version: '1' },
    logger: false,
    ...rest,
  })
  await client.connect()
  return client
}

for (const secure of [true, false]) {
  test(`reads, flags, copies and deletes by ${secure ? 'implicit TLS' : 'STARTTLS'}`, async () => {
    const folder = secure ? 'Implicit' : 'Starttls'
    const imap = await connect({ secure })
    await imap.mailboxCreate(folder)
    const lock = await imap.getMailboxLock('INBOX')
    const first = await imap.fetchOne('1', { source: true, flags: true, internalDate: true })
    if (first === false || first === undefined) throw new Error('no message 1')
    expect(first.source?.toString()).toBe(makeMessage(0).text)
    expect(new Date(first.internalDate ?? 0).getTime()).toBe(makeMessage(0).internalDate * 1000)
    await imap.messageCopy('1:10', folder)
    lock.release()
    const other = await imap.getMailboxLock(folder)
    await imap.messageFlagsAdd('1:*', ['\\Answered'])
    await imap.messageDelete('1:4')
    expect(await imap.search({ answered: true })).toHaveLength(6)
    other.release()
    await imap.logout()
  })
}

test('IDLE delivers a new message', async () => {
  const imap = await connect({ secure: true })
  const lock = await imap.getMailboxLock('INBOX')
  const exists = new Promise<number>(resolve => imap.once('exists', (event: { count: number }) => resolve(event.count)))
  const idle = imap.idle()
  const before = imap.mailbox === false ? 0 : imap.mailbox.exists
  const delivery = await logIn(stage.dovecot.account(user))
  const message = 'Subject: new\r\n\r\nnew\r\n'
  await delivery.ok(`APPEND INBOX {${message.length}+}\r\n${message}`)
  delivery.destroy()
  expect(await within('EXISTS', 10_000, exists)).toBe(before + 1)
  lock.release()
  await imap.logout()
  await idle
})

test('COMPRESS=DEFLATE works when the upstream offers it', async () => {
  const imap = await connect({ secure: true })
  expect(imap.capabilities.has('COMPRESS=DEFLATE')).toBe(true)
  const lock = await imap.getMailboxLock('INBOX')
  const texts: string[] = []
  for await (const message of imap.fetch('1:40', { source: true })) texts.push(message.source?.toString() ?? '')
  expect(texts).toEqual(Array.from({ length: 40 }, (_, index) => makeMessage(index).text))
  lock.release()
  await imap.logout()
  // Dovecot says it where both sides count: the session was compressed, not only offered.
  expect(stage.dovecot.readLog()).not.toContain('COMPRESS failed')
})
