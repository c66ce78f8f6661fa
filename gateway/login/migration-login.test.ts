/** The migration password of a mailbox, tried at an upstream that is a function. */
import { beforeEach, describe, expect, test } from 'vitest'
import { MailwicketError } from '../../base/errors.ts'
import type { DeviceId, MailboxId } from '../../base/ids.ts'
import { silentLog } from '../../base/log.ts'
import { Secret } from '../../base/secret.ts'
import { generateAppPassword } from '../../store/passwords/app-password.ts'
import type { LoginDevice, LoginMailbox } from '../../store/schema/login-record.ts'
import { UpstreamFailure } from '../../upstream/upstream-failure.ts'
import type { Route } from '../../upstream/upstream-routes.ts'
import { LIMITS } from '../limits.ts'
import { MigrationLogins } from './migration-login.ts'
import { MigrationMemory } from './migration-memory.ts'
import { type ProofServices, proveLogin } from './prove-login.ts'

const RIGHT = 'marker-right-Old1'
const mailbox: LoginMailbox = { id: 'm1' as MailboxId, address: 'ann@example.com', upstream: 'main', login: 'ann.a', sealedSecret: null, state: 'active' }
const migrationDevice: LoginDevice = {
  id: 'd1' as DeviceId,
  name: 'legacy',
  kind: 'legacy',
  phc: '',
  tag: new Uint8Array(),
  state: 'active',
  mailboxState: 'active',
  scopes: ['imap', 'smtp'],
  expiresAt: Date.now() + 3_600_000,
  allowFrom: [],
  passwordVersion: 1,
  kickedAt: null,
  userState: null,
}

/** What the upstream was asked, and what it does when it is. */
let tried: string[]
/** Whether the secret gets there. */
let isReached: boolean
/** Upstream connections that were thrown away. */
let dropped: string[]
let signals: AbortSignal[]
let answer: (secret: string) => Promise<string>
let now: number
/** What was called a guess. */
let counted: string[]
/** Where the upstream is; a reload may move it. */
let server: { readonly host: string; readonly port: number }
let migrationLogins: MigrationLogins

beforeEach(() => {
  tried = []
  isReached = true
  dropped = []
  signals = []
  now = 0
  server = { host: '192.0.2.1', port: 143 }
  migrationLogins = new MigrationLogins({ memory: new MigrationMemory(() => now) })
  counted = []
  answer = async secret => {
    if (secret === RIGHT) return 'an upstream connection'
    throw new UpstreamFailure('refused-us', 'NO [AUTHENTICATIONFAILED] no')
  }
})

interface Try {
  readonly device?: Partial<LoginDevice>
  readonly ip?: string
  readonly protocol?: 'imap' | 'submission'
  readonly signal?: AbortSignal
}

function prove(text: string, { device = {}, ip = '192.0.2.7', protocol = 'imap', signal = new AbortController().signal }: Try = {}) {
  const services = {
    store: {
      findLogin: async () => ({ mailbox, devices: [{ ...migrationDevice, ...device }] }),
      tagsOf: () => ({ generated: Buffer.alloc(8), chosen: Buffer.alloc(1) }),
    },
    hasher: { verify: async () => Promise.reject(new Error('argon2 was asked')) },
    log: silentLog,
    migrationLogins,
    migrationRouteOf: (_mailbox: LoginMailbox, secret: Secret) => ({ config: { imap: server, submission: server }, login: { secret } }) as unknown as Route,
  } as unknown as ProofServices
  const credentials = { address: mailbox.address, secret: Secret.fromText(text), actsAsOther: false }
  const scope = protocol === 'imap' ? ('imap' as const) : ('smtp' as const)
  const connect = async ({ login }: Route, ofTry: AbortSignal) => {
    const secret = login.secret.reveal().toString()
    tried.push(secret)
    signals.push(ofTry)
    const gone = new Promise<never>((_, reject) => ofTry.addEventListener('abort', () => reject(ofTry.reason as Error)))
    if (isReached) login.onSent?.()
    const name = await Promise.race([answer(secret), gone])
    return { name, socket: { destroy: () => dropped.push(name) } }
  }
  return proveLogin(
    services,
    credentials as never,
    { scope, ip, protocol },
    { connect, signal, onTried: async outcome => void counted.push(`${text} ${outcome}`) },
  )
}

/** An upstream that answers when it is told to. */
function holdAnswers() {
  const waiting: (() => void)[] = []
  const direct = answer
  answer = async secret => {
    await new Promise<void>(resolve => waiting.push(resolve))
    return direct(secret)
  }
  return { release: (count = waiting.length) => waiting.splice(0, count).forEach(resolve => void resolve()) }
}

