/** Every shape in which mail apps send a login, byte by byte, on the real listener. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ImapAccount } from '../fixtures/clients/imap-account.ts'
import { lastLineOf, openImaps, openRawImap, quote, type RawImap } from '../fixtures/clients/raw-imap.ts'
import { Stage } from '../fixtures/program/stage.ts'

const user = 'reader@example.com'
const chosenPassword = String.raw`back\slash "quote" \" {5} (x`
let stage: Stage
let account: ImapAccount
let chosen: ImapAccount

beforeAll(async () => {
  stage = await Stage.open({ users: [user] })
  await stage.gateway.serve()
  account = await stage.addAccount(user, 'Generated')
  const device = await stage.gateway.addDevice(user, 'Chosen', [], chosenPassword)
  chosen = stage.gateway.account(user, device.password)
})

afterAll(async () => await stage?.close())

const base64 = (text: string) => Buffer.from(text).toString('base64')
const plain = (who: ImapAccount, authzid = '') => base64(`${authzid}\0${who.user}\0${who.password}`)
const literal = (text: string) => `{${text.length}}\r\n`
const literalPlus = (text: string) => `{${text.length}+}\r\n${text}`

/** Sends the bytes in one write and expects a login. */
async function expectLogin(bytes: string, tag = 'a'): Promise<string> {
  const imap = await openImaps(account)
  imap.write(bytes)
  const reply = await imap.readReply(tag)
  expect(lastLineOf(reply)).toMatch(new RegExp(`^${tag} OK \\[CAPABILITY [^\\]]*IDLE`))
  expect(await imap.ok('SELECT INBOX')).toContain('UIDVALIDITY')
  imap.destroy()
  return reply
}

/** Sends each part after the server asked to go on. */
async function converse(parts: readonly string[], tag = 'a'): Promise<string> {
  const imap = await openImaps(account)
  for (const [index, part] of parts.entries()) {
    imap.write(part)
    if (index < parts.length - 1) expect(await imap.readLine()).toMatch(/^\+ /)
  }
  const reply = lastLineOf(await imap.readReply(tag))
  imap.destroy()
  return reply
}

describe('LOGIN', () => {
  test('atoms', async () => await expectLogin(`a LOGIN ${user} ${account.password}\r\n`))
  test('quoted', async () => await expectLogin(`a LOGIN ${quote(user)} ${quote(account.password)}\r\n`))
  test('lower case verb', async () => await expectLogin(`a login ${user} ${account.password}\r\n`))
  test('synchronising literals', async () => {
    expect(await converse([`a LOGIN ${literal(user)}`, `${user} ${literal(account.password)}`, `${account.password}\r\n`])).toMatch(/^a OK/)
  })
  test('non-synchronising literals', async () => await expectLogin(`a LOGIN ${literalPlus(user)} ${literalPlus(account.password)}\r\n`))
  test('quoted name, literal password', async () => await expectLogin(`a LOGIN ${quote(user)} ${literalPlus(account.password)}\r\n`))
  test('a mailbox address in upper case', async () => await expectLogin(`a LOGIN ${user.toUpperCase()} ${account.password}\r\n`))
})

