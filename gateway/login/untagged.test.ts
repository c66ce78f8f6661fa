/** Imported hashes that have no tag yet: any secret must be tried against them, so guesses are bounded here. */
import { duplexPair } from 'node:stream'
import { expect, test } from 'vitest'
import { silentLog } from '../../base/log.ts'
import { Secret } from '../../base/secret.ts'
import { SecretFingerprints } from '../../store/limits/secret-fingerprint.ts'
import { Limiter } from '../abuse/limiter.ts'
import { makeDevice } from '../imap/imap-session-fixture.ts'
import { LIMITS } from '../limits.ts'
import { Machine } from '../machine/machine.ts'
import { Metrics } from '../monitoring/metrics.ts'
import { LiveSession, LiveSessions } from '../sessions/live-sessions.ts'
import { type LoginServices, logIn } from './login.ts'
import { MigrationLogins } from './migration-login.ts'

/** Sixteen bits of some hundred secrets fall on each other now and then; under this key those of these tests do not. */
const FINGERPRINT_KEY = Buffer.from('untagged tests 0')
const ADDRESS = 'ann@example.com'
const RIGHT = 'k7mqx2pd9rtfh4wzc8nb'
const imported = Array.from({ length: 12 }, (_, i) => makeDevice({ kind: 'imported', tag: null, phc: `hash ${i}` }))
const tagged = makeDevice({ tag: Buffer.of(7), phc: 'tagged' })

function openGateway() {
  const verified: string[] = []
  const nobody = { isRecognisedNetwork: async () => false, isRecognisedByAnyMailbox: async () => false }
  const limiter = new Limiter(nobody, () => [], new Machine(), new SecretFingerprints(FINGERPRINT_KEY))
  const [upstream] = duplexPair()
  let delayMs = 0
  const services = {
    store: {
      readGeneration: async () => 1,
      findLogin: async () => ({ mailbox: { id: 'm1', address: ADDRESS, upstream: 'main' }, devices: [...imported, tagged], generation: 1 }),
      tagsOf: (_: string, secret: Secret) => ({
        generated: Buffer.alloc(8),
        chosen: secret.reveal().toString() === 'of the tagged one' ? tagged.tag : Buffer.of(9),
      }),
      setTag: async () => {},
    },
    hasher: {
      verify: async (phc: string, secret: Secret) => {
        verified.push(phc)
        return secret.reveal().toString() === ({ tagged: 'of the tagged one', 'hash 11': RIGHT } as Record<string, string>)[phc]
      },
    },
    config: { sessionsPerDevice: 1_000, upstreams: [] },
    limits: LIMITS,
    limiter: {
      admit: limiter.admit.bind(limiter),
      wrong: limiter.wrong.bind(limiter),
      limited: limiter.limited.bind(limiter),
      right: limiter.right.bind(limiter),
      reserveResponseTime: (_: number, delay: number) => {
        delayMs = delay
        return { waitMs: 0, giveBack: () => {} }
      },
    },
    metrics: new Metrics(),
    migrationLogins: new MigrationLogins(),
    live: new LiveSessions(),
    log: silentLog,
    recorder: { attempted() {}, connected() {} },
    routeOf: () => ({}),
  } as unknown as LoginServices
  return {
    verified,
    async tryLogin(ip: string, secret: string) {
      delayMs = 0
      const session = new LiveSession({ protocol: 'imap', scope: 'imap', ip, since: 0, end: () => {} })
      const credentials = { address: ADDRESS, secret: Secret.fromText(secret), actsAsOther: false }
      const outcome = await logIn(services, { session, credentials, wire: { onGone: undefined }, tls: null, log: silentLog }, async () => ({
        socket: upstream,
      }))
      return { outcome: 'refused' in outcome ? outcome.refused : 'upstream' in outcome ? 'in' : 'other', delayMs }
    },
  }
}

/** Shaped like a generated one: looked at also behind the mailbox's limit. */
const guessOf = (i: number) =>
  `aaaaaaaaaaaaaaaaa${String.fromCharCode(97 + (i % 8))}${String.fromCharCode(97 + ((i >> 3) % 8))}${String.fromCharCode(97 + (i >> 6))}`

test('are not tried behind the mailbox’s limit, and nothing tells whether one would have been right', async () => {
  const { tryLogin, verified } = openGateway()
  expect(await tryLogin('192.0.2.1', RIGHT)).toEqual({ outcome: 'in', delayMs: 0 })
  for (let i = 0; i < 130; i++) await tryLogin(`203.0.113.${i}`, guessOf(i))
  expect(verified.length).toBeLessThanOrEqual(101 * imported.length)
  const before = verified.length
  const wrong = await tryLogin('198.51.100.1', guessOf(200))
  expect(await tryLogin('198.51.100.2', RIGHT)).toEqual(wrong)
  expect(verified).toHaveLength(before)
})

test('guesses that were let in together do not tell either', async () => {
  const { tryLogin } = openGateway()
  for (let i = 0; i < 99; i++) await tryLogin(`203.0.113.${i}`, guessOf(i))
  const many = await Promise.all(Array.from({ length: 40 }, (_, i) => tryLogin(`198.51.100.${i}`, i === 39 ? RIGHT : guessOf(200 + i))))
  expect(new Set(many.map(({ outcome }) => outcome))).toEqual(new Set(['wrong-secret']))
})
