/**
 * Signing in: password, then the second step where there is one; or a passkey, which is both. Each success is a new token.
 */
import type { Secret } from '../../base/secret.ts'
import type { Store } from '../../store/open-store.ts'
import type { SignInRecord } from '../../store/sign-in/credentials.ts'
import type { SignedIn } from '../../store/sign-in/portal-sessions.ts'
import { checkPassword } from './check-password.ts'
import { type AuthenticationResponseJSON, type Ceremony, checkProved } from './passkeys.ts'
import { asksForSecond, mustAddFactor, type SecondFactors, secondFactorsOf } from './second-factor.ts'
import { type Client, type Limited, type SignInServices, sourceOf, type Wrong } from './sign-in-services.ts'
import { findTotpStep } from './totp.ts'

export interface SignedInNow {
  readonly is: 'signed-in'
  /** For the cookie. */
  readonly token: Secret
  readonly login: string
  /** The policy demands a second factor, and there is none: nothing else may be done before one is added. */
  readonly mustAddFactor: boolean
}

/** The first step was right. */
export interface SecondStepDue {
  readonly is: 'second'
  /** For the cookie: good for the second step alone. */
  readonly token: Secret
  readonly factors: SecondFactors
}

/** The session ended meanwhile: begin again. */
export interface Gone {
  readonly is: 'gone'
}

/** What the browser had before, which ends with a new sign-in. */
type Replaces = { readonly replaces?: Secret | undefined }

/** Throws STORE_UNAVAILABLE, HASH_QUEUE_FULL. */
export async function signInWithPassword(
  services: SignInServices,
  { login, password, replaces }: { readonly login: string; readonly password: Secret } & Replaces,
  client: Client,
): Promise<SignedInNow | SecondStepDue | Wrong | Limited> {
  const checked = await checkPassword(services, login, password, client)
  if (checked.is !== 'right') return checked
  const { record, phc } = checked
  const isDue = asksForSecond(record)
  const started = await storeOf(services, record.user.login, client).portalSessions.start(record.user.login, {
    stage: isDue ? 'second' : 'full',
    agent: client.agent,
    ip: client.ip,
    phc,
    by: 'password',
    replaces,
  })
  // Blocked, or another password, since it was looked at.
  if (started === undefined) return { is: 'wrong' }
  if (isDue) return { is: 'second', token: started.token, factors: secondFactorsOf(record) }
  return signedIn(services, record, started.token, client)
}

/** Both steps at once. Throws STORE_UNAVAILABLE. */
export async function signInWithPasskey(
  services: SignInServices,
  { response, challenge, replaces }: { readonly response: AuthenticationResponseJSON; readonly challenge: string } & Replaces,
  client: Client,
): Promise<SignedInNow | Wrong | Limited> {
  const attempt = await services.limiter.admit(client.ip, undefined)
  if (attempt.retryAfterSeconds !== undefined) return { is: 'limited', retryAfterSeconds: attempt.retryAfterSeconds }
  const proved = await checkProved(services, response, { challenge, ceremony: { for: 'sign-in' }, ip: client.ip })
  if (proved !== undefined) {
    const store = storeOf(services, proved.login, client)
    const started = await store.portalSessions.start(proved.login, { stage: 'full', agent: client.agent, ip: client.ip, phc: null, by: 'passkey', replaces })
    const record = await store.credentials.find(proved.login)
    if (started !== undefined && record !== undefined) return signedIn(services, record, started.token, client)
  }
  await services.wait(services.limiter.waitOf(client.receivedAt, 0))
  return { is: 'wrong' }
}

export type SecondProof =
  | { readonly with: 'totp'; readonly code: Secret }
  | { readonly with: 'recovery-code'; readonly code: Secret }
  | { readonly with: 'passkey'; readonly response: AuthenticationResponseJSON; readonly challenge: string }

/** `token`: of a session in its second step. Throws STORE_UNAVAILABLE, KEY_WRONG. */
export async function takeSecondStep(
  services: SignInServices,
  token: Secret,
  proof: SecondProof,
  client: Client,
): Promise<SignedInNow | Wrong | Limited | Gone> {
  const session = await storeOf(services, '', client).portalSessions.find(token)
  if (session === undefined || session.stage !== 'second') return { is: 'gone' }
  const store = storeOf(services, session.user.login, client)
  // Six digits can be guessed, and are counted by account. The others cannot: they are the way in while somebody guesses.
  const attempt = await services.limiter.admit(client.ip, proof.with === 'totp' ? session.user.login : undefined, 'second')
  if (attempt.retryAfterSeconds !== undefined) return { is: 'limited', retryAfterSeconds: attempt.retryAfterSeconds }
  if (await isProved(services, store, session, proof, client)) {
    const fresh = await store.portalSessions.renew(token, { confirmed: true, by: `password and ${proof.with}`, ip: client.ip })
    const record = await store.credentials.find(session.user.login)
    return fresh === undefined || record === undefined ? { is: 'gone' } : signedIn(services, record, fresh, client)
  }
  const delayMs = proof.with === 'passkey' ? 0 : await services.limiter.wrong(attempt, proof.code, session.user.login)
  await services.wait(services.limiter.waitOf(client.receivedAt, delayMs))
  return { is: 'wrong' }
}

async function isProved(services: SignInServices, store: Store, session: SignedIn, proof: SecondProof, client: Client): Promise<boolean> {
  const { login, id } = session.user
  if (proof.with === 'passkey') {
    const ceremony: Ceremony = { for: 'second', session: session.id }
    const proved = await checkProved(services, proof.response, { challenge: proof.challenge, ceremony, ip: client.ip })
    return proved?.login === login
  }
  if (proof.with === 'recovery-code') return store.recoveryCodes.take(login, proof.code)
  const seed = await store.credentials.openTotp(login)
  if (seed === null) return false
  const record = await store.credentials.find(login)
  const step = await findTotpStep(seed, proof.code, { afterStep: record?.totpStep ?? null, now: services.now() })
  return step !== undefined && store.credentials.takeTotpStep(id, step)
}

async function signedIn(services: SignInServices, record: SignInRecord, token: Secret, client: Client): Promise<SignedInNow> {
  const { login } = record.user
  const roles = await storeOf(services, login, client).roles.of(login)
  return { is: 'signed-in', token, login, mustAddFactor: mustAddFactor(services.policy(), roles, record) }
}

function storeOf({ store }: SignInServices, login: string, client: Client): Store {
  return store.as({ name: login, source: sourceOf(client) })
}
