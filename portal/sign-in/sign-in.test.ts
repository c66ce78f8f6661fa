import { generate } from 'otplib'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Secret } from '../../base/secret.ts'
import { confirm } from './confirmation.ts'
import { signInWithPassword, takeSecondStep } from './sign-in.ts'
import { PASSWORD, SignInFixture } from './sign-in-fixture.ts'
import { makeTotpSeed } from './totp.ts'

const secret = Secret.fromText
let fixture: SignInFixture

beforeEach(async () => {
  fixture = new SignInFixture()
  await fixture.open()
  await fixture.addPerson('anna')
})
afterEach(() => fixture.remove())

const signIn = (changes: { login?: string; password?: string; ip?: string } = {}) =>
  signInWithPassword(
    fixture.services,
    { login: changes.login ?? 'anna', password: secret(changes.password ?? PASSWORD) },
    fixture.client({ ip: changes.ip ?? '192.0.2.1' }),
  )

async function addTotp(): Promise<Secret> {
  const seed = makeTotpSeed()
  await fixture.store.credentials.setTotp('anna', seed, 0)
  return seed
}
const codeAt = async (seed: Secret, at = fixture.files.now): Promise<Secret> =>
  secret(await generate({ secret: seed.reveal().toString(), epoch: Math.floor(at / 1000) }))

async function begin(): Promise<Secret> {
  const first = await signIn()
  return first.is === 'second' ? first.token : expect.fail(first.is)
}

describe('with a password', () => {
  test('whoever has no second factor is signed in', async () => {
    const signedIn = await signIn({ login: ' ANNA ' })
    if (signedIn.is !== 'signed-in') expect.fail(signedIn.is)
    expect(signedIn).toMatchObject({ login: 'anna', mustAddFactor: false })
    expect(await fixture.store.portalSessions.find(signedIn.token)).toMatchObject({ stage: 'full', isConfirmed: true })
    expect(fixture.waits).toEqual([])
  })

  test('unknown, wrong, blocked and without a password are one answer, at one cost, at one moment', async () => {
    await fixture.store.users.add({ login: 'new' })
    await fixture.addPerson('blocked')
    await fixture.store.users.block('blocked')
    await signIn({ login: 'nobody' })
    fixture.verifications = 0
    fixture.waits.length = 0
    const attempts = [
      { password: 'wrong' },
      { login: 'blocked' },
      { login: 'nobody' },
      { login: 'new' },
      { login: 'no login at all!' },
      { login: '' },
      { password: '' },
      { password: 'x'.repeat(100_000) },
    ]
    for (const attempt of attempts) {
      fixture.verifications = 0
      expect(await signIn(attempt), JSON.stringify(attempt).slice(0, 80)).toEqual({ is: 'wrong' })
      expect(fixture.verifications).toBe(1)
    }
    expect(new Set(fixture.waits)).toEqual(new Set([500]))
  })

  test('a store that is down is no wrong password', async () => {
    await fixture.store.close()
    await expect(signIn()).rejects.toThrow()
  })

  test('letters that keyboards write in two ways are the same', async () => {
    await fixture.store.credentials.setPassword('anna', await fixture.services.hasher.hash(secret('ein Schlüssel für Anna')))
    expect(await signIn({ password: 'ein Schlüssel für Anna'.normalize('NFD') })).toMatchObject({ is: 'signed-in' })
  })

  test.each([
    ['managers', { role: 'admin' }, true],
    ['managers', { role: 'manager', domain: 'example.com' }, true],
    ['managers', undefined, false],
    ['everyone', undefined, true],
    ['optional', { role: 'admin' }, false],
  ] as const)('under the policy %s, somebody with the role %j has to add a second factor: %s', async (policy, role, must) => {
    fixture.policy = policy
    if (role !== undefined) await fixture.store.roles.grant('anna', role)
    expect(await signIn()).toMatchObject({ is: 'signed-in', mustAddFactor: must })
  })
})

