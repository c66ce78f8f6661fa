import { describe, expect, it } from 'vitest'
import { Secret } from '../../base/secret.ts'
import { LOCAL_PROXY_HEADER } from '../../base/sockets/proxy-header.ts'
import type { ClientIdentity } from '../client-identity.ts'
import { openScriptedUpstream, type Script } from '../scripted-upstream-fixture.ts'
import { UpstreamDialler } from '../upstream-dialler.ts'
import { UpstreamFailure } from '../upstream-failure.ts'
import { connectImapUpstream } from './imap-upstream.ts'

/** Logs in at an upstream that behaves as scripted: what it says at once, and to each line it hears. */
async function connectTo(
  script: Script,
  options: {
    tls?: 'none' | 'starttls'
    authzid?: string
    secret?: string
    allowUnauthenticate?: boolean
    idClient?: ClientIdentity
    proxyHeader?: Buffer
    signal?: AbortSignal
  } = {},
) {
  const { heard, dialler } = await openScriptedUpstream(script, options.tls ?? 'none')
  const login = { authzid: options.authzid ?? '', user: 'ann', secret: Secret.fromText(options.secret ?? 'upstream-secret') }
  const upstream = connectImapUpstream(dialler, login, {
    allowUnauthenticate: options.allowUnauthenticate ?? false,
    idClient: options.idClient,
    proxyHeader: options.proxyHeader,
    signal: options.signal ?? new AbortController().signal,
  })
  return { heard, upstream }
}

/** A well-behaved server with these capabilities before login. */
const honest =
  (capabilities: string, ok = '[CAPABILITY IMAP4rev1 IDLE] Welcome'): Script =>
  say => {
    say(`* OK [CAPABILITY ${capabilities}] ready\r\n`)
    let tag = ''
    return line => {
      const words = line.split(' ')
      if (/^(AUTHENTICATE|LOGIN)$/.test(words[1] ?? '')) tag = words[0] as string
      if (words[1] === 'CAPABILITY') say(`* CAPABILITY IMAP4rev1 SORT\r\n${words[0]} OK done\r\n`)
      else if (line.endsWith('}') || (words[1] === 'AUTHENTICATE' && words.length === 3)) say('+ \r\n')
      else say(`${tag} OK ${ok}\r\n`)
    }
  }

async function failureOf(script: Script, options: Parameters<typeof connectTo>[1] = {}): Promise<UpstreamFailure> {
  const { upstream } = await connectTo(script, options)
  const error = await upstream.then(
    () => undefined,
    error => error,
  )
  expect(error).toBeInstanceOf(UpstreamFailure)
  return error as UpstreamFailure
}

const client: ClientIdentity = { ip: '2001:db8::7', port: 4711, destination: { host: '192.0.2.1', port: 993 }, session: 's1' }
const ID =
  /^([0-9a-f-]{18}) ID \("x-originating-ip" "2001:db8::7" "x-originating-port" "4711" "x-connected-ip" "192.0.2.1" "x-connected-port" "993" "x-session-ext-id" "s1"\)$/