describe('AUTHENTICATE', () => {
  test('PLAIN with initial response', async () => await expectLogin(`a AUTHENTICATE PLAIN ${plain(account)}\r\n`))
  test('PLAIN without initial response', async () => expect(await converse(['a AUTHENTICATE PLAIN\r\n', `${plain(account)}\r\n`])).toMatch(/^a OK/))
  test('PLAIN with the address as authorisation identity', async () => await expectLogin(`a AUTHENTICATE PLAIN ${plain(account, user.toUpperCase())}\r\n`))
  test('PLAIN with another authorisation identity is refused', async () => {
    expect(await converse(['a AUTHENTICATE PLAIN\r\n', `${plain(account, 'boss@example.com')}\r\n`])).toMatch(/^a NO \[AUTHORIZATIONFAILED\]/)
  })
  test('LOGIN with two prompts', async () => {
    expect(await converse(['a AUTHENTICATE LOGIN\r\n', `${base64(user)}\r\n`, `${base64(account.password)}\r\n`])).toMatch(/^a OK/)
  })
  test('LOGIN with the name as initial response', async () => {
    expect(await converse([`a AUTHENTICATE LOGIN ${base64(user)}\r\n`, `${base64(account.password)}\r\n`])).toMatch(/^a OK/)
  })
  test('cancelled with *', async () => expect(await converse(['a AUTHENTICATE PLAIN\r\n', '*\r\n'])).toMatch(/^a BAD/))
  test('an empty initial response is no credentials', async () => expect(await converse(['a AUTHENTICATE PLAIN =\r\n'])).toMatch(/^a (NO|BAD)/))
  for (const [name, response] of [
    ['not base64', '!!!!'],
    ['base64 without its padding', base64(`\0${user}\0x`).replaceAll('=', '')],
    ['three NULs', base64(`\0${user}\0secret\0more`)],
    ['one NUL', base64(`${user}\0secret`)],
    ['not UTF-8', Buffer.from([0, 0xff, 0xfe, 0, 0xff]).toString('base64')],
  ] as const) {
    test(`${name} is refused, and the connection lives`, async () => {
      const imap = await openImaps(account)
      imap.write(`a AUTHENTICATE PLAIN ${response}\r\n`)
      expect(lastLineOf(await imap.readReply('a'))).toMatch(/^a (BAD|NO \[AUTHENTICATIONFAILED\])/)
      expect(await imap.ok(`LOGIN ${user} ${account.password}`)).toContain('CAPABILITY')
      imap.destroy()
    })
  }
})

describe('passwords', () => {
  test('chosen, with backslash and quote, quoted', async () => await expectLogin(`a LOGIN ${quote(user)} ${quote(chosenPassword)}\r\n`))
  test('chosen, as literal', async () => await expectLogin(`a LOGIN ${user} ${literalPlus(chosenPassword)}\r\n`))
  test('chosen, by PLAIN', async () => await expectLogin(`a AUTHENTICATE PLAIN ${plain(chosen)}\r\n`))
  test('chosen is taken exactly: another case is wrong', async () => {
    expect(await converse([`a LOGIN ${user} ${literalPlus(chosenPassword.toUpperCase())}\r\n`])).toMatch(/^a NO \[AUTHENTICATIONFAILED\]/)
  })
  for (const [name, shape] of [
    ['without dashes', (text: string) => text.replaceAll('-', '')],
    ['with spaces', (text: string) => text.replaceAll('-', ' ')],
    ['in upper case', (text: string) => text.toUpperCase()],
    ['with spaces around', (text: string) => `  ${text} `],
    ['in one word, capitalised', (text: string) => text.replaceAll('-', '').replace(/^./, letter => letter.toUpperCase())],
  ] as const) {
    test(`generated, ${name}`, async () => await expectLogin(`a LOGIN ${user} ${quote(shape(account.password))}\r\n`))
  }
  test('five groups of four letters without look-alikes', () => expect(account.password).toMatch(/^[a-z2-9]{4}(-[a-z2-9]{4}){4}$/))
  test('the upstream password does not open the gateway', async () => {
    expect(await converse([`a LOGIN ${user} ${quote(stage.dovecot.passwordOf(user))}\r\n`])).toMatch(/^a NO \[AUTHENTICATIONFAILED\]/)
  })
})

