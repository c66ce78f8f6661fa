import { duplexPair, type Duplex } from 'node:stream'
import fc from 'fast-check'
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import type { DeviceId, MailboxId } from '../../base/ids.ts'
import { type LogEvent, type LogFields, type Log } from '../../base/log.ts'
import { Secret } from '../../base/secret.ts'
import type { LoginDevice, LoginMailbox } from '../../store/login-record.ts'
import { PasswordHasher } from '../../store/password-hash.ts'
import type { Connection } from '../connection.ts'
import { LIMITS } from '../limits.ts'
import { LiveSessions } from '../live-sessions.ts'
import { UpstreamFailure } from '../upstream-failure.ts'
import { CAPABILITIES } from './imap-capabilities.ts'
import { type ImapServices, ImapSession } from './imap-session.ts'

const SECRET = 'marker-Secret-chosen-1'
const hasher = new PasswordHasher()
let phc = ''
beforeAll(async () => {
  phc = await hasher.hash(Secret.fromText(SECRET))
})
afterEach(() => {
  vi.useRealTimers()
})

const mailbox: LoginMailbox = { id: 'm1' as MailboxId, address: 'ann@example.com', upstream: 'main', login: null, sealedSecret: null, state: 'active' }
const TAG = Buffer.of(7)

function makeDevice(changes: Partial<LoginDevice> = {}): LoginDevice {
  const device = { id: 'd1' as DeviceId, name: 'phone', kind: 'chosen', phc, tag: TAG, state: 'active', mailboxState: 'active', scopes: ['imap'], expiresAt: null, allowFrom: [], passwordVersion: 1, kickedAt: null }
  return { ...device, ...changes } as LoginDevice
}

interface Bench {
  readonly device?: Partial<LoginDevice>
  readonly tls?: string | null
  readonly connect?: ImapServices['connect']
  readonly store?: Partial<ImapServices['store']>
}

/** A session over a pair of streams, with a store of one mailbox and an upstream that is a pair of streams too. */
function openSession({ device = {}, tls = 'TLSv1.3', connect, store = {} }: Bench = {}) {
  const [ours, client] = duplexPair()
  const [upstreamSocket, upstream] = duplexPair()
  const lines: { event: LogEvent; fields: LogFields }[] = []
  const write = (event: LogEvent, fields: LogFields = {}) => void lines.push({ event, fields })
  const log: Log = { debug: write, info: write, warn: write, error: write, with: () => log }
  const activity: { result: string; address: string }[] = []
  const live = new LiveSessions()
  let said = ''
  client.on('data', chunk => {
    said += chunk
  })
  client.on('error', () => {})
  const services = {
    store: {
      readGeneration: async () => 1,
      findLogin: async (address: string) => (address === mailbox.address ? { mailbox, devices: [makeDevice(device)] } : undefined),
      findStandings: async () => new Map(),
      tagsOf: () => ({ generated: Buffer.alloc(8), chosen: TAG }),
      ...store,
    },
    hasher,
    live,
    log,
    recorder: { attempted: (note: { result: string; address: string }) => activity.push(note), connected: () => {}, named: () => {}, ended: () => {} },
    routeOf: () => ({}),
    connect: connect ?? (async () => ({ socket: upstreamSocket, unread: Buffer.from('* early\r\n'), capabilities: 'IMAP4rev1 IDLE' })),
  } as unknown as ImapServices
  const connection = {
    ip: '192.0.2.7',
    tls,
    socket: ours as Duplex,
    secure: async () => {
      connection.tls = 'TLSv1.3'
    },
    destroy: () => void ours.destroy(),
    farewell: (text: string) => {
      ours.end(text)
      ours.resume()
    },
  }
  const session = new ImapSession(services, connection as unknown as Connection, log)
  const done = session.run()
  return { client, upstream, session, done, lines, activity, live, said: () => said, hear: (text: string) => vi.waitFor(() => expect(said).toContain(text), { interval: 2 }) }
}

/** Sends everything at once and gives what the session said until it closed or said `until`. */
async function talk(bench: Bench, sent: string | readonly Buffer[], until: string): Promise<string> {
  const { client, hear, said } = openSession(bench)
  for (const piece of typeof sent === 'string' ? [sent] : sent) client.write(piece)
  await hear(until)
  return said()
}

