/**
 * Nothing that is done for a wrong secret may depend on whether there is such a mailbox: not what is asked, counted, recorded or logged, in whatever
 * order others failed before, and not the delay.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Log } from '../../base/log.ts'
import { Secret } from '../../base/secret.ts'
import type { GatewayStore } from '../../store/gateway-side/gateway-store.ts'
import { SecretFingerprints } from '../../store/limits/secret-fingerprint.ts'
import { PasswordHasher } from '../../store/passwords/password-hash.ts'
import { StoreFixture } from '../../store/store-fixture.ts'
import { Limiter } from '../abuse/limiter.ts'
import { LIMITS } from '../limits.ts'
import { Machine } from '../machine/machine.ts'
import { Metrics } from '../monitoring/metrics.ts'
import { LiveSession, LiveSessions } from '../sessions/live-sessions.ts'
import { type LoginServices, logIn } from './login.ts'
import { MigrationLogins } from './migration-login.ts'

const THERE = 'there@example.com'
const NOT_THERE = 'not-there@example.com'
const GENERATED = 'k7mqx2pd9rtfh4wzc8nb'
/** Under it none of the secrets below share their 16 bits; under a random one two of them do every few runs. */
const FINGERPRINT_KEY = Buffer.from('existence tests 0')

const fixture = new StoreFixture()
let store: GatewayStore

beforeAll(async () => {
  const made = await fixture.create()
  store = await fixture.openGateway()
  await made.mailboxes.add({ address: THERE, upstream: 'main' })
  await made.devices.add(THERE, { name: 'Phone', scopes: ['imap'] })
  const { device } = await made.devices.add(THERE, { name: 'Tablet', scopes: ['imap'] })
  await made.devices.revoke([device.id])
})
afterAll(() => fixture.remove())

/** A gateway of which every call is noted, without what was given. */
function openGateway() {
  let calls: string[] = []
  const watched = <Target extends object>(name: string, target: Target): Target =>
    new Proxy(target, {
      get(_, key) {
        const value: unknown = Reflect.get(target, key, target)
        if (typeof value !== 'function') return value
        return (...given: unknown[]) => {
          calls.push(`${name}.${String(key)}`)
          return value.apply(target, given)
        }
      },
    })
  const limiter = new Limiter(watched('store', store), () => [], new Machine(), new SecretFingerprints(FINGERPRINT_KEY))
  let delayMs = 0
  const log = watched('log', { debug() {}, info() {}, warn() {}, error() {}, with: () => log } as unknown as Log)
  const services = {
    store: watched('store', store),
    hasher: watched('hasher', new PasswordHasher()),
    config: { sessionsPerDevice: 100, upstreams: [] },
    limits: LIMITS,
    limiter: {
      admit: limiter.admit.bind(limiter),
      wrong: limiter.wrong.bind(limiter),
      limited: limiter.limited.bind(limiter),
      reserveResponseTime: (_: number, delay: number) => {
        delayMs = delay
        return { waitMs: 0, giveBack: () => {} }
      },
    },
    metrics: watched('metrics', new Metrics()),
    migrationLogins: new MigrationLogins(),
    live: new LiveSessions(),
    log,
    recorder: watched('recorder', { attempted() {}, connected() {} }),
    routeOf: () => expect.fail('no wrong secret is worth a connection'),
  } as unknown as LoginServices
  return {
    limiter,
    async tryLogin(ip: string, address: string, secret: string) {
      calls = []
      const session = new LiveSession({ protocol: 'imap', scope: 'imap', ip, since: 0, end: () => {} })
      const credentials = { address, secret: Secret.fromText(secret), actsAsOther: false }
      await logIn(services, { session, credentials, wire: { onGone: undefined }, tls: null, log }, () => expect.fail('not reached'))
      return { calls, delayMs }
    },
  }
}

describe('an address that exists and one that does not', () => {
  test.each([
    ['a chosen secret', 'a wrong secret of theirs'],
    ['one that looks generated', GENERATED],
  ])('are asked the same questions for %s, from the first failure to long after the last that is looked at', async (_, secret) => {
    const gateway = openGateway()
    for (let i = 0; i < 130; i++) {
      const ip = `203.0.113.${i}`
      const one = await gateway.tryLogin(ip, THERE, i % 2 === 0 ? secret : `${secret} ${i}`)
      expect(await gateway.tryLogin(`2001:db8::${i}:0:0:0:1`, NOT_THERE, i % 2 === 0 ? secret : `${secret} ${i}`)).toEqual(one)
    }
  })

  test.each([1, 4, 5, 30, 120])('answer after the same delay when each failed %d times and made-up addresses fill the memory', async times => {
    const gateway = openGateway()
    for (const address of [THERE, NOT_THERE])
      for (let i = 0; i < times; i++) await gateway.limiter.wrong(await gateway.limiter.admit(`203.0.113.${i}`, address), Secret.fromText(`wrong ${i}`))
    for (let i = 0; i < LIMITS.countedMailboxes + 10; i++)
      await gateway.limiter.wrong(
        { block: `made up ${i}`, address: `made-up-${i}@example.com`, terms: 'open', countedIn: ['mailbox'] },
        Secret.fromText('Winter2026'),
      )
    const one = await gateway.tryLogin('192.0.2.1', THERE, GENERATED)
    expect(await gateway.tryLogin('192.0.2.2', NOT_THERE, GENERATED)).toEqual(one)
  })
})