const turn = () => new Promise(resolve => setImmediate(resolve))

describe('a secret that is no device’s', () => {
  test('is the migration password when the upstream says so; its connection is the session’s, argon2 is never asked', async () => {
    expect(await prove(RIGHT)).toMatchObject({ device: { id: 'd1', name: 'legacy' }, mailbox, upstream: { name: 'an upstream connection' } })
    expect(tried).toEqual([RIGHT])
  })

  test('is a wrong secret when the upstream refuses it, with its words for the log', async () => {
    expect(await prove('marker-wrong')).toEqual({ refused: 'wrong-secret', migrationRefusal: expect.stringContaining('NO [AUTHENTICATIONFAILED] no') })
  })

  test('is asked for anew when the upstream is another server: the wrong one refused what is right', async () => {
    const direct = answer
    answer = async () => Promise.reject(new UpstreamFailure('refused-us', 'NO who are you'))
    expect(await prove(RIGHT)).toMatchObject({ refused: 'wrong-secret' })
    answer = direct
    expect(await prove(RIGHT)).toMatchObject({ migrationRefusal: 'refused by the upstream a moment ago' })
    server = { ...server, port: 144 }
    expect(await prove(RIGHT)).toMatchObject({ device: { id: 'd1' } })
  })

  for (const reason of ['unreachable', 'timeout', 'says-unavailable', 'no-mechanism', 'refused-xclient', 'not-configured'] as const) {
    test(`is not called wrong when the upstream fails: ${reason}`, async () => {
      answer = async () => Promise.reject(new UpstreamFailure(reason, 'x'))
      await expect(prove(RIGHT)).rejects.toMatchObject({ reason })
      // And nothing is remembered of it.
      answer = async () => 'up again'
      expect(await prove(RIGHT)).toMatchObject({ upstream: { name: 'up again' } })
    })
  }
})

describe('never tried at the upstream', () => {
  const notTried: readonly [string, string, Try?][] = [
    ['an app password', generateAppPassword().reveal().toString()],
    ['an app password in capitals, without dashes', 'K7MQX2PD9RTFH4WZC8NB'],
    ['an app password as a phone sends it', 'k7mq—x2pd—9rtf—h4wz—c8nb'],
    ['an app password with a letter too few', 'k7mq-x2pd-9rt-h4wz-c8nb'],
    ['an app password with a letter too many and a wrong one', 'k7mq-x2pdd-9rtf-h4wl-c8nb'],
    ['nothing', ''],
    ['what no server must take', 'x'.repeat(LIMITS.migrationSecretBytes + 1)],
    ['anything after the date', RIGHT, { device: { expiresAt: Date.now() - 1 } }],
    ['anything once it is revoked', RIGHT, { device: { state: 'revoked' } }],
    ['anything while it is disabled', RIGHT, { device: { state: 'disabled' } }],
    ['anything while the mailbox is disabled', RIGHT, { device: { mailboxState: 'disabled' } }],
    ['anything from another network', RIGHT, { device: { allowFrom: ['10.0.0.0/8'] } }],
    ['anything for another protocol', RIGHT, { device: { scopes: ['smtp'] } }],
    ['anything where there is no migration password', RIGHT, { device: { kind: 'imported', tag: Buffer.of(9), phc: 'x' } }],
  ]
  test.each(notTried)('%s', async (_name, secret, attempt) => {
    expect(await prove(secret, attempt)).toMatchObject({ refused: 'wrong-secret' })
    expect(tried).toEqual([])
  })

  test('but what only has some of its looks is', async () => {
    const passwords = [
      'abcd-efgh-ijkl-mnop',
      'abcd efgh ijkl mnop',
      'correct-horse-battery-staple',
      'five-word-pass-phrase-fun!',
      'lowercaseletterstwo1',
      '0'.repeat(255),
    ]
    for (const password of passwords) await prove(password)
    expect(tried).toEqual(passwords)
  })
})

