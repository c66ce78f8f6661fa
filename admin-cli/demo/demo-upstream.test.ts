/** The demo's mail server, spoken to by a client that others wrote. */
import { once } from 'node:events'
import { ImapFlow } from 'imapflow'
import { simpleParser } from 'mailparser'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { type DemoUpstream, startDemoUpstream } from './demo-upstream.ts'

const ADDRESS = 'ada@example.test'
let upstream: DemoUpstream
let client: ImapFlow

beforeEach(async () => {
  upstream = await startDemoUpstream({ address: ADDRESS, password: 'right-marker', port: 0, now: Date.UTC(2026, 10, 26, 12) })
  client = new ImapFlow({
    host: '127.0.0.1',
    port: upstream.port,
    secure: false,
    doSTARTTLS: false,
    auth: { user: ADDRESS, pass: 'right-marker' },
    logger: false,
  })
  await client.connect()
})
afterEach(async () => {
  client.close()
  await upstream.close()
})

it('lists its mailboxes with what each is for', async () => {
  const mailboxes = await client.list()
  expect(mailboxes.map(({ path, specialUse }) => [path, specialUse])).toEqual([
    ['INBOX', '\\Inbox'],
    ['Sent', '\\Sent'],
    ['Drafts', '\\Drafts'],
    ['Archive', '\\Archive'],
    ['Junk', '\\Junk'],
    ['Trash', '\\Trash'],
  ])
  expect(await client.status('INBOX', { messages: true, unseen: true, uidNext: true })).toMatchObject({ messages: 5, unseen: 3, uidNext: 6 })
})

it('shows messages as an independent parser reads them: envelope, parts, text, attachment', async () => {
  await client.mailboxOpen('INBOX')
  const messages = await client.fetchAll('1:*', { envelope: true, bodyStructure: true, source: true, flags: true, size: true })
  expect(messages).toHaveLength(5)
  for (const { envelope, source, size, bodyStructure } of messages) {
    const parsed = await simpleParser(source as Buffer)
    expect(source).toHaveLength(size as number)
    expect({ subject: envelope?.subject, from: envelope?.from?.[0]?.address, id: envelope?.messageId, date: envelope?.date }).toEqual({
      subject: parsed.subject,
      from: parsed.from?.value[0]?.address,
      id: parsed.messageId,
      date: parsed.date,
    })
    const isMultipart = parsed.attachments.length > 0 || parsed.html !== false
    expect(bodyStructure?.childNodes?.length ?? 0).toBe(isMultipart ? 2 : 0)
  }
  const { content, meta } = await client.download('4', '2')
  let text = ''
  for await (const chunk of content ?? []) text += chunk
  expect([meta?.filename, text]).toEqual(['invoice-2026-0117.csv', expect.stringContaining('Espresso beans')])
})

it('searches, flags, copies, moves, appends and expunges', async () => {
  await client.mailboxOpen('INBOX')
  expect(await client.search({ from: 'lin', seen: false }, { uid: true })).toEqual([3])
  expect(await client.search({ since: '2026-11-26', not: { subject: 'invoice' } })).toEqual([5])
  await client.messageFlagsAdd('1', ['\\Flagged'])
  expect(await client.search({ flagged: true })).toEqual([1, 5])
  await client.messageMove('1', 'Archive')
  await client.messageCopy('1', 'Trash')
  await client.messageDelete('2')
  expect((client.mailbox as { exists: number }).exists).toBe(3)
  await client.append('Drafts', 'Subject: \xe4\r\n\r\nbody\r\n', ['\\Draft'], new Date('2026-01-02T03:04:05Z'))
  for (const [path, count] of [
    ['Archive', 1],
    ['Trash', 1],
    ['Drafts', 2],
  ] as const)
    expect(await client.status(path, { messages: true })).toMatchObject({ messages: count })
  await client.mailboxCreate('Projects')
  await client.mailboxRename('Projects', 'Work')
  await client.mailboxDelete('Work')
  expect(await client.list()).toHaveLength(6)
})

it('tells an idle client of a message that comes', async () => {
  await client.mailboxOpen('INBOX')
  const told = once(client, 'exists')
  const idle = client.idle()
  upstream.deliver(Buffer.from('Subject: new\r\n\r\nnew\r\n'))
  expect((await told)[0]).toMatchObject({ count: 6, prevCount: 5 })
  await client.noop()
  await idle
})

it('refuses a wrong password', async () => {
  const other = new ImapFlow({ host: '127.0.0.1', port: upstream.port, secure: false, auth: { user: ADDRESS, pass: 'wrong-marker' }, logger: false })
  await expect(other.connect()).rejects.toMatchObject({ authenticationFailed: true })
})
