import { describe, expect, it } from 'vitest'
import { Secret } from '../../base/secret.ts'
import { LOCAL_PROXY_HEADER } from '../../base/sockets/proxy-header.ts'
import { openScriptedUpstream, type Script } from '../scripted-upstream-fixture.ts'
import { UpstreamFailure } from '../upstream-failure.ts'
import { encodeXtext } from './smtp-reply.ts'
import { connectSmtpUpstream } from './smtp-upstream.ts'

const session = { destination: { host: '192.0.2.1', port: 465 }, session: 's1' }
type Options = { tls?: 'none' | 'starttls'; authzid?: string; xclient?: { ip: string; port: number; helo: string }; proxyHeader?: Buffer; signal?: AbortSignal }

async function connectTo(script: Script, { tls = 'none', authzid = '', xclient, proxyHeader, signal = new AbortController().signal }: Options = {}) {
  const { heard, dialler } = await openScriptedUpstream(script, tls)
  const login = { authzid, user: 'ann', secret: Secret.fromText('upstream-secret') }
  return {
    heard,
    upstream: connectSmtpUpstream(dialler, login, {
      hostname: 'gw.example.com',
      xclient: xclient === undefined ? undefined : { ...session, ...xclient },
      proxyHeader,
      signal,
    }),
  }
}

/** Offers these keywords; `auth` answers AUTH and what follows it. */
const offering =
  (keywords: readonly string[], auth: (line: string) => string = () => '235 2.7.0 in\r\n'): Script =>
  say => {
    say('220 mail ESMTP\r\n')
    return line => {
      if (/^EHLO/.test(line)) say(['mail', ...keywords].map((keyword, i, all) => `250${i < all.length - 1 ? '-' : ' '}${keyword}\r\n`).join(''))
      else if (/^XCLIENT/.test(line)) say('220 mail ESMTP\r\n')
      else say(auth(line))
    }
  }

async function failureOf(script: Script, options: Options = {}): Promise<UpstreamFailure> {
  const { upstream } = await connectTo(script, options)
  const error = await upstream.then(
    () => undefined,
    error => error,
  )
  expect(error).toBeInstanceOf(UpstreamFailure)
  return error as UpstreamFailure
}

describe('logging in at the upstream', () => {
  it('uses PLAIN and learns the keywords', async () => {
    const { heard, upstream } = await connectTo(offering(['PIPELINING', 'SIZE 1000', 'AUTH LOGIN PLAIN', 'AUTH=LOGIN', 'DSN']), { authzid: 'bob@example.com' })
    const { keywords, socket } = await upstream
    socket.destroy()
    expect(heard[0]).toBe('EHLO gw.example.com')
    expect(Buffer.from(heard[1]?.split(' ')[2] as string, 'base64').toString()).toBe('bob@example.com\0ann\0upstream-secret')
    expect(keywords.get('SIZE')).toBe('1000')
    expect([...keywords.keys()]).toEqual(['PIPELINING', 'SIZE', 'AUTH', 'DSN'])
  })

  it('uses LOGIN where PLAIN is not offered, but not to act for another', async () => {
    const steps = ['334 VXNlcm5hbWU6\r\n', '334 UGFzc3dvcmQ6\r\n', '235 in\r\n']
    const { heard, upstream } = await connectTo(offering(['AUTH LOGIN'], () => steps.shift() ?? ''))
    ;(await upstream).socket.destroy()
    expect(heard.slice(2).map(line => Buffer.from(line, 'base64').toString())).toEqual(['ann', 'upstream-secret'])
    expect(await failureOf(offering(['AUTH LOGIN']), { authzid: 'bob@example.com' })).toMatchObject({ reason: 'no-mechanism' })
  })

  it('tells XCLIENT in xtext, so that nothing a client says is a command, and greets anew', async () => {
    const { heard, upstream } = await connectTo(offering(['XCLIENT ADDR PORT HELO', 'AUTH PLAIN']), {
      xclient: { ip: '2001:db8::1', port: 4711, helo: 'evil\r\nMAIL FROM:<x> =+' },
    })
    ;(await upstream).socket.destroy()
    expect(heard.slice(0, 3)).toEqual([
      'EHLO gw.example.com',
      `XCLIENT NAME=[UNAVAILABLE] ADDR=IPV6:2001:db8::1 PORT=4711 PROTO=ESMTP HELO=${encodeXtext('evil\r\nMAIL FROM:<x> =+')}`,
      'EHLO gw.example.com',
    ])
    expect(heard[1]).toContain('HELO=evil+0D+0AMAIL+20FROM:<x>+20+3D+2B')
  })

  it('sends a PROXY header ahead of EHLO', async () => {
    const { heard, upstream } = await connectTo(offering(['AUTH PLAIN']), { proxyHeader: Buffer.from('header\r\n') })
    await expect(upstream).rejects.toMatchObject({ reason: 'proxy-refused' })
    // This upstream answers every line, also the header, which a good one would have taken off.
    expect(heard.slice(0, 2)).toEqual(['header', 'EHLO gw.example.com'])
  })

  it.each([
    ['500 5.5.2 Error: bad syntax\r\n', 'not-the-protocol'],
    ['221 2.0.0 Bye\r\n', 'not-the-protocol'],
  ])('calls what answers a PROXY header with %j: proxy-refused', async (answer, was) => {
    const failure = await failureOf(
      say => {
        say('220 mail ESMTP\r\n')
        return () => say(answer)
      },
      { proxyHeader: LOCAL_PROXY_HEADER },
    )
    expect(failure).toMatchObject({ reason: 'proxy-refused', detail: expect.stringContaining(`${was} after our PROXY header`) })
  })

  it('calls silence behind a PROXY header: proxy-refused', async () => {
    const controller = new AbortController()
    const failure = await failureOf(() => () => controller.abort(new UpstreamFailure('timeout', 'too slow')), {
      proxyHeader: Buffer.from('PROXY UNKNOWN\r\n'),
      signal: controller.signal,
    })
    expect(failure).toMatchObject({ reason: 'proxy-refused', detail: 'timeout after our PROXY header: too slow' })
  })

  it('does not say XCLIENT where it is not offered', async () => {
    const { heard, upstream } = await connectTo(offering(['AUTH PLAIN']), { xclient: { ip: '192.0.2.1', port: 1, helo: 'x' } })
    ;(await upstream).socket.destroy()
    expect(heard.join()).not.toContain('XCLIENT')
  })
})