describe('the upstream is spared', () => {
  test('the same wrong secret reaches it once in ten minutes, for each protocol', async () => {
    for (let at = 0; at < 1000; at += 1) expect(await prove('marker-wrong')).toMatchObject({ refused: 'wrong-secret' })
    expect(tried).toHaveLength(1)
    await prove('marker-wrong', { protocol: 'submission' })
    expect(tried).toHaveLength(2)
    now = LIMITS.migrationRefusedMs
    await prove('marker-wrong')
    expect(tried).toHaveLength(3)
  })

  test('fifty at the same moment with one wrong secret: one reaches it', async () => {
    const { release } = holdAnswers()
    const all = Promise.all(Array.from({ length: 50 }, () => prove('marker-wrong')))
    await turn()
    expect(tried).toHaveLength(1)
    release()
    for (const proof of await all) expect(proof).toMatchObject({ refused: 'wrong-secret' })
    expect(tried).toHaveLength(1)
  })

  test('fifty at the same moment with the right one: one first, then sixteen at a time', async () => {
    const { release } = holdAnswers()
    const all = Promise.all(Array.from({ length: 50 }, () => prove(RIGHT)))
    await turn()
    expect(tried).toHaveLength(1)
    release()
    await turn()
    expect(tried).toHaveLength(1 + LIMITS.migrationLogins.atOncePerMailbox)
    while (tried.length < 50) {
      release()
      await turn()
    }
    release()
    for (const proof of await all) expect(proof).toMatchObject({ upstream: { name: 'an upstream connection' } })
  })

  test('of different guesses four are on their way at a time, sixty wait, the rest are told to come again', async () => {
    const { release } = holdAnswers()
    const { atOncePerMailbox, waitingPerMailbox } = LIMITS.migrationTries
    const most = atOncePerMailbox + waitingPerMailbox
    const guesses = Array.from({ length: most }, (_, at) => prove(`marker-guess-${at}`))
    await turn()
    expect(tried).toHaveLength(atOncePerMailbox)
    await expect(prove('marker-one-more')).rejects.toMatchObject({ reason: 'busy', reply: 'unavailable' })
    while (tried.length < most) {
      release()
      await turn()
      expect(tried.length % atOncePerMailbox).toBe(0)
    }
    release()
    for (const proof of await Promise.all(guesses)) expect(proof).toMatchObject({ refused: 'wrong-secret' })
  })

  test('guesses do not keep one waiting whose secret was right before', async () => {
    await prove(RIGHT)
    const { release } = holdAnswers()
    for (let at = 0; at < 20; at += 1) void prove(`marker-guess-${at}`)
    await turn()
    const again = prove(RIGHT)
    await turn()
    expect(tried.at(-1)).toBe(RIGHT)
    release()
    expect(await again).toMatchObject({ upstream: { name: 'an upstream connection' } })
  })

  test('a secret that was right and is refused now is wrong from now on', async () => {
    await prove(RIGHT)
    answer = async () => Promise.reject(new UpstreamFailure('refused-us', 'changed'))
    for (let at = 0; at < 3; at += 1) expect(await prove(RIGHT)).toMatchObject({ refused: 'wrong-secret' })
    expect(tried).toHaveLength(2)
  })

  test('who waits for the answer to his twin leaves when he likes', async () => {
    const { release } = holdAnswers()
    const first = prove(RIGHT)
    await turn()
    const controller = new AbortController()
    const second = prove(RIGHT, { signal: controller.signal })
    await turn()
    controller.abort(new Error('the client left'))
    await expect(second).rejects.toThrow('the client left')
    release()
    expect(await first).toMatchObject({ upstream: { name: 'an upstream connection' } })
    expect(tried).toHaveLength(1)
  })

  test('who leaves without waiting for the answer does not get to send the same again', async () => {
    const { release } = holdAnswers()
    const controller = new AbortController()
    const leaving = prove('marker-wrong', { signal: controller.signal })
    await turn()
    controller.abort(new MailwicketError('WIRE_CLOSED'))
    await expect(leaving).rejects.toMatchObject({ code: 'WIRE_CLOSED' })
    // The try goes on, and whoever comes with the same waits for its answer.
    expect(signals[0]?.aborted).toBe(false)
    const again = prove('marker-wrong')
    await turn()
    release()
    expect(await again).toMatchObject({ refused: 'wrong-secret' })
    expect(tried).toHaveLength(1)
  })

  test('those who left keep their places until the upstream has answered', async () => {
    const { release } = holdAnswers()
    const { atOncePerMailbox } = LIMITS.migrationTries
    for (let at = 0; at < 20; at += 1) {
      const controller = new AbortController()
      const leaving = prove(`marker-guess-${at}`, { signal: controller.signal })
      await turn()
      controller.abort(new MailwicketError('WIRE_CLOSED'))
      await expect(leaving).rejects.toMatchObject({ code: 'WIRE_CLOSED' })
    }
    expect(tried).toHaveLength(atOncePerMailbox)
    release()
    await turn()
    expect(await Promise.race([prove(RIGHT), turn().then(() => release())])).toBeUndefined()
    expect(tried).toHaveLength(atOncePerMailbox + 1)
  })

  test('a connection that was accepted for somebody who left is closed', async () => {
    const { release } = holdAnswers()
    const controller = new AbortController()
    const leaving = prove(RIGHT, { signal: controller.signal })
    await turn()
    controller.abort(new MailwicketError('WIRE_CLOSED'))
    await expect(leaving).rejects.toMatchObject({ code: 'WIRE_CLOSED' })
    release()
    await turn()
    expect(dropped).toEqual(['an upstream connection'])
    expect(await Promise.race([prove(RIGHT), turn().then(() => release())])).toBeUndefined()
    expect(dropped).toHaveLength(1)
  })

  test('but a try ends with the gateway', async () => {
    holdAnswers()
    const controller = new AbortController()
    const ending = prove(RIGHT, { signal: controller.signal })
    await turn()
    controller.abort(new Error('shutdown'))
    await expect(ending).rejects.toThrow('shutdown')
    expect(signals[0]?.aborted).toBe(true)
  })

  test('a twin tries by itself when the first one’s upstream failed', async () => {
    answer = async secret => (tried.length === 1 ? Promise.reject(new UpstreamFailure('unreachable', secret)) : 'an upstream connection')
    const { release } = holdAnswers()
    const [failing, second] = [prove(RIGHT), prove(RIGHT)]
    await turn()
    expect(tried).toHaveLength(1)
    release()
    await expect(failing).rejects.toMatchObject({ reason: 'unreachable' })
    await turn()
    release()
    expect(await second).toMatchObject({ upstream: { name: 'an upstream connection' } })
    expect(tried).toHaveLength(2)
  })
})

