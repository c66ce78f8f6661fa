import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Secret } from '../../base/secret.ts'
import { confirm } from './confirmation.ts'
import { askToProve, askToRegister, checkProved, checkRegistered } from './passkeys.ts'
import { signInWithPasskey, signInWithPassword, takeSecondStep } from './sign-in.ts'
import { PASSWORD, SignInFixture, SoftwareAuthenticator } from './sign-in-fixture.ts'

const person = { id: 'u1', login: 'anna', name: null }
let fixture: SignInFixture
let authenticator: SoftwareAuthenticator

beforeEach(async () => {
  fixture = new SignInFixture()
  await fixture.open()
  await fixture.addPerson('anna')
  authenticator = new SoftwareAuthenticator()
})
afterEach(() => fixture.remove())

const ip = '192.0.2.1'

async function register(answer: Parameters<SoftwareAuthenticator['register']>[1] = {}, changes: { session?: string } = {}) {
  const { options, challenge } = await askToRegister(fixture.services, person, { session: 's1', known: [] })
  return checkRegistered(fixture.services, authenticator.register(options.challenge, answer), { challenge, session: changes.session ?? 's1', ip })
}

async function addPasskey(counter = 0): Promise<void> {
  const key = (await register({ counter })) ?? expect.fail('not registered')
  await fixture.store.passkeys.add('anna', { ...key, name: 'Laptop' })
}

async function prove(answer: Parameters<SoftwareAuthenticator['prove']>[1] = {}) {
  const ceremony = { for: 'sign-in' } as const
  const { options, challenge } = await askToProve(fixture.services, ceremony)
  return checkProved(fixture.services, authenticator.prove(options.challenge, answer), { challenge, ceremony, ip })
}

const attacks = [
  ['not verified by the user', { verified: false }],
  ['for another origin', { origin: 'https://evil.example.com' }],
  ['for another host', { host: 'evil.example.com' }],
  ['over plain http', { origin: 'http://portal.example.com' }],
] as const

describe('adding a passkey', () => {
  test('demands verification of the user, and a key that the browser finds by itself', async () => {
    const { options } = await askToRegister(fixture.services, person, { session: 's1', known: [] })
    expect(options).toMatchObject({
      rp: { id: 'portal.example.com' },
      attestation: 'none',
      authenticatorSelection: { userVerification: 'required', residentKey: 'required' },
    })
    expect(await register()).toMatchObject({ credentialId: authenticator.id.toString('base64url'), counter: 0, transports: ['internal'] })
  })

  test.each(attacks)('an answer %s is refused', async (_what, answer) => {
    expect(await register(answer)).toBeUndefined()
  })

  test('an answer of another session, a late one, or the same again is refused', async () => {
    expect(await register({}, { session: 's2' })).toBeUndefined()
    const { options, challenge } = await askToRegister(fixture.services, person, { session: 's1', known: [] })
    const response = authenticator.register(options.challenge)
    fixture.files.now += 300_000
    expect(await checkRegistered(fixture.services, response, { challenge, session: 's1', ip })).toBeUndefined()
    fixture.files.now -= 300_000
    expect(await checkRegistered(fixture.services, response, { challenge, session: 's1', ip })).toBeDefined()
    expect(await checkRegistered(fixture.services, response, { challenge, session: 's1', ip })).toBeUndefined()
  })

  test.each([
    null,
    {},
    { id: 'x' },
    { response: null },
    { id: 'x', rawId: 'x', type: 'public-key', response: { clientDataJSON: '!', attestationObject: '!' } },
  ])('%j is a wrong answer, no failure', async answer => {
    const { challenge } = await askToRegister(fixture.services, person, { session: 's1', known: [] })
    expect(await checkRegistered(fixture.services, answer as never, { challenge, session: 's1', ip })).toBeUndefined()
    const ceremony = { for: 'sign-in' } as const
    const asked = await askToProve(fixture.services, ceremony)
    expect(await checkProved(fixture.services, answer as never, { challenge: asked.challenge, ceremony, ip })).toBeUndefined()
  })
})

