import { once } from 'node:events'
import { describe, expect, it, vi } from 'vitest'
import { UpstreamFailure } from '../../upstream/upstream-failure.ts'
import { type Bench, b64, EHLO, openSession, PLAIN, SECRET, talk } from './smtp-session-fixture.ts'

describe('before AUTH', () => {
  it('offers SIZE alone until an upstream was seen, then what it offers, and never CHUNKING', async () => {
    expect(await talk({}, [EHLO], '250 ')).toMatch(/250-mail\.example\.com Mailwicket\r\n250-AUTH PLAIN LOGIN\r\n250 SIZE\r\n$/)
    const { client, says, services } = await openSession()
    services.smtpServer.learn(
      'main',
      new Map([
        ['PIPELINING', ''],
        ['DSN', ''],
        ['SIZE', '1000'],
        ['CHUNKING', ''],
      ]),
    )
    client.write(EHLO)
    await says('250-PIPELINING\r\n250-DSN\r\n250-AUTH PLAIN LOGIN\r\n250 SIZE 1000\r\n')
  })

  it('offers STARTTLS and no AUTH without TLS', async () => {
    const said = await talk({ tls: null }, [EHLO], '250 ')
    expect(said).toContain('250-STARTTLS')
    expect(said).not.toContain('AUTH')
  })

  it.each([
    ['AUTH PLAIN x', { tls: null }, '538 5.7.11'],
    ['MAIL FROM:<a@b>', { tls: null }, '530 5.7.0 Must issue a STARTTLS'],
    ['MAIL FROM:<a@b>', {}, '530 5.7.0 Authentication'],
    ['RCPT TO:<a@b>', {}, '530 5.7.0'],
    ['DATA', {}, '530 5.7.0'],
    ['XCLIENT ADDR=1.2.3.4', {}, '502 5.5.1'],
    ['BDAT 5', {}, '502 5.5.1'],
    ['STARTTLS', {}, '503 5.5.1'],
    ['STARTTLS x', { tls: null }, '501 '],
    ['AUTH', {}, '501 5.5.4'],
    ['AUTH PLAIN a b', {}, '501 5.5.4'],
    ['AUTH CRAM-MD5', {}, '504 5.5.4'],
    ['AUTH PLAIN !!!!', {}, '501 5.5.2'],
    ['AUTH PLAIN =', {}, '535 5.7.8'],
    [`AUTH PLAIN ${b64('no nul')}`, {}, '535 5.7.8'],
  ] as const)('%s: %j %s', async (line, bench, reply) => {
    expect(await talk(bench, [EHLO, `${line}\r\n`], reply)).toContain(`\r\n${reply}`)
  })

  it('wants EHLO before AUTH', async () => {
    expect(await talk({}, [`AUTH PLAIN ${PLAIN}\r\n`], '503')).toContain('503 5.5.1')
  })

  it('forgets everything at STARTTLS and throws away what came behind it', async () => {
    const { client, says, said } = await openSession({ tls: null })
    await says('220 ')
    client.write(`${EHLO}STARTTLS\r\nEHLO injected\r\nAUTH PLAIN ${PLAIN}\r\n`)
    await says('220 2.0.0')
    await new Promise(setImmediate)
    client.write(`AUTH PLAIN ${PLAIN}\r\n${EHLO}`)
    await says('503 5.5.1 Say EHLO first')
    await says('250-AUTH PLAIN LOGIN')
    expect(said()).not.toContain('235')
    expect(said().match(/220 /g)).toHaveLength(2)
  })

  it.each(['MAIL FROM:<a@b>', 'AUTH PLAIN AGEAYg==', 'STARTTLS', 'EHLO x', 'x'])(
    'a line without its end and then a FIN is no command and hurts nobody: %s',
    async text => {
      for (const tls of [null, 'TLSv1.3']) {
        const { client, says, said, done, lines } = await openSession({ tls })
        await says('220 ')
        client.end(text)
        await done
        expect(said()).toMatch(/^220 [^\r]*\r\n$/)
        expect(lines.map(({ event }) => event)).toEqual(['session.end'])
      }
    },
  )

  it('ends with 421 after nonsense, too much, and too long a time', async () => {
    expect(await talk({}, ['WHAT\r\n'.repeat(12)], '421')).toMatch(/\r\n421 [^\r]*\r\n$/)
    expect(await talk({}, ['x'.repeat(20_000)], '421')).toMatch(/421 [^\r]*\r\n$/)
  })
})