describe('what left for the upstream was a guess, unless it was right', () => {
  const DEADLINE = new UpstreamFailure('timeout', 'no login within 20 s')
  const leaves = new MailwicketError('WIRE_CLOSED')

  test.each([
    ['the login’s time is over', DEADLINE],
    ['the client leaves', leaves],
  ])('a server that refuses it after %s: counted, and remembered', async (_, reason) => {
    const { release } = holdAnswers()
    const controller = new AbortController()
    const late = prove('marker-guess', { signal: controller.signal })
    await turn()
    controller.abort(reason)
    await expect(late).rejects.toBe(reason)
    expect(signals[0]?.aborted).toBe(false)
    release()
    await turn()
    expect(counted).toEqual(['marker-guess refused'])
    expect(await prove('marker-guess')).toMatchObject({ migrationRefusal: 'refused by the upstream a moment ago' })
    expect(tried).toHaveLength(1)
  })

  test.each(['timeout', 'closed', 'says-unavailable', 'not-the-protocol', 'spoke-out-of-turn'] as const)('no word about it but %s: counted', async reason => {
    answer = async () => Promise.reject(new UpstreamFailure(reason, 'x'))
    await expect(prove('marker-guess')).rejects.toMatchObject({ reason })
    expect(counted).toEqual(['marker-guess unknown'])
  })

  test('a server that never answers: counted when it is given up, and its place is free', async () => {
    migrationLogins = new MigrationLogins({ limits: { upstreamLoginMs: 1, migrationAnswerMs: 20 } })
    answer = async () => new Promise(() => {})
    const { atOncePerMailbox } = LIMITS.migrationTries
    const guesses = Array.from({ length: 2 * atOncePerMailbox }, (_, at) => prove(`marker-guess-${at}`))
    for (const guess of guesses) await expect(guess).rejects.toMatchObject({ reason: 'timeout' })
    expect(counted).toHaveLength(2 * atOncePerMailbox)
  })

  test('right, but too late: not counted, dropped, and the next one need not queue', async () => {
    const { release } = holdAnswers()
    const controller = new AbortController()
    const late = prove(RIGHT, { signal: controller.signal })
    await turn()
    controller.abort(DEADLINE)
    await expect(late).rejects.toBe(DEADLINE)
    release()
    await turn()
    expect([counted, dropped]).toEqual([[], ['an upstream connection']])
  })

  test('what did not leave is no guess: an upstream that cannot be reached, a place that never came', async () => {
    isReached = false
    answer = async () => Promise.reject(new UpstreamFailure('unreachable', 'x'))
    await expect(prove('marker-guess')).rejects.toMatchObject({ reason: 'unreachable' })
    holdAnswers()
    const controller = new AbortController()
    const { atOncePerMailbox } = LIMITS.migrationTries
    const all = Array.from({ length: 2 * atOncePerMailbox }, (_, at) => prove(`marker-guess-${at}`, { signal: controller.signal }))
    await turn()
    controller.abort(DEADLINE)
    for (const one of all) await expect(one).rejects.toBe(DEADLINE)
    expect(signals.slice(1).every(({ aborted }) => aborted)).toBe(true)
    expect(tried).toHaveLength(1 + atOncePerMailbox)
    expect(counted).toEqual([])
  })
})
