import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import { LIMITS } from '../limits.ts'
import { CAPABILITIES, ImapCapabilities } from './imap-capabilities.ts'
import { b64, LOGIN, openSession, PLAIN, SECRET, talk } from './imap-session-fixture.ts'

describe('before login', () => {
  it('greets with the capabilities of the state', async () => {
    expect(await talk({}, '', '\r\n')).toBe(`* OK [CAPABILITY ${CAPABILITIES.secure}] Mailwicket ready.\r\n`)
    expect(await talk({ tls: null }, '', '\r\n')).toBe(`* OK [CAPABILITY ${CAPABILITIES.plain}] Mailwicket ready.\r\n`)
  })

  /** What shows that a capability is honoured; a token without an entry fails the test. */
  const PROOF: Readonly<Record<string, { sent: string; expected: string }>> = {
    IMAP4rev1: { sent: 'a NOOP\r\na CAPABILITY\r\na LOGOUT\r\n', expected: 'a OK Done.' },
    'LITERAL+': { sent: `a LOGIN {15+}\r\nann@example.com {${SECRET.length}+}\r\n${SECRET}\r\n`, expected: 'a OK' },
    'SASL-IR': { sent: `a AUTHENTICATE PLAIN ${PLAIN}\r\n`, expected: 'a OK' },
    ID: { sent: 'a ID NIL\r\n', expected: '* ID ("name" "Mailwicket")\r\na OK' },
    'AUTH=PLAIN': { sent: `a AUTHENTICATE PLAIN\r\n${PLAIN}\r\n`, expected: '+ \r\na OK' },
    'AUTH=LOGIN': { sent: `a AUTHENTICATE LOGIN\r\n${b64('ann@example.com')}\r\n${b64(SECRET)}\r\n`, expected: '+ VXNlcm5hbWU6\r\n+ UGFzc3dvcmQ6\r\na OK' },
  }
  it.each(CAPABILITIES.secure.split(' '))('honours %s', async capability => {
    const { sent, expected } = PROOF[capability] as (typeof PROOF)[string]
    expect(await talk({}, sent, expected)).toContain(expected)
  })

  it.each(CAPABILITIES.plain.split(' '))('honours %s before TLS', async capability => {
    const proof = {
      ...PROOF,
      STARTTLS: { sent: 'a STARTTLS\r\n', expected: 'a OK Begin TLS' },
      LOGINDISABLED: { sent: LOGIN, expected: 'a NO [PRIVACYREQUIRED]' },
    }
    const { sent, expected } =
      capability === 'LITERAL+'
        ? { sent: 'a ID ({4+}\r\nname {1+}\r\nx)\r\n', expected: 'a OK' }
        : ((proof as typeof PROOF)[capability] as (typeof PROOF)[string])
    expect(await talk({ tls: null }, sent, expected)).toContain(expected)
  })

  it('offers what every IMAP server was seen to offer, of a short list, and honours it', async () => {
    const { client, hear, said, capabilities } = openSession()
    await hear(CAPABILITIES.secure)
    capabilities.learn('main', 'IMAP4rev1 IDLE ENABLE MOVE AUTH=PLAIN UNAUTHENTICATE COMPRESS=DEFLATE XODD')
    client.write('a CAPABILITY\r\nb ENABLE UTF8=ACCEPT\r\nc IDLE\r\n')
    await hear('c BAD Log in first')
    // Word for word what Dovecot does.
    expect(said()).toContain(`* CAPABILITY ${CAPABILITIES.secure} ENABLE IDLE MOVE\r\na OK Done.\r\n* ENABLED\r\nb OK `)
    capabilities.reconfigure({ upstreams: ['main', 'new'], forgotten: [] })
    expect(capabilities.before('plain')).toBe(CAPABILITIES.plain)
    capabilities.learn('new', 'IMAP4rev1 MOVE IDLE')
    expect(capabilities.before('plain')).toBe(`${CAPABILITIES.plain} IDLE MOVE`)
    capabilities.reconfigure({ upstreams: ['main', 'new'], forgotten: ['main'] })
    expect(capabilities.before('secure')).toBe(CAPABILITIES.secure)
  })

  it('tells what changed, once, and begins with what was known', () => {
    const learnt: string[] = []
    const capabilities = new ImapCapabilities({ upstreams: ['main'], known: new Map([['main', ['IDLE', 'XODD']]]), onLearnt: name => learnt.push(name) })
    expect(capabilities.before('secure')).toBe(`${CAPABILITIES.secure} IDLE`)
    for (let i = 0; i < 3; i += 1) capabilities.learn('main', 'IMAP4rev1 IDLE ENABLE')
    expect(learnt).toEqual(['main'])
  })

  it.each([
    'STARTTLS x',
    'LOGIN',
    'LOGIN a',
    'LOGIN a b c',
    'AUTHENTICATE',
    'AUTHENTICATE PLAIN a b',
    'AUTHENTICATE PLAIN !',
    'ID x',
    '__proto__',
    'constructor',
    'HELO x',
  ])('answers %s with BAD', async text => {
    expect(await talk({}, `a ${text}\r\n`, 'BAD')).toMatch(/\r\na BAD /)
  })

  it.each(['SELECT INBOX', 'LIST "" *', 'NAMESPACE', 'XLIST "" *', 'IDLE', 'UID FETCH 1 ALL'])('does not count %s as malformed', async text => {
    const said = await talk({}, `${`a ${text}\r\n`.repeat(11)}z NOOP\r\n`, 'z OK')
    expect(said.match(/a BAD Log in first\./g)).toHaveLength(11)
  })

  it.each(['NOOP ', 'noop x', 'CAPABILITY  ', 'ID nil', 'ID Nil ', 'ID', 'ID ( "name" "x" )  ', 'ID ("name" nil)', 'ID ("name")', ' NOOP', 'LOGOUT '])(
    'takes %j, as servers do',
    async text => {
      expect(await talk({}, `a ${text}\r\n`, 'a ')).toMatch(/\r\na OK /)
    },
  )

  it('asks for credentials behind AUTHENTICATE with a blank at its end', async () => {
    expect(await talk({}, `a AUTHENTICATE PLAIN \r\n${PLAIN}\r\n`, 'a OK')).toContain('\r\n+ \r\na OK ')
    expect(await talk({}, `a AUTHENTICATE PLAIN ${PLAIN} \r\n`, 'a OK')).toContain('\r\na OK ')
  })

  it.each([PLAIN, `${PLAIN} `, b64(SECRET), SECRET, `${SECRET}  `, 'x', 'YQ=='])('never echoes what was not a tag: %s', async text => {
    const said = await talk({}, `${text}\r\n`, 'BAD')
    expect(said).toMatch(/\r\n\* BAD [^\r]*\r\n$/)
    expect(said).not.toContain(text.trim() === 'x' ? '\r\nx' : text.trim())
  })

  it('takes an ID of all that RFC 2971 allows, in quotes and in literals', async () => {
    const pairs = (write: (text: string) => string) =>
      Array.from({ length: 30 }, (_, i) => `${write(`${i}`.padStart(30, 'k'))} ${write('v'.repeat(1024))}`).join(' ')
    for (const write of [(text: string) => `"${text}"`, (text: string) => `{${text.length}+}\r\n${text}`])
      expect(await talk({}, `a ID (${pairs(write)})\r\n`, 'a ')).toContain('a OK')
  })

  it('says BYE after ten malformed commands', async () => {
    const { client, hear, said, lines } = openSession()
    client.write('what is this\r\n'.repeat(12))
    await hear('BYE')
    expect(said().match(/BAD/g)).toHaveLength(10)
    expect(said()).toMatch(/\* BYE Too many malformed commands\.\r\n$/)
    expect(lines.filter(({ event }) => event === 'session.end')).toHaveLength(1)
  })

  it('consumes the literals of commands that it refuses (Outlook’s ID {n+})', async () => {
    const said = await talk({}, 'a FOO {6+}\r\na NOOP x {4+}\r\nabcd\r\nb SELECT {5+}\r\nINBOX\r\nc NOOP\r\n', 'c OK')
    expect(said).toMatch(/a BAD .*\r\nb BAD .*\r\nc OK Done\.\r\n$/)
  })

  it('says BYE to a command that is too large', async () => {
    for (const sent of ['x'.repeat(64 * 1024 + 3), 'a APPEND x {4294967295}\r\n', `a ID ${'('.repeat(70_000)}`]) {
      expect(await talk({}, sent, 'BYE')).toMatch(/\* BYE That is more than a command before login may have\.\r\n$/)
    }
    expect(await talk({}, `a ID ${'('.repeat(10_000)}\r\nb NOOP\r\n`, 'b OK')).toContain('a BAD')
  })

  it('says BYE to who talks on and on without logging in', async () => {
    const said = await talk({}, 'a NOOP\r\n'.repeat(500), 'BYE')
    expect(said.match(/a OK/g)).toHaveLength(LIMITS.preLoginCommands)
  })

  it('says BYE to who has not logged in within a minute', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const { said, done, live, client } = openSession()
    vi.advanceTimersByTime(LIMITS.loginMs)
    client.end()
    await done
    vi.useRealTimers()
    await vi.waitFor(() => expect(said()).toMatch(/\* BYE Login took too long\.\r\n$/))
    expect(live.size).toBe(0)
  })

  it('forgets the app and the errors of before STARTTLS', async () => {
    const { client, session, hear } = openSession({ tls: null })
    client.write(`a ID ("name" "injected")\r\n${'bad\r\n'.repeat(9)}a STARTTLS\r\n`)
    await hear('a OK Begin TLS')
    expect(session.live.app).toBeNull()
    client.write(`bad\r\nb CAPABILITY\r\n`)
    await hear(`* CAPABILITY ${CAPABILITIES.secure}`)
  })

  it('throws away what was pipelined behind STARTTLS', async () => {
    const said = await talk({ tls: null }, `a STARTTLS\r\nb LOGIN ann@example.com ${SECRET}\r\n`, 'Begin TLS')
    await new Promise(setImmediate)
    expect(said).not.toContain('b ')
  })

  it('survives any bytes', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.oneof(
            fc.uint8Array({ maxLength: 60 }),
            fc.constantFrom('a LOGIN ', '{5}\r\n', '\r\n', 'a AUTHENTICATE PLAIN ', 'ID (', '"', ' {3+}\r\n').map(text => Buffer.from(text)),
          ),
        ),
        async pieces => {
          const { client, done, lines } = openSession()
          for (const piece of pieces) client.write(piece)
          client.end()
          await done
          expect(lines.map(({ event }) => event)).not.toContain('bug')
          expect(lines.filter(({ event }) => event === 'session.end')).toHaveLength(1)
        },
      ),
      { interruptAfterTimeLimit: 2000, numRuns: 3000 },
    )
  })
})

it('counts the answers to AUTHENTICATE into what may come before login', async () => {
  const { client, done, lines, hear } = openSession()
  // Each is a line that is no base64, and five of them are more than may come; ten malformed commands would be.
  const answer = `a AUTHENTICATE PLAIN\r\n${'?'.repeat(LIMITS.preLoginBytes / 5)}\r\n`
  client.write(answer.repeat(6))
  await hear('* BYE ')
  await done
  expect(lines.filter(({ event }) => event === 'session.end')).toMatchObject([{ fields: { why: 'too-large' } }])
})