describe('AUTH', () => {
  it.each([
    ['whoever guesses too much', { terms: 'closed' }],
    ['one session too many', { sessionsPerDevice: 0 }],
  ] as readonly [string, Bench][])('says 454 4.7.0 to %s: come again later', async (_, bench) => {
    expect(await talk(bench, [EHLO, `AUTH PLAIN ${PLAIN}\r\n`], '454 ')).toMatch(/\r\n454 4\.7\.0 Too many [^\r]*later|close some/)
  })

  it.each([
    ['PLAIN with initial response', [`AUTH PLAIN ${PLAIN}\r\n`]],
    ['PLAIN without', ['AUTH PLAIN\r\n', `${PLAIN}\r\n`]],
    ['LOGIN', ['AUTH LOGIN\r\n', `${b64('ann@example.com')}\r\n`, `${b64(SECRET)}\r\n`]],
    ['LOGIN with the name at once', [`auth login ${b64('ann@example.com')}\r\n`, `${b64(SECRET)}\r\n`]],
    ['an authzid that is the same address', [`AUTH PLAIN ${b64(`Ann@example.com\0ann@example.com\0${SECRET}`)}\r\n`]],
  ])('%s', async (_, sent) => {
    expect(await talk({}, [EHLO, ...sent], '235 2.7.0')).toMatch(/235 2\.7\.0 [^\r]*\r\n$/)
  })

  it('takes a line of 12,288 octets', async () => {
    const long = b64(`\0ann@example.com\0${'x'.repeat(1000)}`)
    expect(await talk({}, [EHLO, `AUTH PLAIN ${long}${' '.repeat(12_288 - long.length - 13)}\r\n`], '535')).toContain('535 5.7.8')
  })

  it('says 421 after ten responses that cannot be read', async () => {
    const { client, says, said } = await openSession()
    client.write(EHLO)
    await says('250 ')
    for (let i = 1; i <= 10; i += 1) {
      client.write('AUTH PLAIN ***\r\n')
      await vi.waitFor(() => expect(said().match(/501 5\.5\.2/g)).toHaveLength(i), { interval: 2 })
    }
    await says('421 4.7.0 Too many malformed commands')
  })

  it('cancels with * and goes on', async () => {
    expect(await talk({}, [EHLO, 'AUTH PLAIN\r\n', '*\r\n', 'AUTH LOGIN\r\n', '*\r\n', `AUTH PLAIN ${PLAIN}\r\n`], '235')).toMatch(
      /501 5\.0\.0[\s\S]*501 5\.0\.0[\s\S]*235/,
    )
  })

  it.each([
    ['a wrong secret', {}, `AUTH PLAIN ${b64('\0ann@example.com\0wrong')}`, '535 5.7.8'],
    ['an unknown address', {}, `AUTH PLAIN ${b64('\0bob@example.com\0wrong')}`, '535 5.7.8'],
    ['an empty secret', {}, `AUTH PLAIN ${b64('\0ann@example.com\0')}`, '535 5.7.8'],
    ['a secret of two lines', {}, `AUTH PLAIN ${b64('\0ann@example.com\0a\nb')}`, '535 5.7.8'],
    ['a PLAIN message without NULs', {}, `AUTH PLAIN ${b64('ann')}`, '535 5.7.8'],
    ['a revoked device', { device: { state: 'revoked' } }, `AUTH PLAIN ${PLAIN}`, '535 5.7.8'],
    ['an expired device', { device: { expiresAt: 1 } }, `AUTH PLAIN ${PLAIN}`, '535 5.7.8'],
    ['a device that may only read', { device: { scopes: ['imap'] } }, `AUTH PLAIN ${PLAIN}`, '535 5.7.8'],
    ['the device of a blocked user', { device: { userState: 'blocked' } }, `AUTH PLAIN ${PLAIN}`, '535 5.7.8'],
    ['another address to act for', {}, `AUTH PLAIN ${b64(`bob@example.com\0ann@example.com\0${SECRET}`)}`, '535 5.7.8'],
    ['an upstream that is away', { connect: async () => Promise.reject(new UpstreamFailure('unreachable', 'x')) }, `AUTH PLAIN ${PLAIN}`, '454 4.7.0'],
    ['an upstream that refuses us', { connect: async () => Promise.reject(new UpstreamFailure('refused-us', 'x')) }, `AUTH PLAIN ${PLAIN}`, '454 4.7.0'],
  ] as readonly [string, Bench, string, string][])('refuses %s and goes on', async (_, bench, line, reply) => {
    expect(await talk(bench, [EHLO, `${line}\r\n`, 'NOOP\r\n'], '250 ')).toMatch(new RegExp(`\\r\\n${reply.replaceAll('.', '\\.')} [^\\r]*\\r\\n250 `))
  })

  it.each([`AUTH PLAIN ${PLAIN}\r\nMAIL FROM:<a@b>\r\n`, `AUTH PLAIN ${PLAIN}\r\nMAIL`])(
    'ends the connection when anything is pipelined behind it: %j',
    async text => {
      const { client, says, said, done, lines } = await openSession()
      client.write(EHLO)
      await says('250 ')
      client.write(text)
      await says('421 4.7.0 Nothing may follow AUTH')
      await done
      expect(said()).not.toContain('235')
      expect(lines.filter(({ event }) => event === 'session.end')).toHaveLength(1)
    },
  )

  it('relays afterwards, with the same list of keywords as before', async () => {
    const { client, upstream, says, said, lines } = await openSession()
    client.write(EHLO)
    await says('250 ')
    client.write(`AUTH PLAIN ${PLAIN}\r\n`)
    await says('235')
    let heard = ''
    upstream.on('data', chunk => {
      heard += chunk
      if (/RSET\r\n$/.test(heard)) upstream.write('250 reset\r\n')
      if (/NOOP\r\n$/.test(heard)) upstream.write('250 upstream says so\r\n')
    })
    client.write(EHLO)
    await says('235 2.7.0 Authentication succeeded\r\n250-mail.example.com Mailwicket\r\n250-PIPELINING\r\n')
    client.write('NOOP\r\n')
    await says('250 upstream says so')
    client.destroy()
    await vi.waitFor(() => expect(lines.filter(({ event }) => event === 'session.end')).toHaveLength(1))
    expect(said()).not.toContain('CHUNKING')
  })

  it('gives up the upstream when the client leaves meanwhile', async () => {
    let signal: AbortSignal | undefined
    const { client, done, lines, live, says } = await openSession({
      connect: async (_route, _facts, given) => {
        signal = given
        return new Promise((_, reject) => given.addEventListener('abort', () => reject(given.reason)))
      },
    })
    client.write(EHLO)
    await says('250 ')
    client.write(`AUTH PLAIN ${PLAIN}\r\n`)
    await vi.waitFor(() => expect(signal).toBeDefined())
    client.end()
    await done
    expect(signal?.aborted).toBe(true)
    expect(live.size).toBe(0)
    expect(lines.map(({ event }) => event)).toEqual(['auth.failed', 'session.end'])
  })

  it('says 421 to a live session whose device is revoked', async () => {
    const { client, says, live, upstream } = await openSession()
    client.write(EHLO)
    await says('250 ')
    client.write(`AUTH PLAIN ${PLAIN}\r\n`)
    await says('235')
    await vi.waitFor(() => expect([...live.all()][0]?.device).toBeDefined())
    const closed = once(upstream, 'close')
    upstream.resume()
    for (const session of live.all()) session.end('revoked')
    await says("421 4.7.0 This device's access has ended")
    upstream.end()
    await closed
    client.end()
    await vi.waitFor(() => expect(live.size).toBe(0))
  })
})