describe('telling the upstream of the client by ID', () => {
  const answering =
    (answer: (tag: string) => string): Script =>
    say => {
      const login = honest('IMAP4rev1 ID AUTH=PLAIN SASL-IR')(say, undefined as never)
      return line => (ID.test(line) ? say(answer(line.split(' ')[0] as string)) : login(line))
    }

  it.each([
    ['OK', (tag: string) => `* ID ("name" "Dovecot")\r\n${tag} OK done\r\n`],
    ['NO', (tag: string) => `${tag} NO not from you\r\n`],
    ['BAD', (tag: string) => `${tag} BAD what?\r\n`],
    ['nothing at all', () => ''],
  ])('before the login, which goes on when the answer is %s', async (_, answer) => {
    const { heard, upstream } = await connectTo(answering(answer), { idClient: client })
    const { capabilities, socket } = await upstream
    socket.destroy()
    expect(capabilities).toBe('IMAP4rev1 IDLE')
    expect(heard[0]).toMatch(ID)
    expect(heard[1]).toMatch(/AUTHENTICATE PLAIN/)
  })

  it('leaves no answer behind for the app when capabilities are asked for after the login', async () => {
    const { heard, upstream } = await connectTo(
      say => {
        const login = honest('IMAP4rev1 ID AUTH=PLAIN SASL-IR', 'in')(say, undefined as never)
        let tag = ''
        return line => {
          if (ID.test(line)) tag = line.split(' ')[0] as string
          // The answer to ID comes together with that to the login, and after it.
          else if (line.includes('AUTHENTICATE')) say(`${line.split(' ')[0]} OK in\r\n${tag} OK late\r\n`)
          else login(line)
        }
      },
      { idClient: client },
    )
    const { unread, socket } = await upstream
    socket.destroy()
    expect(unread.toString()).toBe('')
    expect(heard).toHaveLength(3)
  })

  it('does not say it where it is not offered', async () => {
    const { heard, upstream } = await connectTo(honest('IMAP4rev1 SASL-IR AUTH=PLAIN'), { idClient: client })
    ;(await upstream).socket.destroy()
    expect(heard.join()).not.toContain('originating')
  })

  it('never tells it before TLS', async () => {
    const { heard, upstream } = await connectTo(
      say => {
        say('* OK [CAPABILITY IMAP4rev1 ID STARTTLS] ready\r\n')
        return line => say(`${line.split(' ')[0]} NO not now\r\n`)
      },
      { tls: 'starttls', idClient: client },
    )
    await expect(upstream).rejects.toMatchObject({ reason: 'starttls-refused' })
    expect(heard).toHaveLength(1)
  })
})

describe('behind a PROXY header', () => {
  it('asks for the capabilities before it sends any secret', async () => {
    const { heard, upstream } = await connectTo(
      say => {
        const login = honest('IMAP4rev1 AUTH=PLAIN SASL-IR')(say, undefined as never)
        // The header as lines: three, and what stands before our first command.
        let header = 4
        return line => (header-- > 1 ? undefined : login(line.replace('QUIT\n \0\0\0', '')))
      },
      { proxyHeader: LOCAL_PROXY_HEADER },
    )
    ;(await upstream).socket.destroy()
    expect(heard.slice(0, 3)).toEqual(['', '', '\0'])
    expect(heard[3]).toMatch(/^QUIT\n \0\0\0[0-9a-f-]{18} CAPABILITY$/)
    expect(heard[4]).toMatch(/LOGIN/)
  })

  it.each([
    ['answers it with BAD', '* OK ready\r\n', (line: string) => (line === '' ? '* BAD what?\r\n' : '')],
    ['answers its own tag only', '* OK ready\r\n', () => 'QUIT BAD what?\r\n'],
    ['is no IMAP server', 'SSH-2.0-OpenSSH\r\n', () => ''],
  ])('an upstream that %s: proxy-refused, and no secret was sent', async (_, greeting, answer) => {
    const { heard, upstream } = await connectTo(
      say => {
        say(greeting)
        return line => say(answer(line))
      },
      { proxyHeader: LOCAL_PROXY_HEADER },
    )
    await expect(upstream).rejects.toMatchObject({ reason: 'proxy-refused', reply: 'unavailable', severity: 'error' })
    expect(heard.join()).not.toMatch(/AUTHENTICATE|LOGIN/)
  })

  it('an upstream that says nothing: proxy-refused, not a time-out', async () => {
    for (const greeting of ['', '* OK ready\r\n']) {
      const controller = new AbortController()
      const failure = await failureOf(
        say => {
          say(greeting)
          return () => controller.abort(new UpstreamFailure('timeout', 'too slow'))
        },
        { proxyHeader: Buffer.from('PROXY UNKNOWN\r\n'), signal: controller.signal },
      )
      expect(failure).toMatchObject({ reason: 'proxy-refused', detail: 'timeout after our PROXY header: too slow' })
    }
  })

  it('an upstream that leaves: proxy-refused', async () => {
    const failure = await failureOf(
      (_, socket) => {
        socket.end()
        return () => {}
      },
      { proxyHeader: LOCAL_PROXY_HEADER },
    )
    expect(failure).toMatchObject({ reason: 'proxy-refused', detail: expect.stringContaining('closed after our PROXY header') })
  })
})

