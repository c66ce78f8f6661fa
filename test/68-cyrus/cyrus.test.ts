/** A Cyrus behind the gateway: every way to log in there, its master login, sync, waiting, large mail, what it offers by itself (COMPRESS), refusals, revocation. */
import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { constants, createDeflateRaw } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { runOk } from '../fixtures/child-process.ts'
import type { ImapAccount } from '../fixtures/clients/imap-account.ts'
import { lastLineOf, logIn, openImaps, quote, type RawImap } from '../fixtures/clients/raw-imap.ts'
import { inTime, waitFor, within } from '../fixtures/deadline.ts'
import { Mailwicket, type UpstreamSpec } from '../fixtures/program/mailwicket.ts'
import { Cyrus } from '../fixtures/servers/cyrus.ts'

const user = 'reader@example.com'
const wrong = 'wrong@example.com'
/** With what has to be escaped or be sent as a literal. */
const password = 'upstream "secret" \\ 68'

/** Name of an upstream to how it is reached; each has its own domain, and a mailbox whose login there is `user`. */
const WAYS = {
  'implicit TLS': { port: 'tls', tls: 'implicit' },
  STARTTLS: { port: 'plain', tls: 'starttls' },
  'AUTHENTICATE PLAIN': { port: 'plain', tls: 'none' },
  'AUTHENTICATE LOGIN': { port: 'onlyAuthLogin', tls: 'none' },
  'the LOGIN command': { port: 'onlyLogin', tls: 'none' },
} as const satisfies Record<string, { port: keyof Cyrus['ports']; tls: UpstreamSpec['tls'] }>
const ways = Object.keys(WAYS) as (keyof typeof WAYS)[]
const addressOf = (way: keyof typeof WAYS) => `reader@way${ways.indexOf(way)}.example`

let cyrus: Cyrus
let gateway: Mailwicket
let account: ImapAccount

beforeAll(async () => {
  cyrus = await Cyrus.open({ [user]: password, [wrong]: 'the right one, which nobody told us' })
  const upstreams = ways.map((way, index): UpstreamSpec => {
    const { port, tls } = WAYS[way]
    return { name: `way${index}`, domains: [`way${index}.example`], address: `localhost:${cyrus.ports[port]}`, tls, ca: cyrus.authority.ca }
  })
  const master: UpstreamSpec = { name: 'master', domains: ['example.com'], address: `localhost:${cyrus.ports.plain}`, tls: 'none', auth: 'authzid' }
  gateway = await Mailwicket.open({ upstreams: [...upstreams, master] })
  await gateway.addMailbox(user)
  await gateway.serve()
  account = gateway.account(user, (await gateway.addDevice(user, 'Phone')).password)
})

afterAll(async () => {
  await gateway?.close()
  await cyrus?.stop()
})

describe('the gateway logs in by', () => {
  test.each(ways)('%s', async way => {
    const address = addressOf(way)
    // The login is tried here: what `mailbox add` takes, devices can use.
    await gateway.addMailbox(address, password, ['--login', user])
    const imap = await logIn(gateway.account(address, (await gateway.addDevice(address, 'Phone')).password))
    expect(await imap.ok('SELECT INBOX')).toContain('UIDVALIDITY')
    imap.destroy()
  })

  test('a master user among the proxyservers, who names the mailbox: it is that one', async () => {
    const master = await logIn(account)
    await master.ok('CREATE made-by-the-owner')
    const owner = await logIn(cyrus.account(user))
    expect(await owner.ok('LIST "" *')).toContain('made-by-the-owner')
    await owner.ok('DELETE made-by-the-owner')
    for (const imap of [master, owner]) imap.destroy()
  })
})

