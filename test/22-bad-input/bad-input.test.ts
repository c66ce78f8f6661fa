/** What is not IMAP, on the real listener: the process lives, a good login works afterwards, memory does not grow. */
import fc from 'fast-check'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { ImapAccount } from '../fixtures/clients/imap-account.ts'
import { logIn, openImaps, openRawImap, type RawImap } from '../fixtures/clients/raw-imap.ts'
import { Inspector } from '../fixtures/program/inspector.ts'
import { Stage } from '../fixtures/program/stage.ts'

const user = 'reader@example.com'
let stage: Stage
let account: ImapAccount
let bystander: RawImap
let inspector: Inspector
let before: { readonly counts: Record<string, number>; readonly used: number }

/** Of these there are some for each connection. */
const perConnection = ['Connection', 'LiveSession', 'ImapSession', 'BoundLog', 'TLSSocket']

beforeAll(async () => {
  stage = await Stage.open({ users: [user] })
  await stage.gateway.serve()
  account = await stage.addAccount(user, 'Fuzzer')
  bystander = await logIn(account)
  // The first connections make buffers and compile code.
  for (let index = 0; index < 50; index++) (await openImaps(account)).destroy()
  inspector = await Inspector.open(stage.gateway)
  await inspector.waitForInstances({ Connection: 1 })
  before = { counts: await inspector.countInstances(perConnection), used: await inspector.readUsedBytes() }
})

afterAll(async () => {
  inspector?.close()
  await stage?.close()
})

afterEach(async () => {
  expect(stage.gateway.isAlive()).toBe(true)
  await bystander.ok('NOOP')
  const imap = await logIn(account)
  await imap.ok('SELECT INBOX')
  imap.destroy()
})

/** Sends it, then LOGOUT; gives all that was answered until the connection ended. */
async function answerTo(bytes: string | Uint8Array, timeoutMs = 15_000): Promise<string> {
  const imap = await openImaps(account)
  await imap.writeAll(bytes)
  imap.write('\r\nzz LOGOUT\r\n')
  const text = await imap.readToEnd(timeoutMs)
  imap.destroy()
  return text
}

const ended = /^(zz OK|\* BYE)/m

describe('single commands', () => {
  test.each([
    ['NULs', '\0\0\0\0'],
    ['a NUL in a command', 'a LOGIN us\0er pass'],
    ['a NUL in a literal', 'a LOGIN {3+}\r\na\0b {3+}\r\nc\0d'],
    ['bytes over 127', 'a LOGIN \xff\xfe\xfd \x80'],
    ['a lone carriage return', 'a NOOP\rb NOOP\r'],
    ['line feeds alone', 'a NOOP\nb NOOP\n'],
    ['empty lines', '\r\n\r\n\r\n'],
    ['a tag alone', 'a'],
    ['a space first', ' a NOOP'],
    ['no tag', '* NOOP'],
    ['a plus as tag', '+ NOOP'],
    ['10,000 opening brackets', `a NOOP ${'('.repeat(10_000)}`],
    ['10,000 opening brackets behind ID', `a ID ${'('.repeat(10_000)}`],
    ['10,000 square brackets', `a FETCH 1 BODY${'['.repeat(10_000)}`],
    ['a list of 10,000 in ID', `a ID (${'"k" "v" '.repeat(10_000).trim()})`],
    ['an unfinished quoted string', 'a LOGIN "user "pass'],
    ['a quote with a line end', 'a LOGIN "us\r\ner" x'],
    ['a negative literal', 'a LOGIN {-1}'],
    ['a literal that is no number', 'a LOGIN {abc}'],
    ['a literal of nothing', 'a LOGIN {0+}\r\n {0+}\r\n'],
    ['a number that ends with zeros', 'a LOGIN {00000000000000000000000001+}\r\nx y'],
    ['a literal of 23 digits', 'a LOGIN {99999999999999999999999}'],
    ['a verb of an object', 'a constructor x'],
    ['another one', 'a __proto__ x'],
    ['and one more', 'a hasOwnProperty'],
  ])('%s', async (_name, bytes) => expect(await answerTo(bytes)).toMatch(ended))

  test.each([
    ['{4294967295}', 'a LOGIN {4294967295}\r\n'],
    ['{4294967295+}', 'a LOGIN {4294967295+}\r\n'],
    ['a line of 64 KiB + 1', `a LOGIN ${'x'.repeat(64 * 1024 + 1 - 8)}\r\n`],
    ['a literal of 64 KiB + 1', `a LOGIN {65537+}\r\n${'x'.repeat(65537)}`],
    ['a line of 5 MB', 'y'.repeat(5_000_000)],
  ])('%s ends the connection', async (_name, bytes) => {
    const imap = await openImaps(account)
    await imap.writeAll(bytes)
    expect(await imap.readToEnd()).toMatch(/^(\* BYE|a BAD)/m)
    imap.destroy()
  })

  test('a literal that is announced and never sent is not asked for when it is too large', async () => {
    const imap = await openImaps(account)
    imap.write('a LOGIN {70000}\r\n')
    expect(await imap.readLine()).not.toMatch(/^\+/)
    imap.destroy()
  })
})