describe('logging in at the upstream', () => {
  it('sends PLAIN with the command where SASL-IR is offered', async () => {
    const { heard, upstream } = await connectTo(honest('IMAP4rev1 SASL-IR AUTH=PLAIN'), { authzid: 'bob@example.com' })
    const { capabilities, socket } = await upstream
    socket.destroy()
    expect(capabilities).toBe('IMAP4rev1 IDLE')
    expect(heard[0]).toMatch(/^[0-9a-f-]{18} AUTHENTICATE PLAIN /)
    expect(Buffer.from(heard[0]?.split(' ')[3] as string, 'base64').toString()).toBe('bob@example.com\0ann\0upstream-secret')
  })

  it('waits for the challenge without SASL-IR', async () => {
    const { heard, upstream } = await connectTo(honest('IMAP4rev1 AUTH=PLAIN'))
    ;(await upstream).socket.destroy()
    expect(Buffer.from(heard[1] as string, 'base64').toString()).toBe('\0ann\0upstream-secret')
  })

  it('asks for the capabilities where neither greeting nor OK tells them', async () => {
    const { upstream } = await connectTo(honest('IMAP4rev1 AUTH=PLAIN SASL-IR', 'Welcome'))
    const { capabilities, socket } = await upstream
    socket.destroy()
    expect(capabilities).toBe('IMAP4rev1 SORT')
  })

  it('is not confused by what the upstream announces behind its greeting', async () => {
    const { upstream } = await connectTo((say, socket) => {
      say('* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] ready\r\n* OK [ALERT] down for repair on Sunday\r\n')
      return honest('')(text => void (text.startsWith('*') || socket.write(text)), socket)
    })
    ;(await upstream).socket.destroy()
  })

  it('takes the capabilities that come untagged before the OK, and gives on what came behind it', async () => {
    const { upstream } = await connectTo(say => {
      say('* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] ready\r\n')
      return line => say(`* CAPABILITY IMAP4rev1 X-GM-EXT-1\r\n* 1 EXISTS\r\n${line.split(' ')[0]} OK in\r\n* 2 EXISTS\r\n`)
    })
    const { capabilities, unread, socket } = await upstream
    socket.destroy()
    expect(capabilities).toBe('IMAP4rev1 X-GM-EXT-1')
    expect(unread.toString()).toBe('* 2 EXISTS\r\n')
  })
})

const refusing =
  (reply: string): Script =>
  say => {
    say('* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] ready\r\n')
    return line => say(`${line.split(' ')[0]} ${reply}\r\n`)
  }

describe('an upstream that does not let us in', () => {
  it.each([
    ['NO [AUTHENTICATIONFAILED] no', 'refused-us', 'contact-admin'],
    ['NO go away', 'refused-us', 'contact-admin'],
    ['NO [UNAVAILABLE] later', 'says-unavailable', 'unavailable'],
    ['NO [ALERT] Too many simultaneous connections. (Failure)', 'says-unavailable', 'unavailable'],
    ['NO [AUTHENTICATIONFAILED] Too many failures', 'refused-us', 'contact-admin'],
    ['BAD [UNAVAILABLE] later', 'says-unavailable', 'unavailable'],
    ['NO [INUSE] later', 'says-unavailable', 'unavailable'],
    ['OK [CAPABILITY IMAP4rev1 UNAUTHENTICATE] in', 'offers-unauthenticate', 'contact-admin'],
  ])('%s: %s', async (reply, reason, told) => {
    expect(await failureOf(refusing(reply))).toMatchObject({ reason, reply: told })
  })

  it('never repeats our secret, whatever part of the command the upstream quotes', async () => {
    const message = Buffer.from('\0ann\0upstream-secret').toString('base64')
    for (const quote of [`AUTHENTICATE PLAIN ${message}`, message.slice(6, 20), 'upstream-secret', Buffer.from('upstream-secret').toString('base64')]) {
      expect((await failureOf(refusing(`NO cannot do: ${quote}`))).detail).toBe('(the upstream repeated our login in its answer)')
    }
    expect((await failureOf(refusing('NO go away'))).detail).toBe('NO go away')
  })

  it('lets UNAUTHENTICATE pass where the configuration allows it', async () => {
    const { upstream } = await connectTo(refusing('OK [CAPABILITY IMAP4rev1 UNAUTHENTICATE] in'), { allowUnauthenticate: true })
    ;(await upstream).socket.destroy()
  })

  it('does not fall back to LOGIN when the login must name another mailbox', async () => {
    expect(await failureOf(honest('IMAP4rev1'), { authzid: 'bob@example.com' })).toMatchObject({ reason: 'no-mechanism' })
    expect(await failureOf(honest('IMAP4rev1 LOGINDISABLED'))).toMatchObject({ reason: 'no-mechanism' })
  })
})

