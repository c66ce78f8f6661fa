/** Draining with a clock that the test moves: who goes when. */
import { describe, expect, it } from 'vitest'
import { drain, Pace } from './drain.ts'
import { LiveSession, LiveSessions, type Parting } from './live-sessions.ts'

/** Sessions by name; `told` says at which millisecond each was told to go. */
function openStage() {
  const live = new LiveSessions()
  const told = new Map<string, number>()
  const clock = { ms: 0, at: new Map<number, () => void>() }
  function enter(name: string, parting: Parting | undefined, options: { bytes?: () => number; lingersMs?: number } = {}): LiveSession {
    const session: LiveSession = new LiveSession({
      protocol: 'imap',
      scope: 'imap',
      ip: '192.0.2.1',
      since: 0,
      end: why => {
        if (!told.has(name)) told.set(name, clock.ms)
        expect(why).toBe('shutdown')
        if (options.lingersMs === undefined) live.leave(session)
        else clock.at.set(clock.ms + options.lingersMs, () => live.leave(session))
      },
    })
    session.parting = parting
    if (options.bytes !== undefined) session.countBytes = () => ({ bytesIn: 0, bytesOut: options.bytes?.() ?? 0 })
    live.enter(session)
    return session
  }
  const idle: Parting = { kind: 'watched', isAtRest: () => true }
  const sleep = async (ms: number) => {
    for (let left = ms; left > 0; left -= 1) {
      clock.ms += 1
      clock.at.get(clock.ms)?.()
    }
  }
  const run = (drainMs: number) => drain({ live, drainMs, now: () => clock.ms, sleep })
  return { live, told, clock, enter, idle, run }
}

describe('drain', () => {
  it('lets idle sessions go evenly over the time, the last before its end', async () => {
    const { live, told, enter, idle, run, clock } = openStage()
    for (let i = 0; i < 500; i += 1) enter(`s${i}`, idle)
    await run(25_000)
    expect(live.size).toBe(0)
    expect(clock.ms).toBeLessThanOrEqual(25_000)
    const moments = [...told.values()]
    expect(Math.min(...moments)).toBeGreaterThanOrEqual(1000)
    // In each second of the 24 that are left, about the same number.
    for (let second = 1; second < 25; second += 1) {
      const count = moments.filter(ms => ms >= second * 1000 && ms < (second + 1) * 1000).length
      expect(count, `second ${second}`).toBeGreaterThanOrEqual(16)
      expect(count, `second ${second}`).toBeLessThanOrEqual(26)
    }
  })

  it('does not keep a few sessions for the whole time', async () => {
    const { told, enter, idle, run, clock } = openStage()
    for (const name of ['a', 'b', 'c']) enter(name, idle)
    await run(25_000)
    expect([...told.values()]).toEqual([1000, 1100, 1200])
    expect(clock.ms).toBeLessThan(1500)
  })

  it('does not wait when there is nobody, and does nothing by itself when there is no time', async () => {
    const nobody = openStage()
    await nobody.run(25_000)
    expect(nobody.clock.ms).toBe(0)
    const { live, enter, idle, run, clock } = openStage()
    enter('a', idle)
    await run(0)
    expect(clock.ms).toBe(0)
    // Whoever is left is the caller's to end.
    expect(live.size).toBe(1)
  })

  it('ends at once who has not logged in, and who comes too late', async () => {
    const { told, enter, idle, run, clock } = openStage()
    enter('no login', undefined)
    enter('idle', idle)
    clock.at.set(500, () => enter('too late', undefined))
    await run(25_000)
    expect(told.get('no login')).toBe(0)
    expect(told.get('too late')).toBe(500)
  })

  it('waits for bytes to stop, and for what is under way', async () => {
    const { told, enter, idle, run, clock } = openStage()
    enter('downloads for four seconds', idle, { bytes: () => Math.min(clock.ms, 4000) })
    enter('waits for an answer for six seconds', { kind: 'watched', isAtRest: () => clock.ms > 6000 })
    enter('idle', idle)
    await run(25_000)
    expect(told.get('idle')).toBe(1000)
    expect(told.get('downloads for four seconds')).toBeGreaterThanOrEqual(5000)
    expect(told.get('downloads for four seconds')).toBeLessThan(5300)
    expect(told.get('waits for an answer for six seconds')).toBe(6100)
    expect(clock.ms).toBe(6200)
  })

  it('gives up at the end of the time', async () => {
    const { live, told, enter, run, clock } = openStage()
    enter('never done', { kind: 'watched', isAtRest: () => false })
    await run(5000)
    expect(clock.ms).toBe(5000)
    expect(told.size).toBe(0)
    expect(live.size).toBe(1)
  })

  it('asks once who can tell by itself when it is done', async () => {
    const { live, enter, run, clock } = openStage()
    let asked = 0
    const relay = enter('relay', {
      kind: 'asked',
      endAtRest: () => {
        asked += 1
        clock.at.set(3000, () => live.leave(relay))
      },
    })
    await run(25_000)
    expect(asked).toBe(1)
    expect(clock.ms).toBe(3000)
  })

  it('a slow last reply does not let others go early, and nobody is told twice', async () => {
    const { told, enter, idle, run } = openStage()
    for (let i = 0; i < 50; i += 1) enter(`s${i}`, idle, { lingersMs: 900 })
    await run(25_000)
    expect([...told.values()]).toEqual(Array.from({ length: 50 }, (_, i) => 1000 + i * 100))
  })

  it('sessions that leave by themselves count as gone', async () => {
    const { live, told, enter, idle, run, clock } = openStage()
    const leaving = Array.from({ length: 250 }, (_, i) => enter(`leaves${i}`, idle))
    for (let i = 0; i < 250; i += 1) enter(`stays${i}`, idle)
    clock.at.set(1000, () => {
      for (const session of leaving) live.leave(session)
    })
    await run(25_000)
    // Half were gone at once: the others need not hurry.
    expect([...told.values()].filter(ms => ms < 12_500).length).toBeLessThan(10)
  })
})

describe('Pace', () => {
  it('has all gone by the end, whatever the number', () => {
    for (const total of [0, 1, 7, 10_000]) expect(new Pace(total, 25_000).dueAt(25_000)).toBe(total)
  })

  it('is patient in proportion when there is little time', () => {
    expect(new Pace(10, 400).quietMs).toBe(100)
    expect(new Pace(10, 400).dueAt(99)).toBe(0)
    expect(new Pace(10, 400).dueAt(400)).toBe(10)
  })
})
