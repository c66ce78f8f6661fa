import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { DeviceId, SessionId } from '../../base/ids.ts'
import { silentLog } from '../../base/log.ts'
import type { GatewayStore } from '../../store/gateway-side/gateway-store.ts'
import type { DeviceStatus } from '../../store/schema/login-record.ts'
import { LIMITS } from '../limits.ts'
import { LiveSession, LiveSessions } from './live-sessions.ts'
import { Revocation } from './revocation.ts'

const NOW = 1_000_000
beforeEach(() => {
  vi.useFakeTimers({ now: NOW })
})
afterEach(() => {
  vi.useRealTimers()
})

function makeStatus(id: string, changes: Partial<DeviceStatus> = {}): DeviceStatus {
  return {
    id: id as DeviceId,
    state: 'active',
    mailboxState: 'active',
    userState: null,
    scopes: ['imap'],
    expiresAt: null,
    allowFrom: [],
    passwordVersion: 1,
    kickedAt: null,
    ...changes,
  }
}

/** Two live sessions, of device `a` and device `b`, and a store whose rows the test changes. */
function openRevocation({ listens = false } = {}) {
  const live = new LiveSessions()
  const ended: string[] = []
  const rows = new Map([makeStatus('a'), makeStatus('b')].map(row => [row.id, row]))
  const store = { generation: 1, kicked: [] as SessionId[], isDown: false, answered: Promise.resolve(), tell: () => {} }
  for (const id of ['a', 'b']) {
    const session = new LiveSession({
      protocol: 'imap',
      scope: 'imap',
      ip: '192.0.2.1',
      since: NOW,
      end: why => {
        ended.push(`${id}: ${why}`)
        live.leave(session)
      },
    })
    session.device = rows.get(id as DeviceId)
    live.enter(session)
  }
  const revocation = new Revocation(
    {
      readGeneration: async () => {
        if (store.isDown) throw new Error('down')
        return store.generation
      },
      findDeviceStatuses: async (ids: readonly DeviceId[]) => {
        const found = new Map(ids.flatMap(id => (rows.has(id) ? [[id, rows.get(id) as DeviceStatus]] : [])))
        await store.answered
        return found
      },
      findKickedSessions: async () => store.kicked,
      ...(listens
        ? {
            listen: async (onMoved: () => void) => {
              store.tell = onMoved
              const stop = async (): Promise<void> => {
                store.tell = () => {}
              }
              return { stop }
            },
          }
        : {}),
    } as unknown as GatewayStore,
    live,
    silentLog,
  )
  revocation.start()
  return { live, ended, rows, store, revocation }
}

const nextPoll = () => vi.advanceTimersByTimeAsync(LIMITS.generationPollMs)