describe('proving with a passkey', () => {
  test('tells whose it is, and moves its counter on', async () => {
    await addPasskey(3)
    expect(await prove({ counter: 4 })).toMatchObject({ login: 'anna', passkey: { name: 'Laptop' } })
    expect(await fixture.store.passkeys.list('anna')).toMatchObject([{ counter: 4, usedAt: fixture.files.now }])
  })

  test.each(attacks)('an answer %s is refused', async (_what, answer) => {
    await addPasskey()
    expect(await prove(answer)).toBeUndefined()
  })

  test('a counter that went back, or stands still, is a copy', async () => {
    await addPasskey(3)
    await prove({ counter: 9 })
    for (const counter of [9, 8, 0]) expect(await prove({ counter })).toBeUndefined()
    expect(await prove({ counter: 10 })).toBeDefined()
  })

  test('a key that nobody has, or whose key is another’s, is refused', async () => {
    expect(await prove()).toBeUndefined()
    await addPasskey()
    const imposter = new SoftwareAuthenticator()
    Object.assign(imposter.id, authenticator.id)
    authenticator.id.copy(imposter.id)
    const ceremony = { for: 'sign-in' } as const
    const { options, challenge } = await askToProve(fixture.services, ceremony)
    expect(await checkProved(fixture.services, imposter.prove(options.challenge), { challenge, ceremony, ip })).toBeUndefined()
  })

  test('an answer that was overheard is worth nothing, in any process, for any ceremony', async () => {
    await addPasskey()
    const ceremony = { for: 'sign-in' } as const
    const { options, challenge } = await askToProve(fixture.services, ceremony)
    const response = authenticator.prove(options.challenge)
    const other = fixture.servicesOver(await fixture.files.open())
    expect(await checkProved(fixture.services, response, { challenge, ceremony: { for: 'confirm', session: '' }, ip })).toBeUndefined()
    const both = await Promise.all([fixture.services, other].map(services => checkProved(services, response, { challenge, ceremony, ip })))
    expect(both.filter(one => one !== undefined)).toHaveLength(1)
    for (const spelling of [`${challenge}A`, `${challenge}=`])
      expect(await checkProved(fixture.services, response, { challenge: spelling, ceremony, ip })).toBeUndefined()
  })
})

describe('a passkey', () => {
  test('signs in, both steps at once', async () => {
    await addPasskey()
    fixture.policy = 'everyone'
    const { options, challenge } = await askToProve(fixture.services, { for: 'sign-in' })
    const result = await signInWithPasskey(fixture.services, { response: authenticator.prove(options.challenge), challenge }, fixture.client())
    expect(result).toMatchObject({ is: 'signed-in', login: 'anna', mustAddFactor: false })
  })

  test('of somebody who is blocked is as wrong as one of nobody', async () => {
    await addPasskey()
    await fixture.store.users.block('anna')
    const { options, challenge } = await askToProve(fixture.services, { for: 'sign-in' })
    expect(await signInWithPasskey(fixture.services, { response: authenticator.prove(options.challenge), challenge }, fixture.client())).toEqual({
      is: 'wrong',
    })
    expect(fixture.waits).toEqual([500])
  })

  test('is the second step after a password, for its own session alone', async () => {
    await addPasskey()
    const client = fixture.client()
    const start = async () => {
      const first = await signInWithPassword(fixture.services, { login: 'anna', password: Secret.fromText(PASSWORD) }, client)
      if (first.is !== 'second') expect.fail(first.is)
      expect(first.factors).toEqual({ totp: false, passkey: true, recoveryCode: false })
      return { token: first.token, id: (await fixture.store.portalSessions.find(first.token))?.id ?? '' }
    }
    const [mine, theirs] = [await start(), await start()]
    const asked = await askToProve(fixture.services, { for: 'second', session: mine.id }, await fixture.store.passkeys.list('anna'))
    const proof = { with: 'passkey', response: authenticator.prove(asked.options.challenge), challenge: asked.challenge } as const
    expect(await takeSecondStep(fixture.services, theirs.token, proof, client)).toEqual({ is: 'wrong' })
    expect(await takeSecondStep(fixture.services, mine.token, proof, client)).toMatchObject({ is: 'signed-in' })
  })

  test('of another person confirms nothing', async () => {
    await addPasskey()
    await fixture.addPerson('bert')
    const signedIn = await signInWithPassword(fixture.services, { login: 'bert', password: Secret.fromText(PASSWORD) }, fixture.client())
    if (signedIn.is !== 'signed-in') expect.fail(signedIn.is)
    const session = (await fixture.store.portalSessions.find(signedIn.token)) ?? expect.fail('no session')
    const asked = await askToProve(fixture.services, { for: 'confirm', session: session.id })
    const proof = { with: 'passkey', response: authenticator.prove(asked.options.challenge), challenge: asked.challenge } as const
    expect(await confirm(fixture.services, { session, token: signedIn.token }, proof, fixture.client())).toEqual({ is: 'wrong' })
  })
})
