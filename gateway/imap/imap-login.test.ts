import { duplexPair } from 'node:stream'
import { describe, expect, it, vi } from 'vitest'
import { UpstreamFailure } from '../../upstream/upstream-failure.ts'
import { Limiter } from '../abuse/limiter.ts'
import { openLimiterForAll } from '../abuse/limiter-fixture.ts'
import { LIMITS } from '../limits.ts'
import { type Bench, b64, LOGGED_IN, LOGIN, mailbox, makeDevice, openSession, SECRET, talk } from './imap-session-fixture.ts'

describe('login', () => {
  it('answers with the upstream’s capabilities and splices, cut at every byte', async () => {
    const sent = Buffer.from(`${LOGIN}b SELECT INBOX\r\n`)
    for (let cut = 0; cut <= sent.length; cut += 1) {
      const { client, upstream, hear } = openSession()
      client.write(sent.subarray(0, cut))
      client.write(sent.subarray(cut))
      await hear(LOGGED_IN)
      const heard = await new Promise<string>(resolve => upstream.once('data', chunk => resolve(chunk.toString())))
      // What the client had pipelined reaches the upstream, whole and first.
      expect(`${heard}${upstream.read() ?? ''}`).toBe('b SELECT INBOX\r\n')
      client.destroy()
      upstream.destroy()
    }
  })

  it('takes one-byte writes', async () => {
    expect(
      await talk(
        {},
        [...LOGIN].map(letter => Buffer.from(letter)),
        LOGGED_IN,
      ),
    ).toContain(LOGGED_IN)
  })

  it.each(['ann@example.com ', ' ann@example.com', '\u00a0Ann@Example.com\u00a0', '\u200bann@example.com\t'])('takes the pasted name %j', async name => {
    expect(await talk({}, `a AUTHENTICATE PLAIN ${b64(`\0${name}\0${SECRET}\r\n`)}\r\n`, 'a ')).toContain('a OK')
  })

  it('files a wrong secret for a near-address or an alias under its mailbox', async () => {
    const { client, hear, activity } = openSession({ store: { findLogin: async () => ({ mailbox, devices: [makeDevice()], generation: 1 }) } })
    client.write('a LOGIN "ann@example.com " wrong\r\nb LOGIN alias@example.com wronger\r\n')
    await hear('b NO')
    expect(activity.map(({ address }) => address)).toEqual(['ann@example.com', 'ann@example.com'])
  })

  it('cancels with * and goes on', async () => {
    expect(await talk({}, `a AUTHENTICATE PLAIN\r\n*\r\nb AUTHENTICATE LOGIN\r\n${b64('x')}\r\n*\r\n${LOGIN}`, LOGGED_IN)).toMatch(
      /a BAD Login cancelled[\s\S]*b BAD Login cancelled/,
    )
  })

  it('refuses a mechanism that is not offered', async () => {
    expect(await talk({}, 'a AUTHENTICATE CRAM-MD5\r\n', 'a NO')).toContain('a NO [CANNOT]')
  })

  const refusals: readonly [string, Bench, string, string, string][] = [
    ['an unknown address', {}, 'a LOGIN bob@example.com whatever-it-is\r\n', 'AUTHENTICATIONFAILED', 'unknown-address'],
    ['what is no address', {}, 'a LOGIN ann whatever-it-is\r\n', 'AUTHENTICATIONFAILED', 'unknown-address'],
    ['a wrong secret', {}, 'a LOGIN ann@example.com wrong\r\n', 'AUTHENTICATIONFAILED', 'wrong-secret'],
    ['a secret that is not UTF-8', {}, 'a LOGIN ann@example.com {2+}\r\n\u00e4x\r\n', 'AUTHENTICATIONFAILED', 'wrong-secret'],
    ['an empty secret', {}, 'a LOGIN ann@example.com ""\r\n', 'AUTHENTICATIONFAILED', 'wrong-secret'],
    ['a secret of nothing but a line end', {}, 'a LOGIN ann@example.com {2+}\r\n\r\n\r\n', 'AUTHENTICATIONFAILED', 'wrong-secret'],
    ['a secret with a TAB', {}, 'a LOGIN ann@example.com "wrong\t"\r\n', 'AUTHENTICATIONFAILED', 'wrong-secret'],
    ['a secret of two lines', {}, 'a LOGIN ann@example.com {9+}\r\nwrong\r\nxx\r\n', 'AUTHENTICATIONFAILED', 'wrong-secret'],
    ['a secret with a NUL', {}, 'a LOGIN ann@example.com {3+}\r\nx\0y\r\n', 'AUTHENTICATIONFAILED', 'wrong-secret'],
    ['a secret that is too long', {}, `a LOGIN ann@example.com ${'x'.repeat(2000)}\r\n`, 'AUTHENTICATIONFAILED', 'wrong-secret'],
    ['no name', {}, 'a LOGIN "" wrong\r\n', 'AUTHENTICATIONFAILED', 'unknown-address'],
    ['no name and no secret', {}, 'a LOGIN "" ""\r\n', 'AUTHENTICATIONFAILED', 'unknown-address'],
    ['a PLAIN message without its NULs', {}, `a AUTHENTICATE PLAIN ${b64('ann')}\r\n`, 'AUTHENTICATIONFAILED', 'unknown-address'],
    ['an empty PLAIN message', {}, 'a AUTHENTICATE PLAIN =\r\n', 'AUTHENTICATIONFAILED', 'unknown-address'],
    ['a revoked device', { device: { state: 'revoked' } }, LOGIN, 'AUTHENTICATIONFAILED', 'revoked'],
    ['a disabled device', { device: { state: 'disabled' } }, LOGIN, 'AUTHENTICATIONFAILED', 'disabled'],
    ['a disabled mailbox', { device: { mailboxState: 'disabled' } }, LOGIN, 'AUTHENTICATIONFAILED', 'mailbox-disabled'],
    ['the wrong network', { device: { allowFrom: ['10.0.0.0/8'] } }, LOGIN, 'AUTHENTICATIONFAILED', 'network'],
    ['an expired device', { device: { expiresAt: 1 } }, LOGIN, 'EXPIRED', 'expired'],
    ['a device that may only send', { device: { scopes: ['smtp'] } }, LOGIN, 'AUTHORIZATIONFAILED', 'scope'],
    ['the device of a blocked user', { device: { userState: 'blocked' } }, LOGIN, 'AUTHORIZATIONFAILED', 'user-blocked'],
    [
      'another address to act for',
      {},
      `a AUTHENTICATE PLAIN ${b64(`bob@example.com\0ann@example.com\0${SECRET}`)}\r\n`,
      'AUTHORIZATIONFAILED',
      'acts-as-other',
    ],
  ]

  it.concurrent.each(refusals)('refuses %s', async (_, bench, sent, code, reason) => {
    const { client, hear, lines, activity, said } = openSession(bench)
    client.write(Buffer.from(sent, 'latin1'))
    await hear('a NO')
    expect(said()).toContain(`a NO [${code}]`)
    expect(lines.filter(({ event }) => event.startsWith('auth.'))).toEqual([{ event: 'auth.refused', fields: expect.objectContaining({ reason }) }])
    expect(activity).toEqual([expect.objectContaining({ result: reason })])
    expect(JSON.stringify([lines, activity])).not.toContain(SECRET)
  })

  it('gives the same bytes for everything that must not be told apart', async () => {
    const alike = refusals.filter(([, , , code]) => code === 'AUTHENTICATIONFAILED')
    const answers = await Promise.all(alike.map(([, bench, sent]) => talk(bench, [Buffer.from(sent, 'latin1')], 'a NO')))
    expect(new Set(answers).size).toBe(1)
  })

  it.each([
    ['whoever guesses too much, with a right secret too', { limiter: openLimiterForAll('closed') }, 'closed'],
    ['an unknown network with a chosen secret, when the mailbox is guessed at', { limiter: openLimiterForAll('generated-only') }, 'limited'],
    ['one session too many', { sessionsPerDevice: 0 }, 'too-many-sessions'],
  ] as readonly [string, Bench, string][])('says LIMIT to %s, and goes on', async (_, bench, reason) => {
    const { client, hear, lines } = openSession(bench)
    client.write(`${LOGIN}b NOOP\r\n`)
    await hear('b OK')
    await hear('a NO [LIMIT]')
    expect(lines).toContainEqual({ event: 'auth.refused', fields: expect.objectContaining({ reason }) })
  })

  it('says BYE after ten refused logins', async () => {
    const { client, hear, said } = openSession({ device: { expiresAt: 1 } })
    client.write(LOGIN.repeat(11))
    await hear('BYE')
    expect(said().match(/EXPIRED/g)).toHaveLength(10)
    expect(said()).toMatch(/\* BYE Too many wrong logins\.\r\n$/)
  })

  it.each([
    ['a store that is down', { store: { findLogin: async () => Promise.reject(new Error('disk I/O error')) } }, 'UNAVAILABLE'],
    ['a slow or absent upstream', { connect: async () => Promise.reject(new UpstreamFailure('timeout', 'x')) }, 'UNAVAILABLE'],
    ['an upstream that refuses us', { connect: async () => Promise.reject(new UpstreamFailure('refused-us', 'NO [AUTHENTICATIONFAILED]')) }, 'CONTACTADMIN'],
  ] as readonly [string, Bench, string][])('never calls %s a wrong password', async (_, bench, code) => {
    const said = await talk(bench, `${LOGIN}b NOOP\r\n`, 'b OK')
    expect(said).toContain(`a NO [${code}]`)
    expect(said).not.toContain('AUTHENTICATIONFAILED')
  })

  it('asks the store twice: for the mailbox, its devices and the generation at once, and for the generation before the hand-over', async () => {
    const asked: string[] = []
    const answers: Readonly<Record<string, unknown>> = { findLogin: { mailbox, devices: [makeDevice()], generation: 1 }, readGeneration: 1 }
    const store = Object.fromEntries(
      ['findLogin', 'readGeneration', 'findDeviceStatuses', 'isRecognisedNetwork', 'isRecognisedByAnyMailbox'].map(name => [
        name,
        async () => {
          asked.push(name)
          return answers[name]
        },
      ]),
    )
    await talk({ store }, LOGIN, LOGGED_IN)
    expect(asked).toEqual(['findLogin', 'readGeneration'])
  })

  it('refuses a device that was revoked while the upstream was dialled', async () => {
    const status = makeDevice({ state: 'revoked' })
    const [socket] = duplexPair()
    const bench: Bench = {
      store: { readGeneration: async () => 2, findDeviceStatuses: async () => new Map([[status.id, status]]) },
      connect: async () => ({ socket, unread: Buffer.alloc(0), capabilities: 'IMAP4rev1' }),
    }
    expect(await talk(bench, LOGIN, 'a NO')).toContain('a NO [AUTHENTICATIONFAILED]')
    expect(socket.destroyed).toBe(true)
  })

  it('refuses a migration password whose time was ended while the upstream was asked', async () => {
    const legacy = makeDevice({ kind: 'legacy', phc: '', tag: new Uint8Array(), expiresAt: Date.now() + 60_000 })
    const [socket] = duplexPair()
    const bench: Bench = {
      device: legacy,
      store: { readGeneration: async () => 2, findDeviceStatuses: async () => new Map([[legacy.id, { ...legacy, state: 'revoked' }]]) },
      connect: async () => ({ socket, unread: Buffer.alloc(0), capabilities: 'IMAP4rev1' }),
    }
    expect(await talk(bench, LOGIN, 'a NO')).toContain('a NO [AUTHENTICATIONFAILED]')
    expect(socket.destroyed).toBe(true)
  })

  it('counts a guess at the migration password also when its author does not wait for the answer', async () => {
    const legacy = makeDevice({ kind: 'legacy', phc: '', tag: new Uint8Array(), expiresAt: Date.now() + 60_000 })
    const refuse = Promise.withResolvers<never>()
    let isTrying = false
    const limiter = new Limiter({ isRecognisedNetwork: async () => false, isRecognisedByAnyMailbox: async () => false }, () => [])
    const { client, done } = openSession({
      device: legacy,
      limiter,
      connect: async ({ login }) => {
        login.onSent?.()
        isTrying = true
        return refuse.promise
      },
    })
    client.write('a LOGIN ann@example.com marker-a-guess\r\n')
    await vi.waitFor(() => expect(isTrying).toBe(true))
    client.end()
    await done
    refuse.reject(new UpstreamFailure('refused-us', 'NO'))
    await vi.waitFor(async () => expect(await limiter.counters.mailbox.count('ann@example.com')).toBe(1))
  })

  it('ends a login whose device is kicked meanwhile, and does not call it a wrong password', async () => {
    const status = makeDevice({ kickedAt: Date.now() + 1000 })
    const said = await talk({ store: { readGeneration: async () => 2, findDeviceStatuses: async () => new Map([[status.id, status]]) } }, LOGIN, 'BYE')
    expect(said).not.toContain('a NO')
  })

  it('lets a device in when something else changed meanwhile', async () => {
    const status = makeDevice()
    expect(await talk({ store: { readGeneration: async () => 2, findDeviceStatuses: async () => new Map([[status.id, status]]) } }, LOGIN, 'a OK')).toContain(
      LOGGED_IN,
    )
  })

  it('gives up the upstream when the client leaves meanwhile', async () => {
    let signal: AbortSignal | undefined
    const { client, done, live, lines } = openSession({
      connect: async (_route, _client, given) => {
        signal = given
        return new Promise((_, reject) => given.addEventListener('abort', () => reject(given.reason)))
      },
    })
    client.write(LOGIN)
    await vi.waitFor(() => expect(signal).toBeDefined())
    client.end()
    await done
    expect(signal?.aborted).toBe(true)
    expect(live.size).toBe(0)
    expect(lines.map(({ event }) => event)).toEqual(['auth.failed', 'session.end'])
  })

  it('answers UNAVAILABLE when the upstream takes longer than 20 s', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    let isDialling = false
    const { client, said } = openSession({
      connect: async (_route, _client, given) => {
        isDialling = true
        return new Promise((_, reject) => given.addEventListener('abort', () => reject(given.reason)))
      },
    })
    client.write(LOGIN)
    while (!isDialling) await new Promise(setImmediate)
    vi.advanceTimersByTime(LIMITS.upstreamLoginMs)
    vi.useRealTimers()
    await vi.waitFor(() => expect(said()).toContain('a NO [UNAVAILABLE]'))
  })

  it('finds the app that tells its name after login', async () => {
    const { client, session, hear } = openSession()
    client.write(LOGIN)
    await hear(LOGGED_IN)
    client.write('b ID ("name" "Late" "version" "2")\r\n')
    await vi.waitFor(() => expect(session.live.app).toBe('Late 2'))
  })

  it('ends a spliced session with BYE at the end of a line, without a word in the middle', async () => {
    for (const [sent, lastReply] of [
      ['* 1 EXISTS\r\n', "* 1 EXISTS\r\n* BYE This device's access has ended.\r\n"],
      ['* 1 FETCH {10}\r\nhal', '* 1 FETCH {10}\r\nhal'],
    ] as const) {
      const { client, upstream, session, hear, said, live } = openSession()
      client.write(LOGIN)
      await hear(LOGGED_IN)
      upstream.write(sent)
      await hear(sent)
      session.live.end('revoked')
      client.end()
      await vi.waitFor(() => expect(live.size).toBe(0))
      expect(said().slice(said().indexOf(LOGGED_IN) + LOGGED_IN.length)).toBe(lastReply)
    }
  })
})

it('a defect at the hand-over ends the connection, and is one line of the log and one end', async () => {
  const capabilities = {
    toString: () => {
      throw new Error('a defect')
    },
  }
  const [upstream] = duplexPair()
  const connect = async () => ({ socket: upstream, unread: Buffer.alloc(0), capabilities }) as never
  const { client, done, live, lines } = openSession({ connect })
  client.write(LOGIN)
  await done
  expect(live.size).toBe(0)
  expect(upstream.destroyed).toBe(true)
  await vi.waitFor(() => expect(client.readableEnded || client.destroyed).toBe(true))
  expect(lines.map(({ event }) => event)).toEqual(['auth.ok', 'bug', 'session.end'])
})
