/** The migration password of a mailbox, tried at an upstream that is a function. */
import { beforeEach, describe, expect, test } from 'vitest'
import { MailwicketError } from '../../base/errors.ts'
import { generateAppPassword } from '../../store/passwords/app-password.ts'
import { UpstreamFailure } from '../../upstream/upstream-failure.ts'
import { LIMITS } from '../limits.ts'
import { MigrationStage, mailbox, RIGHT, type Try, turn } from './migration-login-fixture.ts'

let stage: MigrationStage
beforeEach(() => {
  stage = new MigrationStage()
})

describe('a secret that is no device’s', () => {
  test('is the migration password when the upstream says so; its connection is the session’s, argon2 is never asked', async () => {
    expect(await stage.prove(RIGHT)).toMatchObject({ device: { id: 'd1', name: 'legacy' }, mailbox, upstream: { name: 'an upstream connection' } })
    expect(stage.tried).toEqual([RIGHT])
  })

  test('is a wrong secret when the upstream refuses it, with its words for the log', async () => {
    expect(await stage.prove('marker-wrong')).toMatchObject({
      refused: 'wrong-secret',
      migrationRefusal: expect.stringContaining('NO [AUTHENTICATIONFAILED] no'),
    })
  })

  test('is asked for anew when the upstream is another server: the wrong one refused what is right', async () => {
    const direct = stage.answer
    stage.answer = async () => Promise.reject(new UpstreamFailure('refused-us', 'NO who are you'))
    expect(await stage.prove(RIGHT)).toMatchObject({ refused: 'wrong-secret' })
    stage.answer = direct
    expect(await stage.prove(RIGHT)).toMatchObject({ migrationRefusal: 'refused by the upstream a moment ago' })
    stage.server = { ...stage.server, port: 144 }
    expect(await stage.prove(RIGHT)).toMatchObject({ device: { id: 'd1' } })
  })

  for (const reason of ['unreachable', 'timeout', 'says-unavailable', 'no-mechanism', 'refused-xclient', 'not-configured'] as const) {
    test(`is not called wrong when the upstream fails: ${reason}`, async () => {
      stage.answer = async () => Promise.reject(new UpstreamFailure(reason, 'x'))
      await expect(stage.prove(RIGHT)).rejects.toMatchObject({ reason })
      // And nothing is remembered of it.
      stage.answer = async () => 'up again'
      expect(await stage.prove(RIGHT)).toMatchObject({ upstream: { name: 'up again' } })
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
    expect(await stage.prove(secret, attempt)).toMatchObject({ refused: 'wrong-secret' })
    expect(stage.tried).toEqual([])
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
    for (const password of passwords) await stage.prove(password)
    expect(stage.tried).toEqual(passwords)
  })
})

describe('the upstream is spared', () => {
  test('the same wrong secret reaches it once in ten minutes, for each protocol', async () => {
    for (let at = 0; at < 1000; at += 1) expect(await stage.prove('marker-wrong')).toMatchObject({ refused: 'wrong-secret' })
    expect(stage.tried).toHaveLength(1)
    await stage.prove('marker-wrong', { protocol: 'submission' })
    expect(stage.tried).toHaveLength(2)
    stage.now = LIMITS.migrationRefusedMs
    await stage.prove('marker-wrong')
    expect(stage.tried).toHaveLength(3)
  })

  test('fifty at the same moment with one wrong secret: one reaches it', async () => {
    const { release } = stage.holdAnswers()
    const all = Promise.all(Array.from({ length: 50 }, () => stage.prove('marker-wrong')))
    await turn()
    expect(stage.tried).toHaveLength(1)
    release()
    for (const proof of await all) expect(proof).toMatchObject({ refused: 'wrong-secret' })
    expect(stage.tried).toHaveLength(1)
  })

  test('fifty at the same moment with the right one: one first, then sixteen at a time', async () => {
    const { release } = stage.holdAnswers()
    const all = Promise.all(Array.from({ length: 50 }, () => stage.prove(RIGHT)))
    await turn()
    expect(stage.tried).toHaveLength(1)
    release()
    await turn()
    expect(stage.tried).toHaveLength(1 + LIMITS.migrationLogins.atOncePerMailbox)
    while (stage.tried.length < 50) {
      release()
      await turn()
    }
    release()
    for (const proof of await all) expect(proof).toMatchObject({ upstream: { name: 'an upstream connection' } })
  })

  test('of different guesses four are on their way at a time, sixty wait, the rest are told to come again', async () => {
    const { release } = stage.holdAnswers()
    const { atOncePerMailbox, waitingPerMailbox } = LIMITS.migrationTries
    const most = atOncePerMailbox + waitingPerMailbox
    const guesses = Array.from({ length: most }, (_, at) => stage.prove(`marker-guess-${at}`))
    await turn()
    expect(stage.tried).toHaveLength(atOncePerMailbox)
    await expect(stage.prove('marker-one-more')).rejects.toMatchObject({ reason: 'busy', reply: 'unavailable' })
    while (stage.tried.length < most) {
      release()
      await turn()
      expect(stage.tried.length % atOncePerMailbox).toBe(0)
    }
    release()
    for (const proof of await Promise.all(guesses)) expect(proof).toMatchObject({ refused: 'wrong-secret' })
  })

  test('guesses do not keep one waiting whose secret was right before', async () => {
    await stage.prove(RIGHT)
    const { release } = stage.holdAnswers()
    const guesses = Array.from({ length: 20 }, (_, at) => stage.prove(`marker-guess-${at}`))
    await turn()
    const again = stage.prove(RIGHT)
    await turn()
    expect(stage.tried.at(-1)).toBe(RIGHT)
    release()
    expect(await again).toMatchObject({ upstream: { name: 'an upstream connection' } })
    while (stage.tried.length < 22) {
      release()
      await turn()
    }
    release()
    await Promise.all(guesses)
  })

  test('a secret that was right and is refused now is wrong from now on', async () => {
    await stage.prove(RIGHT)
    stage.answer = async () => Promise.reject(new UpstreamFailure('refused-us', 'changed'))
    for (let at = 0; at < 3; at += 1) expect(await stage.prove(RIGHT)).toMatchObject({ refused: 'wrong-secret' })
    expect(stage.tried).toHaveLength(2)
  })

  test('who waits for the answer to his twin leaves when he likes', async () => {
    const { release } = stage.holdAnswers()
    const first = stage.prove(RIGHT)
    await turn()
    const controller = new AbortController()
    const second = stage.prove(RIGHT, { signal: controller.signal })
    await turn()
    controller.abort(new Error('the client left'))
    await expect(second).rejects.toThrow('the client left')
    release()
    expect(await first).toMatchObject({ upstream: { name: 'an upstream connection' } })
    expect(stage.tried).toHaveLength(1)
  })

  test('who leaves without waiting for the answer does not get to send the same again', async () => {
    const { release } = stage.holdAnswers()
    const controller = new AbortController()
    const leaving = stage.prove('marker-wrong', { signal: controller.signal })
    await turn()
    controller.abort(new MailwicketError('WIRE_CLOSED'))
    await expect(leaving).rejects.toMatchObject({ code: 'WIRE_CLOSED' })
    // The try goes on, and whoever comes with the same waits for its answer.
    expect(stage.signals[0]?.aborted).toBe(false)
    const again = stage.prove('marker-wrong')
    await turn()
    release()
    expect(await again).toMatchObject({ refused: 'wrong-secret' })
    expect(stage.tried).toHaveLength(1)
  })

  test('those who left keep their places until the upstream has answered', async () => {
    const { release } = stage.holdAnswers()
    const { atOncePerMailbox } = LIMITS.migrationTries
    for (let at = 0; at < 20; at += 1) {
      const controller = new AbortController()
      const leaving = stage.prove(`marker-guess-${at}`, { signal: controller.signal })
      await turn()
      controller.abort(new MailwicketError('WIRE_CLOSED'))
      await expect(leaving).rejects.toMatchObject({ code: 'WIRE_CLOSED' })
    }
    expect(stage.tried).toHaveLength(atOncePerMailbox)
    release()
    await turn()
    expect(await Promise.race([stage.prove(RIGHT), turn().then(() => release())])).toBeUndefined()
    expect(stage.tried).toHaveLength(atOncePerMailbox + 1)
  })

  test('a connection that was accepted for somebody who left is closed', async () => {
    const { release } = stage.holdAnswers()
    const controller = new AbortController()
    const leaving = stage.prove(RIGHT, { signal: controller.signal })
    await turn()
    controller.abort(new MailwicketError('WIRE_CLOSED'))
    await expect(leaving).rejects.toMatchObject({ code: 'WIRE_CLOSED' })
    release()
    await turn()
    expect(stage.dropped).toEqual(['an upstream connection'])
    expect(await Promise.race([stage.prove(RIGHT), turn().then(() => release())])).toBeUndefined()
    expect(stage.dropped).toHaveLength(1)
  })

  test('but a try ends with the gateway', async () => {
    stage.holdAnswers()
    const controller = new AbortController()
    const ending = stage.prove(RIGHT, { signal: controller.signal })
    await turn()
    controller.abort(new Error('shutdown'))
    await expect(ending).rejects.toThrow('shutdown')
    expect(stage.signals[0]?.aborted).toBe(true)
  })

  test('a twin tries by itself when the first one’s upstream failed', async () => {
    stage.answer = async secret => (stage.tried.length === 1 ? Promise.reject(new UpstreamFailure('unreachable', secret)) : 'an upstream connection')
    const { release } = stage.holdAnswers()
    const [failing, second] = [stage.prove(RIGHT), stage.prove(RIGHT)]
    await turn()
    expect(stage.tried).toHaveLength(1)
    release()
    await expect(failing).rejects.toMatchObject({ reason: 'unreachable' })
    await turn()
    release()
    expect(await second).toMatchObject({ upstream: { name: 'an upstream connection' } })
    expect(stage.tried).toHaveLength(2)
  })
})