describe('several commands in one packet', () => {
  test('LOGIN and SELECT', async () => {
    const imap = await openImaps(account)
    imap.write(`a LOGIN ${user} ${account.password}\r\nb SELECT INBOX\r\nc NOOP\r\n`)
    expect(lastLineOf(await imap.readReply('a'))).toMatch(/^a OK \[CAPABILITY/)
    expect(await imap.readReply('b')).toMatch(/UIDVALIDITY[\s\S]*^b OK \[READ-WRITE\]/m)
    expect(await imap.readReply('c')).toMatch(/^c OK/m)
    imap.destroy()
  })

  test('LOGIN, then APPEND with a non-synchronising literal', async () => {
    const imap = await openImaps(account)
    const mail = 'Subject: pipelined\r\n\r\nbody\r\n'
    imap.write(`a LOGIN ${user} ${account.password}\r\nb APPEND INBOX ${literalPlus(mail)}\r\nc LOGOUT\r\n`)
    expect(lastLineOf(await imap.readReply('a'))).toMatch(/^a OK/)
    expect(await imap.readReply('b')).toMatch(/^b OK \[APPENDUID/m)
    expect(await imap.readReply('c')).toMatch(/^\* BYE[\s\S]*^c OK/m)
    await imap.readToEnd()
  })

  test('the new Outlook: ID and LOGIN with {n+} in a single write', async () => {
    const id = ['name', 'Outlook', 'version', '1.2026', 'os', 'Windows NT', 'vendor', 'Microsoft'].map(literalPlus).join(' ')
    const reply = await expectLogin(`1 ID (${id})\r\n2 LOGIN ${literalPlus(user)} ${literalPlus(account.password)}\r\n`, '2')
    expect(reply).toMatch(/^\* ID /m)
    expect(reply).toMatch(/^1 OK/m)
  })

  test('CAPABILITY, NOOP, ID NIL and AUTHENTICATE with initial response', async () => {
    const reply = await expectLogin(`1 CAPABILITY\r\n2 NOOP\r\n3 ID NIL\r\n4 AUTHENTICATE PLAIN ${plain(account)}\r\n`, '4')
    for (const tag of ['1', '2', '3']) expect(reply).toMatch(new RegExp(`^${tag} OK`, 'm'))
  })

  test('a refused login, then a good one', async () => {
    const reply = await expectLogin(`1 LOGIN ${user} "no such password here"\r\n2 LOGIN ${user} ${account.password}\r\n`, '2')
    expect(reply).toMatch(/^1 NO \[AUTHENTICATIONFAILED\]/m)
  })

  test('one byte at a time', async () => {
    const imap = await openImaps(account)
    for (const byte of Buffer.from(`1 ID (${literalPlus('name')} "slow")\r\n2 LOGIN ${literalPlus(user)} ${quote(account.password)}\r\n3 SELECT INBOX\r\n`))
      await imap.writeAll(Buffer.from([byte]))
    expect(await imap.readReply('3')).toMatch(/^1 OK[\s\S]*^2 OK[\s\S]*^3 OK/m)
    imap.destroy()
  })
})

describe('before TLS', () => {
  async function openPlain(): Promise<RawImap> {
    const imap = await openRawImap({ host: '127.0.0.1', port: account.starttlsPort, tls: 'none', ca: account.ca })
    expect(await imap.readLine()).toMatch(/^\* OK \[CAPABILITY [^\]]*STARTTLS[^\]]*\]/)
    return imap
  }

  test('a login is refused, and the password does not travel on', async () => {
    const imap = await openPlain()
    expect(await imap.command(`LOGIN ${user} ${account.password}`)).toMatch(/^t1 NO \[PRIVACYREQUIRED\]/)
    expect(await imap.command(`AUTHENTICATE PLAIN ${plain(account)}`)).toMatch(/^t2 NO \[PRIVACYREQUIRED\]/)
    await imap.ok('STARTTLS')
    await imap.startTls()
    expect(await imap.ok('CAPABILITY')).not.toContain('STARTTLS')
    await imap.ok(`LOGIN ${user} ${account.password}`)
    imap.destroy()
  })

  test('bytes behind STARTTLS in the same packet are thrown away, never obeyed', async () => {
    const imap = await openPlain()
    imap.write(`a STARTTLS\r\nb ID ("name" "injected")\r\nc NOOP\r\n`)
    expect(await imap.readReply('a')).toMatch(/^a OK/)
    await imap.startTls()
    expect(await imap.command('NOOP')).toMatch(/^t1 OK [^\r\n]*\r\n$/)
    expect(imap.received.toString()).toMatch(/^t1 OK/)
    imap.destroy()
  })
})