describe('Revocation', () => {
  const causes: readonly [string, Partial<DeviceStatus> | undefined, string][] = [
    ['revoked', { state: 'revoked' }, 'revoked'],
    ['disabled', { state: 'disabled' }, 'disabled'],
    ['its mailbox disabled', { mailboxState: 'disabled' }, 'mailbox-disabled'],
    ['its user blocked', { userState: 'blocked' }, 'user-blocked'],
    ['expired by the administrator', { expiresAt: NOW - 1 }, 'expired'],
    ['given another password', { passwordVersion: 2 }, 'password-changed'],
    ['denied this scope', { scopes: ['smtp'] }, 'scope'],
    ['denied this network', { allowFrom: ['10.0.0.0/8'] }, 'network'],
    ['kicked', { kickedAt: NOW }, 'kicked'],
    ['removed', undefined, 'removed'],
  ]
  it.each(causes)('ends the sessions of a device that is %s, and no other', async (_, change, why) => {
    const { ended, rows, store } = openRevocation()
    await nextPoll()
    if (change === undefined) rows.delete('a' as DeviceId)
    else rows.set('a' as DeviceId, makeStatus('a', change))
    store.generation += 1
    await nextPoll()
    expect(ended).toEqual([`a: ${why}`])
  })

  it('a kick counts whatever the clock says: set back since the login, or ahead at an earlier kick', async () => {
    const { live, ended, rows, store } = openRevocation()
    const [a, b] = [...live.all()]
    // Logged in after a kick that lies in the future by now.
    if (b !== undefined) b.device = makeStatus('b', { kickedAt: NOW + 3_600_000 })
    rows.set('b' as DeviceId, makeStatus('b', { kickedAt: NOW + 3_600_000 }))
    await nextPoll()
    rows.set('a' as DeviceId, makeStatus('a', { kickedAt: (a?.since ?? 0) - 3_600_000 }))
    store.generation += 1
    await nextPoll()
    expect(ended).toEqual(['a: kicked'])
  })

  it('ends one session by its ID', async () => {
    const { live, ended, store } = openRevocation()
    await nextPoll()
    store.kicked = [[...live.all()][1]?.id as SessionId]
    store.generation += 1
    await nextPoll()
    expect(ended).toEqual(['b: kicked'])
  })

  it('ends a session when its device expires, though nothing changed in the store', async () => {
    const { rows, ended } = openRevocation()
    rows.set('a' as DeviceId, makeStatus('a', { expiresAt: NOW + 600 }))
    await nextPoll()
    expect(ended).toEqual([])
    await vi.advanceTimersByTimeAsync(LIMITS.generationPollMs * 2)
    expect(ended).toEqual(['a: expired'])
  })

  it('follows an expiry that was set or moved after the login', async () => {
    const { ended, rows, store } = openRevocation()
    await nextPoll()
    rows.set('a' as DeviceId, makeStatus('a', { expiresAt: NOW + 1000 }))
    store.generation += 1
    await nextPoll()
    rows.set('b' as DeviceId, makeStatus('b', { expiresAt: NOW + 60_000 }))
    store.generation += 1
    await vi.advanceTimersByTimeAsync(1000)
    expect(ended).toEqual(['a: expired'])
    rows.set('b' as DeviceId, makeStatus('b', { expiresAt: NOW + 600_000 }))
    store.generation += 1
    await vi.advanceTimersByTimeAsync(120_000)
    expect(ended).toEqual(['a: expired'])
  })

  it('takes a network that cannot be read for no network, and judges everybody else', async () => {
    const { ended, rows, store } = openRevocation()
    await nextPoll()
    rows.set('a' as DeviceId, makeStatus('a', { allowFrom: ['not a network'] }))
    rows.set('b' as DeviceId, makeStatus('b', { state: 'revoked' }))
    store.generation += 1
    await nextPoll()
    expect(ended).toEqual(['a: network', 'b: revoked'])
  })

  it('does not end a session that logged in with the new password while the store was asked about the old one', async () => {
    const { live, ended, rows, store } = openRevocation()
    await nextPoll()
    const answer = Promise.withResolvers<void>()
    store.answered = answer.promise
    store.generation += 1
    await nextPoll()
    // The answer is under way with the old row; meanwhile the password is changed and the app comes back with the new one.
    rows.set('a' as DeviceId, makeStatus('a', { passwordVersion: 2 }))
    store.generation += 1
    const session = new LiveSession({ protocol: 'imap', scope: 'imap', ip: '192.0.2.1', since: NOW, end: why => void ended.push(`new: ${why}`) })
    session.device = rows.get('a' as DeviceId)
    live.enter(session)
    store.answered = Promise.resolve()
    answer.resolve()
    await vi.advanceTimersByTimeAsync(LIMITS.generationPollMs * 2)
    expect(ended).toEqual(['a: password-changed'])
  })

  it('ends a session that was kicked, whatever the clocks of the two machines say', async () => {
    const { ended, rows, store } = openRevocation()
    await nextPoll()
    rows.set('a' as DeviceId, makeStatus('a', { kickedAt: NOW - 3_600_000 }))
    store.generation += 1
    await nextPoll()
    expect(ended).toEqual(['a: kicked'])
  })

  it('does not end a session for a kick that its login knew of, when something else changes later', async () => {
    const { ended, live, rows, store } = openRevocation()
    const kicked = makeStatus('a', { kickedAt: NOW + 1 })
    rows.set('a' as DeviceId, kicked)
    for (const session of live.all()) if (session.device?.id === kicked.id) session.device = kicked
    await nextPoll()
    store.generation += 1
    await nextPoll()
    expect(ended).toEqual([])
  })

  it('leaves sessions alone while the store is down, and catches up afterwards', async () => {
    const { ended, rows, store } = openRevocation()
    await nextPoll()
    store.isDown = true
    rows.set('a' as DeviceId, makeStatus('a', { state: 'revoked' }))
    store.generation += 1
    await vi.advanceTimersByTimeAsync(5000)
    expect(ended).toEqual([])
    store.isDown = false
    await nextPoll()
    expect(ended).toEqual(['a: revoked'])
  })

  it('knows how old its knowledge is, and whether the last look failed', async () => {
    const { store, revocation } = openRevocation()
    await vi.advanceTimersByTimeAsync(LIMITS.generationPollMs - 1)
    expect(revocation.ageMs).toBe(LIMITS.generationPollMs - 1)
    await vi.advanceTimersByTimeAsync(1)
    expect([revocation.ageMs, revocation.isFailing]).toEqual([0, false])
    store.isDown = true
    await vi.advanceTimersByTimeAsync(5 * LIMITS.generationPollMs)
    expect([revocation.ageMs, revocation.isFailing]).toEqual([5 * LIMITS.generationPollMs, true])
    store.isDown = false
    await nextPoll()
    expect([revocation.ageMs, revocation.isFailing]).toEqual([0, false])
  })

  it('stops polling when it is stopped', async () => {
    const { ended, rows, store, revocation } = openRevocation()
    revocation.stop()
    rows.clear()
    store.generation += 1
    await vi.advanceTimersByTimeAsync(5000)
    expect(ended).toEqual([])
  })
  it('hears at once of a move where the database tells it', async () => {
    const { ended, rows, store } = openRevocation({ listens: true })
    await vi.advanceTimersByTimeAsync(LIMITS.generationLookMs)
    rows.delete('a' as DeviceId)
    store.generation += 1
    await vi.advanceTimersByTimeAsync(LIMITS.generationLookMs / 2)
    expect(ended).toEqual([])
    store.tell()
    await vi.advanceTimersByTimeAsync(0)
    expect(ended).toEqual(['a: removed'])
  })

  it('looks also when nothing is told, and hears nothing once it is stopped', async () => {
    const { ended, rows, store, revocation } = openRevocation({ listens: true })
    rows.delete('a' as DeviceId)
    store.generation += 1
    await vi.advanceTimersByTimeAsync(LIMITS.generationLookMs)
    expect(ended).toEqual(['a: removed'])
    const { tell } = store
    await revocation.stop()
    rows.clear()
    store.generation += 1
    store.tell()
    await vi.advanceTimersByTimeAsync(5000)
    expect(ended).toEqual(['a: removed'])
    expect(store.tell).not.toBe(tell)
  })

  it('looks again after a move that was told while it looked', async () => {
    const { ended, rows, store } = openRevocation({ listens: true })
    const { promise, resolve } = Promise.withResolvers<void>()
    store.answered = promise
    store.tell()
    await vi.advanceTimersByTimeAsync(0)
    rows.delete('b' as DeviceId)
    store.generation += 1
    store.tell()
    resolve()
    await vi.advanceTimersByTimeAsync(0)
    expect(ended).toEqual(['b: removed'])
  })
})