const b64 = (text: string) => Buffer.from(text).toString('base64')
const LOGIN = `a LOGIN ann@example.com ${SECRET}\r\n`
const PLAIN = b64(`\0ann@example.com\0${SECRET}`)
const LOGGED_IN = 'a OK [CAPABILITY IMAP4rev1 IDLE] Logged in.\r\n* early\r\n'

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
    const proof = { ...PROOF, STARTTLS: { sent: 'a STARTTLS\r\n', expected: 'a OK Begin TLS' }, LOGINDISABLED: { sent: LOGIN, expected: 'a NO [PRIVACYREQUIRED]' } }
    const { sent, expected } = capability === 'LITERAL+' ? { sent: 'a ID ({4+}\r\nname {1+}\r\nx)\r\n', expected: 'a OK' } : ((proof as typeof PROOF)[capability] as (typeof PROOF)[string])
    expect(await talk({ tls: null }, sent, expected)).toContain(expected)
  })

  it.each(['NOOP x', 'CAPABILITY x', 'LOGOUT x', 'STARTTLS x', 'LOGIN', 'LOGIN a', 'LOGIN a b c', 'AUTHENTICATE', 'AUTHENTICATE PLAIN a b', 'AUTHENTICATE PLAIN !', 'ID', '__proto__', 'constructor', 'HELO x'])(
    'answers %s with BAD',
    async text => {
      expect(await talk({}, `a ${text}\r\n`, 'BAD')).toMatch(/\r\na BAD /)
    },
  )

  it.each(['SELECT INBOX', 'LIST "" *', 'NAMESPACE', 'ENABLE UTF8=ACCEPT', 'XLIST "" *', 'IDLE', 'UID FETCH 1 ALL'])('does not count %s as malformed', async text => {
    const said = await talk({}, `a ${text}\r\n`.repeat(11) + 'z NOOP\r\n', 'z OK')
    expect(said.match(/a BAD Log in first\./g)).toHaveLength(11)
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
      fc.asyncProperty(fc.array(fc.oneof(fc.uint8Array({ maxLength: 60 }), fc.constantFrom('a LOGIN ', '{5}\r\n', '\r\n', 'a AUTHENTICATE PLAIN ', 'ID (', '"', ' {3+}\r\n').map(text => Buffer.from(text)))), async pieces => {
        const { client, done, lines } = openSession()
        for (const piece of pieces) client.write(piece)
        client.end()
        await done
        expect(lines.map(({ event }) => event)).not.toContain('bug')
        expect(lines.filter(({ event }) => event === 'session.end')).toHaveLength(1)
      }),
      { interruptAfterTimeLimit: 2000, numRuns: 3000 },
    )
  })
})

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
    expect(await talk({}, [...LOGIN].map(letter => Buffer.from(letter)), LOGGED_IN)).toContain(LOGGED_IN)
  })

  it('cancels with * and goes on', async () => {
    expect(await talk({}, `a AUTHENTICATE PLAIN\r\n*\r\nb AUTHENTICATE LOGIN\r\n${b64('x')}\r\n*\r\n${LOGIN}`, LOGGED_IN)).toMatch(/a BAD Login cancelled[^]*b BAD Login cancelled/)
  })

  it('refuses a mechanism that is not offered', async () => {
    expect(await talk({}, 'a AUTHENTICATE CRAM-MD5\r\n', 'a NO')).toContain('a NO [CANNOT]')
  })

  const refusals: readonly [string, Bench, string, string, string][] = [
    ['an unknown address', {}, 'a LOGIN bob@example.com whatever-it-is\r\n', 'AUTHENTICATIONFAILED', 'unknown-address'],
    ['what is no address', {}, 'a LOGIN ann whatever-it-is\r\n', 'AUTHENTICATIONFAILED', 'unknown-address'],
    ['a wrong secret', {}, 'a LOGIN ann@example.com wrong\r\n', 'AUTHENTICATIONFAILED', 'wrong-secret'],
    ['a secret that is not UTF-8', {}, 'a LOGIN ann@example.com {2+}\r\n\u00e4x\r\n', 'AUTHENTICATIONFAILED', 'wrong-secret'],
    ['a revoked device', { device: { state: 'revoked' } }, LOGIN, 'AUTHENTICATIONFAILED', 'revoked'],
    ['a disabled device', { device: { state: 'disabled' } }, LOGIN, 'AUTHENTICATIONFAILED', 'disabled'],
    ['a disabled mailbox', { device: { mailboxState: 'disabled' } }, LOGIN, 'AUTHENTICATIONFAILED', 'mailbox-disabled'],
    ['the wrong network', { device: { allowFrom: ['10.0.0.0/8'] } }, LOGIN, 'AUTHENTICATIONFAILED', 'network'],
    ['an expired device', { device: { expiresAt: 1 } }, LOGIN, 'EXPIRED', 'expired'],
    ['a device that may only send', { device: { scopes: ['smtp'] } }, LOGIN, 'AUTHORIZATIONFAILED', 'scope'],
    ['another address to act for', {}, `a AUTHENTICATE PLAIN ${b64(`bob@example.com\0ann@example.com\0${SECRET}`)}\r\n`, 'AUTHORIZATIONFAILED', 'acts-as-other'],
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

  it('refuses a device that was revoked while the upstream was dialled', async () => {
    let generation = 1
    const standing = makeDevice({ state: 'revoked' })
    const [socket] = duplexPair()
    const bench: Bench = {
      store: { readGeneration: async () => generation++, findStandings: async () => new Map([[standing.id, standing]]) },
      connect: async () => ({ socket, unread: Buffer.alloc(0), capabilities: 'IMAP4rev1' }),
    }
    expect(await talk(bench, LOGIN, 'a NO')).toContain('a NO [AUTHENTICATIONFAILED]')
    expect(socket.destroyed).toBe(true)
  })

  it('ends a login whose device is kicked meanwhile, and does not call it a wrong password', async () => {
    let generation = 1
    const standing = makeDevice({ kickedAt: Date.now() + 1000 })
    const said = await talk({ store: { readGeneration: async () => generation++, findStandings: async () => new Map([[standing.id, standing]]) } }, LOGIN, 'BYE')
    expect(said).not.toContain('a NO')
  })

  it('lets a device in when something else changed meanwhile', async () => {
    let generation = 1
    const standing = makeDevice()
    expect(await talk({ store: { readGeneration: async () => generation++, findStandings: async () => new Map([[standing.id, standing]]) } }, LOGIN, 'a OK')).toContain(LOGGED_IN)
  })

  it('gives up the upstream when the client leaves meanwhile', async () => {
    let signal: AbortSignal | undefined
    const { client, done, live, lines } = openSession({
      connect: async (_, given) => {
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
      connect: async (_, given) => {
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
    for (const [sent, farewell] of [
      ['* 1 EXISTS\r\n', '* 1 EXISTS\r\n* BYE This device\'s access has ended.\r\n'],
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
      expect(said().slice(said().indexOf(LOGGED_IN) + LOGGED_IN.length)).toBe(farewell)
    }
  })
})
