/** After login the gateway adds, drops and changes nothing: the same bytes as at the upstream, in both directions. */
import { constants, createDeflateRaw, createInflateRaw } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { ImapAccount } from '../fixtures/clients/imap-account.ts'
import { makeMessage, seedMaildir } from '../fixtures/clients/maildir.ts'
import { logIn, openImaps, quote, type RawImap } from '../fixtures/clients/raw-imap.ts'
import { openTap, type Tap } from '../fixtures/misbehaving/tap.ts'
import { Mailwicket, upstreamOf } from '../fixtures/program/mailwicket.ts'
import { Dovecot } from '../fixtures/servers/dovecot.ts'

const user = 'reader@example.com'
let dovecot: Dovecot
let tap: Tap
let gateway: Mailwicket
let account: ImapAccount

beforeAll(async () => {
  dovecot = await Dovecot.open({ users: { [user]: 'upstream-secret-1' } })
  seedMaildir(
    dovecot.maildir(user),
    Array.from({ length: 50 }, (_, index) => makeMessage(index)),
  )
  tap = await openTap(dovecot.ports.plain)
  gateway = await Mailwicket.open({ upstreams: [upstreamOf(dovecot, { address: `127.0.0.1:${tap.port}` })] })
  await gateway.addMailboxOf(dovecot, user)
  const device = await gateway.addDevice(user, 'Recorder')
  await gateway.serve()
  account = gateway.account(user, device.password)
})

afterAll(async () => {
  await gateway?.close()
  await tap?.close()
  await dovecot?.stop()
})

const odd = Array.from({ length: 256 }, (_, byte) => String.fromCharCode(byte))
  .join('')
  .replace('\0', '')
const mail = `Subject: odd bytes\r\n\r\n${odd}\r\n`
/** Commands of many shapes, among them ones that look like our own protocol before login. */
const commands = [
  'c1 CAPABILITY',
  'c2 LIST "" "*"',
  'c3 EXAMINE INBOX',
  'c4 FETCH 1:50 (FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODYSTRUCTURE BODY.PEEK[])',
  'c5 UID SEARCH RETURN (ALL) SEEN',
  'c6 SEARCH CHARSET UTF-8 SUBJECT {9+}\r\nMessage 7',
  'c7 LOGIN somebody "else here"',
  'c8 AUTHENTICATE PLAIN',
  'c9 STARTTLS',
  'c10 NONSENSE (((',
  'c11 ENABLE QRESYNC',
  'c12 NOOP',
]

async function runScript(imap: RawImap): Promise<void> {
  for (const line of commands) {
    imap.write(`${line}\r\n`)
    await imap.readReply(line.split(' ')[0] ?? '')
  }
  imap.write('c13 LOGOUT\r\n')
  await imap.readToEnd()
}

/** Dovecot tells how long it took: the only thing that differs between two runs. */
const withoutTimings = (text: string) => text.replace(/\((\d+\.\d+ \+ )+\d+\.\d+ secs\)/g, '(time)')

test('a transcript through the gateway equals one taken directly', async () => {
  // The first session changes the mailbox: it makes the index and turns QRESYNC on for ever.
  await runScript(await logIn(dovecot.account(user)))
  const through = await logIn(account)
  await runScript(through)
  const direct = await logIn(dovecot.account(user))
  await runScript(direct)
  const afterLogin = (imap: RawImap) => {
    const text = imap.received.toString('latin1')
    return withoutTimings(text.slice(text.indexOf('\r\n', text.indexOf('\r\nt1 OK') + 2)))
  }
  expect(afterLogin(through).length).toBeGreaterThan(10_000)
  expect(afterLogin(through)).toBe(afterLogin(direct))
})

test('the bytes on both sides of the gateway are the same bytes', async () => {
  const imap = await openImaps(account)
  const login = `a LOGIN ${quote(user)} ${quote(account.password)}\r\n`
  const script = `${commands.join('\r\n')}\r\nc13 APPEND INBOX (\\Draft) {${mail.length}+}\r\n${mail}\r\nc14 LOGOUT\r\n`
  // Everything at once: nothing behind the login may be read as a command of ours, nothing reordered.
  imap.write(login + script)
  await imap.readReply('a')
  const received = await imap.readToEnd()
  const connection = tap.connections.at(-1)
  const fromUpstream = Buffer.concat(connection?.fromUpstream ?? []).toString('latin1')
  const fromGateway = Buffer.concat(connection?.fromGateway ?? []).toString('latin1')
  expect(received).toContain('c14 OK')
  expect(fromUpstream.endsWith(received)).toBe(true)
  expect(fromGateway.endsWith(script)).toBe(true)
  expect(fromGateway).not.toContain(account.password)
})

test('COMPRESS goes through untouched', async () => {
  const imap = await logIn(account)
  await imap.ok('COMPRESS DEFLATE')
  const deflate = createDeflateRaw()
  const inflate = createInflateRaw()
  let text = ''
  const done = Promise.withResolvers<void>()
  inflate.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1')
    if (/^z4 OK/m.test(text)) done.resolve()
  })
  deflate.on('data', (chunk: Buffer) => imap.write(chunk))
  imap.socket.on('data', (chunk: Buffer) => void inflate.write(chunk))
  deflate.write('z1 EXAMINE INBOX\r\nz2 FETCH 1:50 (FLAGS BODY.PEEK[])\r\nz3 NOOP\r\nz4 LOGOUT\r\n')
  deflate.flush(constants.Z_SYNC_FLUSH)
  await done.promise
  for (let index = 0; index < 50; index++) expect(text).toContain(makeMessage(index).text)
  imap.destroy()
})

test('an IDLE of the client and its DONE pass at once', async () => {
  const imap = await logIn(account)
  await imap.ok('SELECT INBOX')
  imap.write('i1 IDLE\r\n')
  expect(await imap.readLine()).toMatch(/^\+ /)
  imap.write('DONE\r\ni2 NOOP\r\ni3 IDLE\r\n')
  expect(await imap.readReply('i2')).toMatch(/^i1 OK[\s\S]*^i2 OK/m)
  imap.write('DONE\r\n')
  expect(await imap.readReply('i3')).toMatch(/^i3 OK/m)
  imap.destroy()
})

test('an app that ends its side behind the last command still gets the whole answer', async () => {
  const imap = await logIn(account)
  imap.write('b EXAMINE INBOX\r\nc FETCH 1:50 BODY.PEEK[]\r\nd LOGOUT\r\n')
  imap.end()
  const text = await imap.readToEnd()
  for (let index = 0; index < 50; index++) expect(text).toContain(makeMessage(index).text)
  expect(text).toMatch(/^d OK/m)
})