describe('verbs before login', () => {
  const verbs =
    'SELECT EXAMINE CREATE DELETE RENAME SUBSCRIBE UNSUBSCRIBE LIST LSUB NAMESPACE STATUS APPEND IDLE CLOSE UNSELECT EXPUNGE SEARCH FETCH STORE COPY MOVE UID CHECK SORT THREAD GETQUOTA SETACL NOTIFY COMPRESS UNAUTHENTICATE X-NETSCAPE XLIST STARTTLS'
  test.each(verbs.split(' '))('%s is answered BAD or NO with its own tag', async verb => {
    const imap = await openImaps(account)
    for (const [tag, args] of [
      ['v1', ''],
      ['v2', ' INBOX'],
      ['v3', ' {5+}\r\nINBOX (\\Seen) {3+}\r\nabc'],
    ] as const) {
      imap.write(`${tag} ${verb}${args}\r\n`)
      expect(await imap.readReply(tag)).toMatch(new RegExp(`^${tag} (BAD|NO)`))
    }
    await imap.ok(`LOGIN ${user} ${account.password}`)
    imap.destroy()
  })

  test('before TLS: every verb but a few is refused, no password is taken', async () => {
    const imap = await openRawImap({ host: '127.0.0.1', port: account.starttlsPort, tls: 'none' })
    await imap.readLine()
    for (const verb of ['LOGIN a b', 'AUTHENTICATE PLAIN', 'AUTHENTICATE LOGIN']) expect(await imap.command(verb)).toMatch(/ NO \[PRIVACYREQUIRED\]/)
    for (const verb of ['NOOP', 'CAPABILITY', 'ID NIL']) await imap.ok(verb)
    expect(await imap.command('SELECT INBOX')).toMatch(/ (BAD|NO)/)
    expect(await imap.command('STARTTLS now')).toMatch(/ BAD/)
    imap.destroy()
  })

  test('ten malformed commands end with BYE', async () => {
    const imap = await openImaps(account)
    for (let index = 0; index < 12; index++) imap.write(`m${index} LOGIN "unfinished\r\n`)
    expect(await imap.readToEnd()).toMatch(/^\* BYE/m)
  })
})

test('bytes that are not TLS on the TLS port', async () => {
  for (const bytes of ['a NOOP\r\n', 'GET / HTTP/1.1\r\nHost: x\r\n\r\n', '\0'.repeat(1000), 'PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n']) {
    const imap = await openRawImap({ host: '127.0.0.1', port: account.port, tls: 'none' })
    imap.write(bytes)
    expect(await imap.readToEnd()).not.toContain('* OK')
  }
})

test('connections that come and go in every state', async () => {
  const states: ((imap: RawImap) => Promise<void>)[] = [
    async () => {},
    async imap => void imap.write('a LOGIN {10}\r\n'),
    async imap => void imap.write('a AUTHENTICATE PLAIN\r\n'),
    async imap => void imap.write(`a LOGIN ${user} ${account.password}\r\n`),
    async imap => imap.end(),
    async imap => void (await imap.ok(`LOGIN ${user} ${account.password}`)),
  ]
  for (let round = 0; round < 20; round++) {
    const all = states.map(async state => {
      const imap = await openImaps(account)
      await state(imap)
      imap.destroy()
    })
    await Promise.all(all)
  }
})

test('random bytes and random pieces of IMAP, for some seconds', async () => {
  const word = fc.constantFrom(
    'LOGIN',
    'AUTHENTICATE',
    'PLAIN',
    'ID',
    'NOOP',
    'CAPABILITY',
    'STARTTLS',
    'NIL',
    '(',
    ')',
    '"',
    '\\',
    '{3}',
    '{3+}',
    '{0+}',
    '{999}',
    '\r\n',
    '\r',
    '\n',
    '\0',
    ' ',
    '=',
    '*',
    '+',
    '[',
    ']',
    'a',
    'AAAA',
    user,
  )
  const pieces = fc.array(fc.oneof(word, fc.string({ maxLength: 8 })), { maxLength: 40 }).map(list => Buffer.from(list.join(''), 'utf8'))
  const bytes = fc.oneof(
    pieces,
    fc.uint8Array({ maxLength: 300 }).map(list => Buffer.from(list)),
  )
  await fc.assert(
    fc.asyncProperty(bytes, fc.integer({ min: 1, max: 50 }), async (input, cut) => {
      const imap = await openImaps(account)
      for (let at = 0; at < input.length; at += cut) imap.write(input.subarray(at, at + cut))
      imap.end()
      const answer = await imap.readToEnd(10_000)
      imap.destroy()
      // Nothing of this is a login, whatever else it is.
      expect(answer).not.toMatch(/^\S+ OK \[CAPABILITY/m)
    }),
    { interruptAfterTimeLimit: 6_000, numRuns: 100_000, markInterruptAsFailure: false },
  )
})

test('nothing of it all is left in memory but the bystander', async () => {
  for (const name of perConnection) expect(before.counts[name], name).toBeGreaterThan(0)
  await inspector.waitForInstances(before.counts)
  expect(await inspector.readUsedBytes()).toBeLessThan(before.used * 1.2)
})