describe('the limits', () => {
  const quick = () => {
    // Nothing is hashed where only counts matter.
    fixture.services = {
      ...fixture.services,
      hasher: { hash: async () => 'none', verify: async (_phc, password) => password.reveal().toString() === PASSWORD },
    }
  }

  test('the same wrong password again counts once; others count for the block and the account', async () => {
    for (let n = 0; n < 3; n++) await signIn({ password: 'wrong' })
    await signIn({ password: 'wrong too' })
    const counts = await fixture.store.signInAttempts.counts([
      { kind: 'block', subject: '192.0.2.1' },
      { kind: 'account', subject: 'anna' },
    ])
    expect(counts.map(({ count }) => count)).toEqual([2, 2])
  })

  test('one password tried on many logins is as many guesses, whatever the logins are; again on one of them it is none', async () => {
    quick()
    const logins = ['anna', 'nobody', 'anna@example.com', 'no login at all!', '']
    for (const login of [...logins, ...logins, ' ANNA ']) await signIn({ login, password: 'Winter 2026!' })
    const count = async () => (await fixture.store.signInAttempts.counts([{ kind: 'block', subject: '192.0.2.1' }]))[0]?.count
    expect(await count()).toBe(logins.length)
    for (let n = 0; n < 95; n++) await signIn({ login: `person${n}`, password: 'Winter 2026!' })
    expect(await signIn({ login: 'one more', password: 'Winter 2026!' })).toMatchObject({ is: 'limited' })
  })

  test('a block that guesses waits longer and longer, then is not heard any more; in every process, and by gateways', async () => {
    quick()
    for (let n = 0; n < 100; n++) await signIn({ login: `nobody${n}`, password: `guess ${n}` })
    expect([fixture.waits[0], fixture.waits[9], fixture.waits[99]]).toEqual([500, 1000, 8500])
    fixture.verifications = 0
    expect(await signIn()).toEqual({ is: 'limited', retryAfterSeconds: 3600 })
    const other = fixture.servicesOver(await fixture.files.open())
    expect(await signInWithPassword(other, { login: 'anna', password: secret(PASSWORD) }, fixture.client())).toMatchObject({ is: 'limited' })
    expect(fixture.verifications).toBe(0)
    const node = await fixture.files.openNode()
    expect((await node.readFailures(0, 1000)).rows).toContainEqual(expect.objectContaining({ kind: 'block', subject: '192.0.2.1', count: 100 }))
    expect(await signIn({ ip: '192.0.2.2' })).toMatchObject({ is: 'signed-in' })
    fixture.files.now += 3_600_000
    expect(await signIn()).toMatchObject({ is: 'signed-in' })
  })

  test('what guessed at mail counts here too', async () => {
    const node = await fixture.files.openNode()
    await node.recordFailures([{ kind: 'block', subject: '192.0.2.1', added: 100, total: 100, expiresAt: fixture.files.now + 60_000 }], [])
    expect(await signIn()).toEqual({ is: 'limited', retryAfterSeconds: 60 })
  })

  test('an account that is guessed at from everywhere is closed, existing or not, but not where its owner is signed in', async () => {
    quick()
    await signIn({ ip: '198.51.100.7' })
    // Some more than a hundred: fingerprints have 16 bits, and two of so many guesses may share one.
    for (let n = 0; n < 110; n++) for (const login of ['anna', 'nobody']) await signIn({ login, password: `guess ${n}`, ip: `203.0.113.${n}` })
    const closed = [await signIn({ ip: '192.0.2.2' }), await signIn({ login: 'nobody', ip: '192.0.2.2' })]
    expect(closed).toEqual([closed[0], closed[0]])
    expect(closed[0]).toMatchObject({ is: 'limited' })
    expect(await signIn({ ip: '198.51.100.7' })).toMatchObject({ is: 'signed-in' })
    expect(await signIn({ ip: '198.51.100.7', password: 'wrong' })).toEqual({ is: 'wrong' })
    await fixture.store.limits.clear({ subject: 'anna' })
    expect(await signIn({ ip: '192.0.2.2' })).toMatchObject({ is: 'signed-in' })
  })
})

