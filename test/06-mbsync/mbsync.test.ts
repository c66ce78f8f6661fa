/** mbsync: a two-way sync of 2,000 messages, then changes of flags, new mail and deletions on both sides. */
import { mkdirSync, readdirSync, renameSync, unlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { runOk } from '../fixtures/child-process.ts'
import type { ImapAccount } from '../fixtures/clients/imap-account.ts'
import { makeMessage, seedMaildir } from '../fixtures/clients/maildir.ts'
import { logIn } from '../fixtures/clients/raw-imap.ts'
import { Stage } from '../fixtures/program/stage.ts'

const user = 'reader@example.com'
const total = 2000
let stage: Stage
let account: ImapAccount
let local: string
let config: string

beforeAll(async () => {
  stage = await Stage.open({ users: [user] })
  const messages = Array.from({ length: total }, (_, index) => makeMessage(index))
  seedMaildir(stage.dovecot.maildir(user), messages)
  await stage.gateway.serve()
  account = await stage.addAccount(user, 'mbsync')
  local = join(stage.dovecot.dir, 'local')
  config = join(stage.dovecot.dir, 'mbsyncrc')
  const secret = join(stage.dovecot.dir, 'mbsync.pass')
  mkdirSync(local)
  writeFileSync(secret, `${account.password}\n`, { mode: 0o600 })
  // Sections end at an empty line.
  const sections = [
    ['FSync no'],
    [
      'IMAPAccount gateway',
      'Host localhost',
      `Port ${account.port}`,
      `User ${user}`,
      `PassCmd "cat ${secret}"`,
      'SSLType IMAPS',
      `CertificateFile ${account.ca}`,
    ],
    ['IMAPStore far', 'Account gateway'],
    ['MaildirStore near', `Path ${local}/`, `Inbox ${local}/INBOX`, 'SubFolders Verbatim'],
    [
      'Channel all',
      'Far :far:',
      'Near :near:',
      'Patterns INBOX',
      'Create Near',
      'Expunge Both',
      'Sync All',
      'CopyArrivalDate yes',
      `SyncState ${local}/state-`,
    ],
  ]
  writeFileSync(config, sections.map(section => `${section.join('\n')}\n\n`).join(''))
})

afterAll(async () => await stage?.close())

async function sync(): Promise<void> {
  await runOk('mbsync', ['--config', config, '--quiet', 'all'])
}

const current = () => join(local, 'INBOX', 'cur')

/** Local messages by their number: file name and flags. */
async function readLocal(): Promise<Map<string, string>> {
  const found = new Map<string, string>()
  const { stdout } = await runOk('grep', ['-r', '-H', '-i', '^Message-ID:', join(local, 'INBOX')])
  for (const line of stdout.trim().split('\n')) {
    const [, name, id] = /\/([^/]+?):Message-ID: <([^>]+)>/i.exec(line) ?? []
    if (name === undefined || id === undefined) throw new Error(`unexpected: ${line}`)
    found.set(id, name)
  }
  return found
}

const flagsOf = (name: string) => (name.split(':2,')[1] ?? '').replace('T', '')
const letters: Record<string, string> = { '\\Seen': 'S', '\\Answered': 'R', '\\Flagged': 'F', '\\Draft': 'D', '\\Deleted': 'T' }

/** Messages of the real server, asked directly: number and flags in Maildir's letters. */
async function readServer(): Promise<Map<string, string>> {
  const imap = await logIn(stage.dovecot.account(user))
  await imap.ok('SELECT INBOX')
  const reply = await imap.ok('FETCH 1:* (FLAGS BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])')
  imap.destroy()
  const found = new Map<string, string>()
  for (const [, flags, id] of reply.matchAll(/FLAGS \(([^)]*)\)[^<]*<([^>]+)>/g)) {
    const set = (flags ?? '').split(' ').map(flag => letters[flag] ?? '')
    found.set(id ?? '', set.sort().join(''))
  }
  return found
}

async function expectSame(count: number): Promise<void> {
  const [near, far] = [await readLocal(), await readServer()]
  expect(far.size).toBe(count)
  expect(Object.fromEntries([...near].map(([id, name]) => [id, flagsOf(name)]).sort())).toEqual(Object.fromEntries([...far].sort()))
}

test('pulls 2,000 messages with their flags', async () => {
  await sync()
  await expectSame(total)
})

test('carries changes of both sides at once', async () => {
  const near = await readLocal()
  const file = (index: number) => {
    const name = near.get(`seed-${index}@example.com`)
    if (name === undefined) throw new Error(`no local message ${index}`)
    return join(readdirSync(current()).includes(name) ? current() : join(local, 'INBOX', 'new'), name)
  }
  for (let index = 0; index < 100; index++) unlinkSync(file(index))
  for (let index = 100; index < 300; index++) {
    const from = file(index)
    const name = from.split('/').at(-1) ?? ''
    renameSync(from, join(current(), `${name.split(':2,')[0]}:2,FRS`))
  }
  for (let index = 5000; index < 5100; index++) writeFileSync(join(local, 'INBOX', 'new', `${index}.local`), makeMessage(index).text.replaceAll('\r\n', '\n'))
  const imap = await logIn(stage.dovecot.account(user))
  await imap.ok('SELECT INBOX')
  await imap.ok('STORE 1001:1200 +FLAGS.SILENT (\\Answered)')
  await imap.ok('STORE 1501:1600 +FLAGS.SILENT (\\Deleted)')
  await imap.ok('EXPUNGE')
  await imap.ok('LOGOUT')
  imap.destroy()
  await sync()
  await expectSame(total - 100 - 100 + 100)
  const server = await readServer()
  expect(server.get('seed-150@example.com')).toBe('FRS')
  expect(server.has('seed-50@example.com')).toBe(false)
  expect(server.has('seed-5050@example.com')).toBe(true)
  expect((await readLocal()).has('seed-1550@example.com')).toBe(false)
})

test('has nothing left to do after that', async () => {
  const before = await readServer()
  await sync()
  expect(await readServer()).toEqual(before)
})