describe('an app logs in by', () => {
  const plain = () => Buffer.from(`\0${account.user}\0${account.password}`).toString('base64')
  const base64 = (text: string) => Buffer.from(text).toString('base64')
  test.each([
    ['LOGIN with atoms', () => [`a LOGIN ${user} ${account.password}\r\n`]],
    ['LOGIN with literals', () => [`a LOGIN {${user.length}+}\r\n${user} {${account.password.length}+}\r\n${account.password}\r\n`]],
    ['PLAIN with an initial response', () => [`a AUTHENTICATE PLAIN ${plain()}\r\n`]],
    ['PLAIN when it is asked', () => ['a AUTHENTICATE PLAIN\r\n', `${plain()}\r\n`]],
    ['LOGIN with two prompts', () => ['a AUTHENTICATE LOGIN\r\n', `${base64(user)}\r\n`, `${base64(account.password)}\r\n`]],
  ])('%s', async (_name, partsOf) => {
    const imap = await openImaps(account)
    const parts = partsOf()
    for (const [index, part] of parts.entries()) {
      imap.write(part)
      if (index < parts.length - 1) expect(await imap.readLine()).toMatch(/^\+ /)
    }
    // Cyrus offers it by itself, and it reaches the app.
    expect(lastLineOf(await imap.readReply('a'))).toMatch(/^a OK \[CAPABILITY [^\]]*\bCOMPRESS=DEFLATE/)
    await imap.ok('SELECT INBOX')
    imap.destroy()
  })
})