describe('an upstream that does not let us in, or is hostile', () => {
  it.each([
    ['535 5.7.8 no\r\n', 'refused-us', 'contact-admin'],
    ['454 4.7.0 later\r\n', 'says-unavailable', 'unavailable'],
    ['535-5.7.8 no\r\n250 yes\r\n', 'not-the-protocol', 'unavailable'],
    [`235 ${'x'.repeat(20_000)}\r\n`, 'not-the-protocol', 'unavailable'],
    ['235-x\r\n'.repeat(20_000), 'not-the-protocol', 'unavailable'],
  ])('%j', async (answer, reason, reply) => {
    expect(await failureOf(offering(['AUTH PLAIN'], () => answer))).toMatchObject({ reason, reply })
  })

  it.each([
    ['421 too busy\r\n', 'says-unavailable'],
    ['554 no service\r\n', 'says-unavailable'],
    ['* OK IMAP\r\n', 'not-the-protocol'],
    ['220 mail\r\n250 early\r\n', 'spoke-out-of-turn'],
    [`220 ${'x'.repeat(100_000)}`, 'not-the-protocol'],
  ])('greeting %j', async (greeting, reason) => {
    expect(
      await failureOf(say => {
        say(greeting)
        return () => {}
      }),
    ).toMatchObject({ reason })
  })

  it('never repeats our secret in a failure', async () => {
    const message = Buffer.from('\0ann\0upstream-secret').toString('base64')
    expect((await failureOf(offering(['AUTH PLAIN'], () => `535 5.7.8 cannot do: AUTH PLAIN ${message}\r\n`))).detail).toBe(
      '(the upstream repeated our login in its answer)',
    )
  })

  it('fails closed without STARTTLS, and on bytes before the handshake', async () => {
    const { heard, upstream } = await connectTo(offering(['AUTH PLAIN']), { tls: 'starttls' })
    await expect(upstream).rejects.toMatchObject({ reason: 'starttls-refused' })
    expect(heard).toEqual(['EHLO gw.example.com'])
    expect(
      await failureOf(
        offering(['STARTTLS'], () => '220 go\r\n250-mail\r\n250 AUTH PLAIN\r\n'),
        { tls: 'starttls' },
      ),
    ).toMatchObject({ reason: 'spoke-out-of-turn' })
    expect(
      await failureOf(
        offering(['STARTTLS'], () => '454 no\r\n'),
        { tls: 'starttls' },
      ),
    ).toMatchObject({ reason: 'starttls-refused' })
  })

  it('closes, or says nothing until the signal', async () => {
    expect(
      await failureOf((say, socket) => {
        say('220 mail\r\n')
        return () => socket.end()
      }),
    ).toMatchObject({ reason: 'closed' })
    const controller = new AbortController()
    const { upstream } = await connectTo(() => () => {}, { signal: controller.signal })
    controller.abort(new UpstreamFailure('timeout', 'too slow'))
    await expect(upstream).rejects.toMatchObject({ reason: 'timeout' })
  })
})
