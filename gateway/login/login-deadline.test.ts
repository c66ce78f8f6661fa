/** A login is answered when its time is over, wherever it waits. */
import { duplexPair } from 'node:stream'
import { describe, expect, test } from 'vitest'
import type { Log, LogEvent, LogFields } from '../../base/log.ts'
import { Secret } from '../../base/secret.ts'
import { openLimiterForAll } from '../abuse/limiter-fixture.ts'
import { makeDevice } from '../imap/imap-session-fixture.ts'
import { LIMITS } from '../limits.ts'
import { Metrics } from '../monitoring/metrics.ts'
import { LiveSession, LiveSessions } from '../sessions/live-sessions.ts'
import { type LoginServices, logIn } from './login.ts'
import { MigrationLogins } from './migration-login.ts'

const device = makeDevice({ phc: 'phc' })
const mailbox = { id: 'm1', address: 'ann@example.com', upstream: 'main', login: null, sealedSecret: null, state: 'active' }

/** Where a login waits; each of them goes on when `release` is called. */
const PLACES = ['admit 1', 'findLogin', 'verify', 'connect', 'readGeneration', 'findDeviceStatuses'] as const

async function logInWaitingAt(place: (typeof PLACES)[number] | 'nowhere') {
  const { promise, resolve: release } = Promise.withResolvers<void>()
  const counts = new Map<string, number>()
  const pass = async <Value>(name: string, value: Value): Promise<Value> => {
    const count = (counts.get(name) ?? 0) + 1
    counts.set(name, count)
    if (place === name || place === `${name} ${count}`) await promise
    return value
  }
  const [upstream] = duplexPair()
  const events: { event: LogEvent; reason: unknown }[] = []
  const write = (event: LogEvent, { reason }: LogFields = {}) => void events.push({ event, reason })
  const log: Log = { debug: write, info: write, warn: write, error: write, with: () => log }
  const services = {
    store: {
      readGeneration: () => pass('readGeneration', 1),
      findLogin: () => pass('findLogin', { mailbox, devices: [device], generation: 0 }),
      findDeviceStatuses: () => pass('findDeviceStatuses', new Map([[device.id, device]])),
      tagsOf: () => ({ generated: Buffer.alloc(8), chosen: device.tag }),
    },
    hasher: { verify: () => pass('verify', true) },
    config: { sessionsPerDevice: 100, upstreams: [] },
    limits: { ...LIMITS, upstreamLoginMs: 10 },
    limiter: { ...openLimiterForAll(), admit: async (ip: string, address: string) => pass('admit', { block: ip, address, terms: 'open', countedIn: [] }) },
    metrics: new Metrics(),
    migrationLogins: new MigrationLogins(),
    live: new LiveSessions(),
    log,
    recorder: { attempted() {}, connected() {} },
    routeOf: () => ({}),
  } as unknown as LoginServices
  const session = new LiveSession({ protocol: 'imap', scope: 'imap', ip: '192.0.2.7', since: 0, end: () => {} })
  services.live.enter(session)
  const credentials = { address: mailbox.address, secret: Secret.fromText('a secret of theirs'), actsAsOther: false }
  const outcome = await logIn(services, { session, credentials, wire: { onGone: undefined }, tls: null, log }, () => pass('connect', { socket: upstream }))
  return {
    outcome,
    events,
    async goOn() {
      release()
      for (let i = 0; i < 10; i++) await new Promise(setImmediate)
      return { events, isDropped: upstream.destroyed, isConnected: counts.has('connect') }
    },
  }
}

describe('the answer comes when the time is over', () => {
  test.each(PLACES)('while it waits at %s; what goes on afterwards logs nothing, lets nobody in and leaves no connection', async place => {
    const { outcome, events, goOn } = await logInWaitingAt(place)
    expect(outcome).toEqual({ failed: 'unavailable' })
    expect(events.filter(({ event }) => event.startsWith('auth.'))).toEqual([{ event: 'auth.failed', reason: 'upstream-timeout' }])
    const before = events.length
    const { isDropped, isConnected } = await goOn()
    expect(events).toHaveLength(before)
    expect(isDropped).toBe(isConnected)
  })

  test('and not when it was in time', async () => {
    expect((await logInWaitingAt('nowhere')).outcome).toHaveProperty('upstream')
  })
})