describe('the second step', () => {
  test('is asked of whoever has a factor, whatever the policy', async () => {
    await addTotp()
    const token = await begin()
    expect(await fixture.store.portalSessions.find(token)).toMatchObject({ stage: 'second' })
    expect(await fixture.store.portalSessions.list('anna')).toEqual([])
  })

  test('takes a code once, in one process of several, also typed with a space', async () => {
    const seed = await addTotp()
    const code = (await codeAt(seed)).reveal().toString()
    const [one, two] = [await begin(), await begin()]
    const other = fixture.servicesOver(await fixture.files.open())
    const typed = secret(`${code.slice(0, 3)} ${code.slice(3)}`)
    const results = await Promise.all([
      takeSecondStep(fixture.services, one, { with: 'totp', code: typed }, fixture.client()),
      takeSecondStep(other, two, { with: 'totp', code: typed }, fixture.client()),
    ])
    expect(results.map(({ is }) => is).sort()).toEqual(['signed-in', 'wrong'])
  })

  test('takes the code before and after, none further away', async () => {
    const seed = await addTotp()
    for (const [offset, is] of [
      [-60_000, 'wrong'],
      [60_000, 'wrong'],
      [-30_000, 'signed-in'],
      [30_000, 'signed-in'],
    ] as const) {
      const result = await takeSecondStep(
        fixture.services,
        await begin(),
        { with: 'totp', code: await codeAt(seed, fixture.files.now + offset) },
        fixture.client(),
      )
      expect(result.is, String(offset)).toBe(is)
    }
  })

  test('with a clock that was put back, codes that were used do not fit again; no failure', async () => {
    const seed = await addTotp()
    expect((await takeSecondStep(fixture.services, await begin(), { with: 'totp', code: await codeAt(seed) }, fixture.client())).is).toBe('signed-in')
    for (const seconds of [29, 31, 60, 61, 3600]) {
      fixture.files.now -= seconds * 1_000
      const code = await codeAt(seed)
      expect(await takeSecondStep(fixture.services, await begin(), { with: 'totp', code }, fixture.client())).toEqual({ is: 'wrong' })
      fixture.files.now += seconds * 1_000
    }
  })

  test.each(['', '12345', '1234567', 'abcdef', '１２３４５６', '\0'.repeat(6), 'x'.repeat(100_000)])('%j is a wrong code, no failure', async text => {
    await addTotp()
    expect(await takeSecondStep(fixture.services, await begin(), { with: 'totp', code: secret(text) }, fixture.client())).toEqual({ is: 'wrong' })
  })

  test('codes cannot be guessed: after fifty none is looked at, the right one neither; a recovery code still is', async () => {
    const seed = await addTotp()
    const [code] = await fixture.store.recoveryCodes.replace('anna')
    const token = await begin()
    for (let n = 0; n < 50; n++)
      await takeSecondStep(fixture.services, token, { with: 'totp', code: secret(String(n).padStart(6, '0')) }, fixture.client({ ip: `203.0.113.${n}` }))
    expect(await takeSecondStep(fixture.services, token, { with: 'totp', code: await codeAt(seed) }, fixture.client())).toMatchObject({ is: 'limited' })
    expect(await takeSecondStep(fixture.services, token, { with: 'recovery-code', code: code ?? secret('') }, fixture.client())).toMatchObject({
      is: 'signed-in',
    })
  })

  test('is not taken twice, nor late, nor without a first one', async () => {
    const seed = await addTotp()
    const token = await begin()
    expect(await takeSecondStep(fixture.services, token, { with: 'totp', code: await codeAt(seed) }, fixture.client())).toMatchObject({ is: 'signed-in' })
    fixture.files.now += 60_000
    const code = await codeAt(seed)
    for (const other of [token, secret(''), secret('x')])
      expect(await takeSecondStep(fixture.services, other, { with: 'totp', code }, fixture.client())).toEqual({ is: 'gone' })
    const late = await begin()
    fixture.files.now += 600_000
    expect(await takeSecondStep(fixture.services, late, { with: 'totp', code: await codeAt(seed) }, fixture.client())).toEqual({ is: 'gone' })
  })
})

describe('a confirmation', () => {
  const signedIn = async () => {
    const result = await signIn()
    if (result.is !== 'signed-in') expect.fail(result.is)
    const session = (await fixture.store.portalSessions.find(result.token)) ?? expect.fail('no session')
    return { session, token: result.token }
  }

  test('by password gives a new token; the old one is worth nothing', async () => {
    const before = await signedIn()
    fixture.files.now += 600_000
    expect((await fixture.store.portalSessions.find(before.token))?.isConfirmed).toBe(false)
    const confirmed = await confirm(fixture.services, before, { with: 'password', password: secret(PASSWORD) }, fixture.client())
    if (confirmed.is !== 'confirmed') expect.fail(confirmed.is)
    expect(await fixture.store.portalSessions.find(confirmed.token)).toMatchObject({ id: before.session.id, isConfirmed: true })
    expect(await fixture.store.portalSessions.find(before.token)).toBeUndefined()
  })

  test('with a wrong password, or that of another person, is none, and counts', async () => {
    await fixture.store.users.add({ login: 'bert' })
    await fixture.store.credentials.setPassword('bert', await fixture.services.hasher.hash(secret('a password of Bert')))
    const before = await signedIn()
    expect(await confirm(fixture.services, before, { with: 'password', password: secret('a password of Bert') }, fixture.client())).toEqual({ is: 'wrong' })
    expect((await fixture.store.signInAttempts.counts([{ kind: 'account', subject: 'anna' }]))[0]?.count).toBe(1)
  })

  test('of somebody who was blocked a moment ago is none', async () => {
    const before = await signedIn()
    await fixture.store.users.block('anna')
    expect(await confirm(fixture.services, before, { with: 'password', password: secret(PASSWORD) }, fixture.client())).toEqual({ is: 'wrong' })
  })
})