test('a transcript through the gateway equals one taken directly', async () => {
  const script = [
    'LIST "" *',
    'EXAMINE INBOX',
    'STATUS Sent (MESSAGES UIDNEXT)',
    'NAMESPACE',
    'GETQUOTAROOT INBOX',
    'NONSENSE (((',
    'LOGIN a b',
    'STARTTLS',
    'NOOP',
  ]
  const run = async (who: ImapAccount) => {
    const imap = await logIn(who)
    let said = ''
    for (const command of script) said += await imap.command(command)
    imap.write('z LOGOUT\r\n')
    said += await imap.readToEnd()
    // How long it took, which differs between two runs.
    return said.replaceAll(/\(\d+\.\d+ secs/g, '(time')
  }
  const direct = await run(cyrus.account(user))
  expect(direct).toContain('* BYE')
  // The same way in: a proxy user sees what the owner sees.
  expect(await run(account)).toBe(direct)
})

test('IDLE: mail that arrives is told while the app waits', async () => {
  const waiting = await logIn(account)
  await waiting.ok('SELECT INBOX')
  waiting.write('i IDLE\r\n')
  await waiting.readUntil('+ ')
  const writer = await logIn(cyrus.account(user))
  writer.write('w APPEND INBOX {21+}\r\nSubject: news\r\n\r\nnow\r\n\r\n')
  await writer.readReply('w')
  await waiting.readUntil('EXISTS', inTime(10_000))
  waiting.write('DONE\r\n')
  expect(lastLineOf(await waiting.readReply('i'))).toMatch(/^i OK/)
  for (const imap of [waiting, writer]) imap.destroy()
})

test('10 MB go up by APPEND and come back equal', async () => {
  const lines = Array.from({ length: 150_000 }, (_, index) => `${createHash('md5').update(String(index)).digest('hex').repeat(2)}\r\n`)
  const message = Buffer.from(`Subject: large\r\n\r\n${lines.join('')}`)
  const imap = await logIn(account)
  await imap.ok('CREATE large')
  await imap.writeAll(`a APPEND large {${message.length}+}\r\n`)
  await imap.writeAll(message)
  imap.write('\r\n')
  expect(lastLineOf(await imap.readReply('a', 120_000))).toMatch(/^a OK \[APPENDUID/)
  await imap.ok('SELECT large')
  const reply = await imap.command('FETCH 1 BODY.PEEK[]', 120_000)
  expect(reply.includes(message.toString('latin1'))).toBe(true)
  imap.destroy()
})

test('mbsync: new mail, flags and deletions in both directions', async () => {
  const local = join(cyrus.dir, 'local')
  const file = join(cyrus.dir, 'mbsyncrc')
  const secret = join(cyrus.dir, 'mbsync.pass')
  mkdirSync(local)
  writeFileSync(secret, `${account.password}\n`, { mode: 0o600 })
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
    ['Channel all', 'Far :far:', 'Near :near:', 'Patterns Sent', 'Create Both', 'Expunge Both', 'Sync All', `SyncState ${local}/state-`],
  ]
  writeFileSync(file, sections.map(section => `${section.join('\n')}\n\n`).join(''))
  const sync = async () => await runOk('mbsync', ['--config', file, '--quiet', 'all'])
  const far = await logIn(cyrus.account(user))
  const append = async (subject: string) => {
    const text = `Subject: ${subject}\r\n\r\nhello\r\n`
    far.write(`p APPEND Sent {${text.length}+}\r\n${text}\r\n`)
    await far.readReply('p')
  }
  for (let index = 0; index < 50; index++) await append(`far ${index}`)
  await sync()
  expect([...readdirSync(join(local, 'Sent/new')), ...readdirSync(join(local, 'Sent/cur'))]).toHaveLength(50)
  writeFileSync(join(local, 'Sent/cur/1.near.localhost:2,F'), 'Subject: near\n\nhello\n')
  await far.ok('SELECT Sent')
  await far.ok('STORE 1:10 +FLAGS (\\Deleted)')
  await far.ok('EXPUNGE')
  await far.ok('STORE 1 +FLAGS (\\Answered)')
  await sync()
  const cur = readdirSync(join(local, 'Sent/cur'))
  expect([...readdirSync(join(local, 'Sent/new')), ...cur]).toHaveLength(41)
  expect(cur.some(name => /:2,[A-Z]*R/.test(name))).toBe(true)
  await far.ok('NOOP')
  expect(await far.ok('SEARCH FLAGGED SUBJECT near')).toMatch(/\* SEARCH \d+/)
  far.destroy()
})

describe('a refusal', () => {
  test('of a device’s password is ours, and Cyrus hears nothing of it', async () => {
    const imap = await openImaps(account)
    expect(await imap.command(`LOGIN ${user} ${quote('k7mq-x2pd-9rtf-h4wz-c8nb')}`)).toMatch(/^t1 NO \[AUTHENTICATIONFAILED\]/)
    imap.destroy()
  })

  test('of our own login: `mailbox add` says so, and an app keeps its password', async () => {
    const address = 'wrong@way2.example'
    const refused = await gateway.run(['mailbox', 'add', address, '--login', wrong, '--secret-stdin'], { input: 'not its password' })
    expect(`${refused.code} ${refused.stderr}`).toMatch(/authentication failure/)
    expect(refused.code).not.toBe(0)
    await gateway.addMailbox(address, 'not its password', ['--login', wrong, '--no-verify'])
    const device = await gateway.addDevice(address, 'Phone')
    const imap = await openImaps(gateway.account(address, device.password))
    expect(await imap.command(`LOGIN ${address} ${device.password}`, inTime(30_000))).toMatch(/^t1 NO \[CONTACTADMIN\]/)
    imap.destroy()
    expect(gateway.log.filter(line => line.event === 'upstream.refused-us')).not.toEqual([])
  })
})

describe('revocation', () => {
  async function open(name: string): Promise<{ session: RawImap; id: string }> {
    const device = await gateway.addDevice(user, name)
    const session = await logIn(gateway.account(user, device.password))
    await session.ok('SELECT INBOX')
    return { session, id: device.id }
  }

  test('ends a session with BYE, though COMPRESS is offered', async () => {
    const { session, id } = await open('Lost')
    await gateway.json(['device', 'revoke', id])
    expect(await within('the end', inTime(1_250), session.readToEnd())).toMatch(/^\* BYE /m)
  })

  test('ends one that compresses too, without a word that it could not read', async () => {
    const { session, id } = await open('Lost, compressing')
    await session.ok('COMPRESS DEFLATE')
    const { length } = session.received
    const deflate = createDeflateRaw({ finishFlush: constants.Z_SYNC_FLUSH })
    deflate.on('data', (chunk: Buffer) => session.write(chunk))
    deflate.write('n NOOP\r\n')
    deflate.flush(constants.Z_SYNC_FLUSH)
    await waitFor('its answer', 10_000, () => session.received.length > length)
    await gateway.json(['device', 'revoke', id])
    expect(await within('the end', inTime(1_250), session.readToEnd())).not.toContain('BYE')
  })
})
