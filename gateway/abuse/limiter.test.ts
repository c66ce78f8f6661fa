import { Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { MailboxId } from '../../base/ids.ts'
import { parseCidr } from '../../base/network.ts'
import { Secret } from '../../base/secret.ts'
import { SecretFingerprints } from '../../store/limits/secret-fingerprint.ts'
import { LIMITS } from '../limits.ts'
import { Machine } from '../machine/machine.ts'
import { Limiter } from './limiter.ts'

const ANN = 'ann@example.com'
const HOME = '192.0.2.10'
const THIEF = '198.51.100.66'
/** Sixteen bits of some hundred secrets fall on each other now and then; under this key those of these tests do not. */
const FINGERPRINT_KEY = Buffer.from('limiter tests c3')

function openLimiter({ known = [] as readonly string[], trusted = [] as readonly string[] } = {}) {
  const asked: string[] = []
  const isRecognised = async (address: string, block: string) => {
    asked.push(`${block} ${address}`)
    return known.includes(`${block} ${address}`)
  }
  const limiter = new Limiter(
    { isRecognisedNetwork: isRecognised, isRecognisedByAnyMailbox: async block => known.some(pair => pair.startsWith(`${block} `)) },
    () => trusted.map(parseCidr),
    new Machine(),
    new SecretFingerprints(FINGERPRINT_KEY),
  )
  let secrets = 0
  /** So many wrong secrets that were never used before; gives the delay of the last. */
  const guess = async (ip: string, address: string, times: number): Promise<number> => {
    let waitMs = 0
    for (let i = 0; i < times; i++) {
      secrets += 1
      waitMs = (await limiter.wrong(await limiter.admit(ip, address), Secret.fromText(`wrong ${secrets}`))).delayMs
    }
    return waitMs
  }
  /** A flood from so many other blocks. */
  const guessFromEverywhere = async (address: string, times: number): Promise<void> => {
    for (let i = 0; i < times; i++) await guess(`203.0.113.${i}`, address, 1)
  }
  const termsOf = async (ip: string, address: string) => (await limiter.admit(ip, address)).terms
  return { limiter, guess, guessFromEverywhere, termsOf, asked }
}

beforeEach(() => {
  vi.useFakeTimers({ now: Date.UTC(2026, 10, 22) })
})
afterEach(() => {
  vi.useRealTimers()
})

describe('an address block that guesses', () => {
  test('is delayed more and more, then refused, and may come back an hour later', async () => {
    const { guess, termsOf } = openLimiter()
    expect(await guess(THIEF, 'a@example.com', 9)).toBe(0)
    const delays = [await guess(THIEF, 'b@example.com', 1), await guess(THIEF, 'c@example.com', 45), await guess(THIEF, 'd@example.com', 40)]
    expect(delays).toEqual([LIMITS.responseBucketMs, 4 * LIMITS.responseBucketMs, 16 * LIMITS.responseBucketMs])
    expect(await termsOf(THIEF, 'e@example.com')).toBe('open')
    await guess(THIEF, 'e@example.com', 5)
    expect(await termsOf(THIEF, 'f@example.com')).toBe('closed')
    expect(await termsOf(HOME, 'f@example.com')).toBe('open')
    vi.advanceTimersByTime(3_600_001)
    expect(await termsOf(THIEF, 'f@example.com')).toBe('open')
  })

  test('counts one mistake once, however often an app repeats it', async () => {
    const { limiter, termsOf } = openLimiter()
    for (let i = 0; i < 1_000; i++) await limiter.wrong(await limiter.admit(HOME, ANN), Secret.fromText('old password'))
    expect(await limiter.wrong(await limiter.admit(HOME, ANN), Secret.fromText('old password'))).toEqual({ delayMs: 0, isRepeated: true })
    expect(await limiter.wrong(await limiter.admit(HOME, ANN), Secret.fromText('another'))).toEqual({ delayMs: 0, isRepeated: false })
    expect(await termsOf(HOME, ANN)).toBe('open')
  })

  test('one secret tried on many mailboxes is many', async () => {
    const { limiter, termsOf } = openLimiter()
    for (let i = 0; i < 100; i++) await limiter.wrong(await limiter.admit(THIEF, `u${i}@example.com`), Secret.fromText('Winter2026'))
    expect(await termsOf(THIEF, ANN)).toBe('closed')
  })

  test('is a /64 of IPv6', async () => {
    const { guess, termsOf } = openLimiter()
    for (let i = 0; i < 100; i++) await guess(`2001:db8:1:2::${i.toString(16)}`, `u${i}@example.com`, 1)
    expect(await termsOf('2001:db8:1:2:ffff::1', ANN)).toBe('closed')
    expect(await termsOf('2001:db8:1:3::1', ANN)).toBe('open')
  })

  test('that is known to a mailbox gets on with that mailbox, and with no other', async () => {
    const { guess, termsOf } = openLimiter({ known: [`${HOME} ${ANN}`] })
    for (let i = 0; i < 100; i++) await guess(HOME, `u${i}@example.com`, 1)
    expect(await termsOf(HOME, ANN)).toBe('open')
    expect(await termsOf(HOME, 'bob@example.com')).toBe('closed')
  })

  test('within the trusted networks is not counted, its guesses at one mailbox are', async () => {
    const { guess, termsOf } = openLimiter({ trusted: ['192.0.2.0/24'] })
    for (let i = 0; i < 150; i++) await guess(HOME, `u${i}@example.com`, 1)
    expect(await termsOf(HOME, ANN)).toBe('open')
    await guess(HOME, ANN, 100)
    expect(await termsOf(THIEF, ANN)).toBe('generated-only')
  })

  test('and is refused gets few connections a second, unless somebody is known there', async () => {
    const { limiter, guess } = openLimiter({ known: [`${HOME} ${ANN}`] })
    for (let i = 0; i < 100; i++) await guess(HOME, `u${i}@example.com`, 1)
    for (let i = 0; i < 100; i++) await guess(THIEF, `u${i}@example.com`, 1)
    const accepted = async (ip: string) => (await Promise.all(Array.from({ length: 50 }, () => limiter.mayConnect(ip)))).filter(Boolean).length
    expect(await accepted(THIEF)).toBe(LIMITS.closedBlockConnectionsPerSecond)
    expect(await accepted(HOME)).toBe(50)
  })
})

describe('TLS handshakes', () => {
  const OFFICE = '192.0.2.20'
  /** How many of those who came at once are served within the time. */
  const servedWithin = async (ms: number, arrivals: readonly (readonly [ip: string, count: number])[], known: readonly string[]) => {
    const { limiter } = openLimiter({ known: known.map(ip => `${ip} ${ANN}`) })
    const served = new Map<string, number>()
    for (const [ip, count] of arrivals)
      for (let i = 0; i < count; i++) void limiter.takeHandshakeTurn(ip, new Socket()).then(() => served.set(ip, (served.get(ip) ?? 0) + 1))
    await vi.advanceTimersByTimeAsync(ms)
    return served
  }

  test('three hundred at once from a network in which somebody is known keep nobody else from his', async () => {
    const served = await servedWithin(
      30,
      [
        [OFFICE, 300],
        [HOME, 1],
      ],
      [OFFICE, HOME],
    )
    expect(served.get(HOME)).toBe(1)
    expect(served.get(OFFICE)).toBeLessThan(60)
  })

  test('of unknown networks wait longer, and not for the others', async () => {
    const served = await servedWithin(
      1_000,
      [
        [THIEF, 1_000],
        [OFFICE, 1_000],
      ],
      [OFFICE],
    )
    expect(served.get(THIEF)).toBeLessThan(150)
    expect(served.get(OFFICE)).toBeGreaterThan(400)
    expect(served.get(OFFICE)).toBeLessThan(600)
  })

  test('of trusted networks never wait', async () => {
    const { limiter } = openLimiter({ trusted: ['192.0.2.0/24'] })
    const all = Promise.all(Array.from({ length: 1_000 }, () => limiter.takeHandshakeTurn(HOME, new Socket())))
    expect(await all).toHaveLength(1_000)
  })
})

test('a store that is down lets connections come, to hear that it is down', async () => {
  const down = async () => {
    throw new Error('down')
  }
  const limiter = new Limiter({ isRecognisedNetwork: down, isRecognisedByAnyMailbox: down }, () => [])
  expect(await limiter.mayConnect(HOME)).toBe(true)
})

describe('a repetition', () => {
  const twice = async ({ limiter }: ReturnType<typeof openLimiter>, ip: string, kind: 'wrong' | 'limited') => {
    const one = async () => {
      const attempt = await limiter.admit(ip, ANN)
      const secret = Secret.fromText('the same again')
      return (kind === 'wrong' ? await limiter.wrong(attempt, secret) : await limiter.limited(attempt, secret)).isRepeated
    }
    return [await one(), await one()]
  }

  test('is called one, and the first is not', async () => {
    const bench = openLimiter({ trusted: ['10.0.0.0/8'] })
    expect(await twice(bench, HOME, 'wrong')).toEqual([false, true])
    expect(await twice(bench, THIEF, 'limited')).toEqual([false, true])
  })

  test('within the trusted networks nobody is called a guesser for what was not looked at', async () => {
    expect(await twice(openLimiter({ trusted: ['10.0.0.0/8'] }), '10.0.0.7', 'limited')).toEqual([true, true])
  })
})

describe('a mailbox that is guessed at', () => {
  test('from everywhere: unknown networks may use generated secrets only, recognised ones notice nothing', async () => {
    const { guessFromEverywhere, termsOf } = openLimiter({ known: [`${HOME} ${ANN}`] })
    await guessFromEverywhere(ANN, 100)
    expect(await termsOf('192.0.2.99', ANN)).toBe('generated-only')
    expect(await termsOf(HOME, ANN)).toBe('open')
    expect(await termsOf('192.0.2.99', 'bob@example.com')).toBe('open')
  })

  test('delays wrong answers, those of recognised networks by their own mistakes only', async () => {
    const { guess, guessFromEverywhere } = openLimiter({ known: [`${HOME} ${ANN}`] })
    await guessFromEverywhere(ANN, 60)
    expect(await guess('192.0.2.99', ANN, 1)).toBeGreaterThan(0)
    expect(await guess(HOME, ANN, 1)).toBe(0)
  })

  test('what is no address is counted for its block only', async () => {
    const { limiter } = openLimiter()
    for (let i = 0; i < 200; i++) await limiter.wrong(await limiter.admit(`203.0.113.${i}`, undefined), Secret.fromText(`wrong ${i}`))
    expect((await limiter.admit(HOME, undefined)).terms).toBe('open')
    for (let i = 0; i < 100; i++) await limiter.wrong(await limiter.admit(THIEF, undefined), Secret.fromText(`wrong ${i}`))
    expect((await limiter.admit(THIEF, undefined)).terms).toBe('closed')
  })

  test('made-up addresses do not push out the count of one that is guessed at', async () => {
    const { guess, guessFromEverywhere, termsOf } = openLimiter()
    await guessFromEverywhere(ANN, 100)
    for (let i = 0; i < LIMITS.countedMailboxes + 10; i++)
      await guess(`2001:db8:${(i >> 8).toString(16)}:${(i & 255).toString(16)}::1`, `made-up-${i}@example.com`, 1)
    expect(await termsOf(THIEF, ANN)).toBe('generated-only')
  })

  test('from the block of its owner: the right generated secret still gets in', async () => {
    const { guess, termsOf } = openLimiter({ known: [`${HOME} ${ANN}`] })
    await guess(HOME, ANN, 400)
    expect(await termsOf(HOME, ANN)).toBe('generated-only')
  })
})

describe('a right secret', () => {
  test('makes its block known at once, and the store hears of it once a day', async () => {
    const { limiter, guess, termsOf } = openLimiter()
    const right = async () => limiter.right(await limiter.admit(HOME, ANN), 'm1' as MailboxId)
    await right()
    await right()
    expect(limiter.recognisedNetworks.takeRecords(10)).toEqual([{ mailbox: 'm1', block: HOME, at: Date.now() }])
    for (let i = 0; i < 100; i++) await guess(HOME, `u${i}@example.com`, 1)
    expect(await termsOf(HOME, ANN)).toBe('open')
    vi.advanceTimersByTime(LIMITS.recognisedNetworkRepeatMs + 1)
    await right()
    expect(limiter.recognisedNetworks.takeRecords(10)).toHaveLength(1)
  })

  test('costs the store no question while nobody is over a limit', async () => {
    const { limiter, asked } = openLimiter()
    await limiter.admit(HOME, ANN)
    expect(asked).toEqual([])
  })
})
