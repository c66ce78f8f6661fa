import { beforeEach, describe, expect, test } from 'vitest'
import { MailwicketError } from '../../base/errors.ts'
import { UpstreamFailure } from '../../upstream/upstream-failure.ts'
import { LIMITS } from '../limits.ts'
import { MigrationLogins } from './migration-login.ts'
import { MigrationStage, RIGHT, turn } from './migration-login-fixture.ts'

let stage: MigrationStage
beforeEach(() => {
  stage = new MigrationStage()
})

describe('what left for the upstream was a guess, unless it was right', () => {
  const DEADLINE = new UpstreamFailure('timeout', 'no login within 20 s')
  const leaves = new MailwicketError('WIRE_CLOSED')

  test.each([
    ['the login’s time is over', DEADLINE],
    ['the client leaves', leaves],
  ])('a server that refuses it after %s: counted, and remembered', async (_, reason) => {
    const { release } = stage.holdAnswers()
    const controller = new AbortController()
    const late = stage.prove('marker-guess', { signal: controller.signal })
    await turn()
    controller.abort(reason)
    await expect(late).rejects.toBe(reason)
    expect(stage.signals[0]?.aborted).toBe(false)
    release()
    await turn()
    expect(stage.counted).toEqual(['marker-guess refused'])
    expect(await stage.prove('marker-guess')).toMatchObject({ migrationRefusal: 'refused by the upstream a moment ago' })
    expect(stage.tried).toHaveLength(1)
  })

  test.each(['timeout', 'closed', 'says-unavailable', 'not-the-protocol', 'spoke-out-of-turn'] as const)('no word about it but %s: counted', async reason => {
    stage.answer = async () => Promise.reject(new UpstreamFailure(reason, 'x'))
    await expect(stage.prove('marker-guess')).rejects.toMatchObject({ reason })
    expect(stage.counted).toEqual(['marker-guess unknown'])
  })

  test('a server that never answers: counted when it is given up, and its place is free', async () => {
    stage.logins = new MigrationLogins({ limits: { upstreamLoginMs: 1, migrationAnswerMs: 20 } })
    stage.answer = async () => new Promise(() => {})
    const { atOncePerMailbox } = LIMITS.migrationTries
    const guesses = Array.from({ length: 2 * atOncePerMailbox }, (_, at) => stage.prove(`marker-guess-${at}`))
    for (const guess of guesses) await expect(guess).rejects.toMatchObject({ reason: 'timeout' })
    expect(stage.counted).toHaveLength(2 * atOncePerMailbox)
  })

  test('right, but too late: not counted, dropped, and the next one need not queue', async () => {
    const { release } = stage.holdAnswers()
    const controller = new AbortController()
    const late = stage.prove(RIGHT, { signal: controller.signal })
    await turn()
    controller.abort(DEADLINE)
    await expect(late).rejects.toBe(DEADLINE)
    release()
    await turn()
    expect([stage.counted, stage.dropped]).toEqual([[], ['an upstream connection']])
  })

  test('what did not leave is no guess: an upstream that cannot be reached, a place that never came', async () => {
    stage.isReached = false
    stage.answer = async () => Promise.reject(new UpstreamFailure('unreachable', 'x'))
    await expect(stage.prove('marker-guess')).rejects.toMatchObject({ reason: 'unreachable' })
    stage.holdAnswers()
    const controller = new AbortController()
    const { atOncePerMailbox } = LIMITS.migrationTries
    const all = Array.from({ length: 2 * atOncePerMailbox }, (_, at) => stage.prove(`marker-guess-${at}`, { signal: controller.signal }))
    await turn()
    controller.abort(DEADLINE)
    for (const one of all) await expect(one).rejects.toBe(DEADLINE)
    expect(stage.signals.slice(1).every(({ aborted }) => aborted)).toBe(true)
    expect(stage.tried).toHaveLength(1 + atOncePerMailbox)
    expect(stage.counted).toEqual([])
  })
})