describe('a hostile upstream', () => {
  const silent = () => () => {}
  const saying =
    (text: string): Script =>
    say => {
      say(text)
      return () => {}
    }

  it.each([
    ['PREAUTH', '* PREAUTH come in\r\n', 'preauth'],
    ['BYE', '* BYE no\r\n', 'says-unavailable'],
    ['another protocol', '220 mail ESMTP\r\n', 'not-the-protocol'],
    ['an endless greeting', `* OK ${'x'.repeat(100_000)}`, 'not-the-protocol'],
    ['a greeting with a literal', '* OK {1000000}\r\n', 'not-the-protocol'],
    ['an OK before we spoke', '* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] ready\r\nA1 OK in\r\n', 'spoke-out-of-turn'],
  ])('%s', async (_, text, reason) => {
    expect(await failureOf(saying(text))).toMatchObject({ reason, reply: 'unavailable' })
  })

  it('a tag that is not ours', async () => {
    expect(
      await failureOf(say => {
        say('* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] ready\r\n')
        return () => say('A1 OK in\r\n')
      }),
    ).toMatchObject({ reason: 'spoke-out-of-turn' })
  })

  it('endless untagged responses, endless challenges', async () => {
    for (const endless of ['* 1 EXISTS\r\n', '+ \r\n']) {
      const failure = await failureOf(say => {
        say('* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] ready\r\n')
        return line => {
          if (/AUTHENTICATE/.test(line)) say(endless.repeat(70_000))
        }
      })
      expect(failure.reason).toBe('not-the-protocol')
    }
  })

  it('capabilities that would write into our reply are not taken', async () => {
    const { upstream } = await connectTo(honest('IMAP4rev1 AUTH=PLAIN SASL-IR', '[CAPABILITY IMAP4rev1 \u0007evil"] in'))
    const { capabilities, socket } = await upstream
    socket.destroy()
    expect(capabilities).toBe('IMAP4rev1')
  })

  it('bytes before the TLS handshake', async () => {
    const script: Script = say => {
      say('* OK ready\r\n')
      return line => say(`${line.split(' ')[0]} OK go\r\n* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n`)
    }
    expect(await failureOf(script, { tls: 'starttls' })).toMatchObject({ reason: 'spoke-out-of-turn' })
  })

  it('STARTTLS refused: nothing is sent in the clear', async () => {
    const { heard, upstream } = await connectTo(refusing('NO not here'), { tls: 'starttls' })
    await expect(upstream).rejects.toMatchObject({ reason: 'starttls-refused' })
    expect(heard).toHaveLength(1)
  })

  it('silence ends with the signal', async () => {
    const controller = new AbortController()
    const { upstream } = await connectTo(silent, { signal: controller.signal })
    controller.abort(new UpstreamFailure('timeout', 'too slow'))
    await expect(upstream).rejects.toMatchObject({ reason: 'timeout' })
  })

  it('a connection that closes, and a port where nobody listens', async () => {
    expect(
      await failureOf((_, socket) => {
        socket.end()
        return () => {}
      }),
    ).toMatchObject({ reason: 'closed' })
    const dialler = new UpstreamDialler({ host: '127.0.0.1', port: 1, tls: 'none' })
    await expect(dialler.dial(new AbortController().signal)).rejects.toMatchObject({ reason: 'unreachable' })
  })
})
