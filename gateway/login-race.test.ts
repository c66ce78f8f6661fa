/** A device that loses its right between the check and the hand-over never gets a session: a login is stopped at each step, for each cause. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { ADDRESS, type Race, RaceStage } from './login-race-fixture.ts'

let stage: RaceStage
beforeAll(async () => {
  stage = await RaceStage.open()
})
afterAll(() => stage.close())
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] })
})
afterEach(() => {
  vi.useRealTimers()
})

/** In the order in which a login comes by; the last two only when the generation moved, which it then does for somebody else. */
const STEPS = ['findLogin', 'verify', 'connect', 'readGeneration', 'findDeviceStatuses'].flatMap(name => [`before ${name}`, `after ${name}`])
const BEFORE_THE_READ = STEPS.slice(0, 1)
/** What it knows is all that it will ask for: only the poll can tell it more. */
const AFTER_THE_LAST_LOOK = ['after readGeneration', 'after findDeviceStatuses']

const inOneSecond = () => Date.now() + 1000
let users = 0
const pass = (ms: number) => void vi.setSystemTime(Date.now() + ms)

const causes: Readonly<Record<string, (protocol: 'imap' | 'submission') => Promise<unknown>>> = {
  'left without its scope': protocol => stage.store.devices.set(stage.device, { scopes: [protocol === 'imap' ? 'smtp' : 'imap'] }),
  revoked: () => stage.store.devices.revoke([stage.device]),
  'revoked with all of its mailbox': () => stage.store.devices.revokeAll(ADDRESS),
  disabled: () => stage.store.devices.disable(stage.device),
  'given an end that has come': async () => {
    await stage.store.devices.set(stage.device, { expiresAt: inOneSecond() })
    pass(1001)
  },
  'given a new password': () => stage.store.devices.setPassword(stage.device),
  'bound to another network': () => stage.store.devices.set(stage.device, { allowFrom: ['10.0.0.0/8'] }),
  "a blocked user's": async () => {
    users += 1
    const login = `user${users}`
    await stage.store.users.add({ login })
    await stage.store.devices.set(stage.device, { user: login })
    await stage.store.users.block(login)
  },
  'in a mailbox that is disabled': () => stage.store.mailboxes.set(ADDRESS, { state: 'disabled' }),
  'in a mailbox that is removed': () => stage.store.mailboxes.remove(ADDRESS),
}
/** A login that reads the store after these comes after them, and is let in. */
const kicks: Readonly<Record<string, () => Promise<unknown>>> = {
  kicked: () => stage.store.sessions.kick({ device: stage.device }),
  'kicked with its mailbox': () => stage.store.sessions.kick({ mailbox: ADDRESS }),
  'in a mailbox that moves to another login': () => stage.store.mailboxes.set(ADDRESS, { login: 'other' }),
}

/** Stops a login at the step, lets `act` happen and perhaps a poll see it, and gives what became of the login. */
async function race(
  protocol: 'imap' | 'submission',
  step: string,
  act: () => Promise<unknown>,
  seen: 'seen at once' | 'not seen',
  expiresAt: number | null = null,
) {
  stage.setClock()
  await stage.reset(expiresAt)
  const running = await stage.begin(protocol, step)
  await running.gates.arrived
  stage.setClock()
  await act()
  if (seen === 'seen at once') await running.poll()
  running.gates.release()
  await running.until(() => running.isAnswered)
  await running.settle()
  return running
}

function expectNoSession(running: Race, what: string): void {
  expect.soft(running.wasLetIn, what).toBe(false)
  expect
    .soft(
      [...running.live.all()].flatMap(({ device }) => device?.id ?? []),
      what,
    )
    .toEqual([])
  if (running.upstream !== undefined) expect.soft(running.upstream.destroyed, what).toBe(true)
  expect.soft(running.lines.filter(({ event }) => event.startsWith('auth.')).length, what).toBe(1)
}

async function expectSession(running: Race, what: string): Promise<void> {
  expect.soft(running.wasLetIn, what).toBe(true)
  await running.poll()
  expect.soft(running.live.size, what).toBe(1)
  expect.soft(running.upstream?.destroyed, what).toBe(false)
}

describe.each(['imap', 'submission'] as const)('a login over %s', protocol => {
  for (const [cause, act] of Object.entries({ ...causes, ...kicks })) {
    it(`whose device is ${cause} at any step never becomes a session`, { timeout: 60_000 }, async () => {
      for (const step of STEPS) {
        for (const seen of ['seen at once', 'not seen'] as const) {
          const what = `${step}, ${seen}`
          const running = await race(protocol, step, () => act(protocol), seen)
          if (cause in kicks && BEFORE_THE_READ.includes(step)) await expectSession(running, what)
          else if (seen === 'seen at once' || !AFTER_THE_LAST_LOOK.includes(step)) expectNoSession(running, what)
          else {
            // Let in by what it knew, and ended by the first look of the gateway.
            expect.soft(running.wasLetIn, what).toBe(true)
            await running.poll()
            await running.until(() => running.isClosed && running.live.size === 0)
            expect.soft(running.upstream?.destroyed, what).toBe(true)
          }
        }
      }
    })
  }

  it('whose device expires by itself at any step never becomes a session', { timeout: 60_000 }, async () => {
    for (const step of STEPS) {
      const running = await race(protocol, step, async () => pass(1001), 'not seen', inOneSecond())
      if (step === 'after findDeviceStatuses') continue
      expectNoSession(running, step)
    }
  })

  it.each([
    ['nothing', async () => {}],
    ['another device of the mailbox', () => stage.store.devices.revoke([stage.other])],
  ])('is let in when %s changes at any step', { timeout: 60_000 }, async (_, act) => {
    for (const step of STEPS)
      for (const seen of ['seen at once', 'not seen'] as const) await expectSession(await race(protocol, step, act, seen), `${step}, ${seen}`)
  })

  it.each(['revoked', 'kicked', 'shutdown'] as const)('that is %s in the very moment of the hand-over is ended before anything passes', async why => {
    await stage.reset(null)
    const running = await stage.begin(protocol, 'nowhere', race => {
      for (const session of race.live.all()) session.end(why)
    })
    await running.until(() => running.isClosed && running.live.size === 0)
    expect(running.said).toMatch(protocol === 'imap' ? /\* BYE .*\r\n$/ : /421 .*\r\n$/)
    expect(running.upstream?.destroyed).toBe(true)
    const ends = running.lines.filter(({ event }) => event === 'session.end').map(({ fields }) => fields)
    expect(ends).toEqual([expect.objectContaining({ why, mailbox: expect.stringContaining('@'), device: expect.any(String) })])
  })
})
