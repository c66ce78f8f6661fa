/**
 * Passkeys: what the browser is asked, and whether what it answers is right. The one adapter of @simplewebauthn/server.
 *
 * Invariants: user verification is demanded, so that a passkey is something one has and something one is or knows; a challenge is answered once,
 * within five minutes, by whom it was made for; a counter that goes back is a copy and refused.
 */
import { createHash, randomBytes } from 'node:crypto'
import {
  type AuthenticationResponseJSON,
  generateAuthenticationOptions,
  generateRegistrationOptions,
  type PublicKeyCredentialCreationOptionsJSON,
  type PublicKeyCredentialRequestOptionsJSON,
  type RegistrationResponseJSON,
  verifyAuthenticationResponse,
  verifyRegistrationResponse,
} from '@simplewebauthn/server'
import { decodeAttestationObject, isoBase64URL } from '@simplewebauthn/server/helpers'
import { Secret } from '../../base/secret.ts'
import { openBlob, sealBlob } from '../../store/keys/sealed-blob.ts'
import type { NewPasskey, Passkey } from '../../store/sign-in/passkeys.ts'
import { type SignInServices, sourceOf } from './sign-in-services.ts'

export type { AuthenticationResponseJSON, RegistrationResponseJSON }

const CHALLENGE_MS = 5 * 60_000
const CHALLENGE_BYTES = 32
/** EdDSA, ES256, RS256. Named, or the package asks Node for newer ones, which warns. */
const ALGORITHMS = [-8, -7, -257]
const TRANSPORTS = ['ble', 'cable', 'hybrid', 'internal', 'nfc', 'smart-card', 'usb'] as const
type Transport = (typeof TRANSPORTS)[number]

/** What a challenge is for, and whose: `sign-in` belongs to nobody yet, the others to a session. */
export type Ceremony = { readonly for: 'sign-in' } | { readonly for: 'register' | 'confirm' | 'second'; readonly session: string }

export interface Asked<Options> {
  readonly options: Options
  /** Comes back with the answer. */
  readonly challenge: string
}

/** To make one for the person: `known` are those that the browser should not offer again. */
export async function askToRegister(
  { keyring, url, now }: SignInServices,
  person: { readonly id: string; readonly login: string; readonly name: string | null },
  { session, known }: { readonly session: string; readonly known: readonly Passkey[] },
): Promise<Asked<PublicKeyCredentialCreationOptionsJSON>> {
  const bytes = randomBytes(CHALLENGE_BYTES)
  const options = await generateRegistrationOptions({
    rpName: 'Mailwicket',
    rpID: hostOf(url),
    userID: new Uint8Array(Buffer.from(person.id)),
    userName: person.login,
    userDisplayName: person.name ?? person.login,
    challenge: new Uint8Array(bytes),
    attestationType: 'none',
    excludeCredentials: known.map(describe),
    authenticatorSelection: { residentKey: 'required', userVerification: 'required' },
    supportedAlgorithmIDs: ALGORITHMS,
  })
  return { options, challenge: sealChallenge(keyring, options.challenge, { for: 'register', session }, now()) }
}

/** `known`: the person's; none for a sign-in, in which the browser offers what it has for this site. */
export async function askToProve(
  { keyring, url, now }: SignInServices,
  ceremony: Ceremony,
  known: readonly Passkey[] = [],
): Promise<Asked<PublicKeyCredentialRequestOptionsJSON>> {
  const options = await generateAuthenticationOptions({
    rpID: hostOf(url),
    challenge: new Uint8Array(randomBytes(CHALLENGE_BYTES)),
    allowCredentials: known.map(describe),
    userVerification: 'required',
  })
  return { options, challenge: sealChallenge(keyring, options.challenge, ceremony, now()) }
}

/** The key to be stored; undefined: the answer is wrong, late, not verified by the user, or was given before. */
export async function checkRegistered(
  services: SignInServices,
  response: RegistrationResponseJSON,
  { challenge, session, ip }: { readonly challenge: string; readonly session: string; readonly ip: string },
): Promise<Omit<NewPasskey, 'name'> | undefined> {
  const expectedChallenge = await takeChallenge(services, challenge, { for: 'register', session }, ip)
  if (expectedChallenge === undefined) return undefined
  const result = await orWrong(async () =>
    hasCertificates(response)
      ? undefined
      : verifyRegistrationResponse({
          response,
          expectedChallenge,
          expectedOrigin: new URL(services.url).origin,
          expectedRPID: hostOf(services.url),
          requireUserVerification: true,
          supportedAlgorithmIDs: ALGORITHMS,
        }),
  )
  if (result?.verified !== true) return undefined
  const { id, publicKey, counter, transports = [] } = result.registrationInfo.credential
  return { credentialId: id, publicKey, counter, transports: transports.filter(isTransport) }
}

/** Whose passkey answered; undefined: nobody's, or the answer is wrong, late, not verified by the user, given before, or of a copied key. */
export async function checkProved(
  services: SignInServices,
  response: AuthenticationResponseJSON,
  { challenge, ceremony, ip }: { readonly challenge: string; readonly ceremony: Ceremony; readonly ip: string },
): Promise<{ readonly login: string; readonly passkey: Passkey } | undefined> {
  const expectedChallenge = await takeChallenge(services, challenge, ceremony, ip)
  if (expectedChallenge === undefined || typeof response?.id !== 'string') return undefined
  const { passkeys } = services.store.as({ name: '', source: sourceOf({ ip }) })
  const found = await passkeys.find(response.id)
  if (found === undefined) return undefined
  const { passkey } = found
  const result = await orWrong(() =>
    verifyAuthenticationResponse({
      response,
      expectedChallenge,
      expectedOrigin: new URL(services.url).origin,
      expectedRPID: hostOf(services.url),
      credential: {
        id: passkey.credentialId,
        publicKey: new Uint8Array(passkey.publicKey),
        counter: passkey.counter,
        transports: passkey.transports.filter(isTransport),
      },
      requireUserVerification: true,
    }),
  )
  if (result?.verified !== true) return undefined
  return (await passkeys.use(passkey.id, result.authenticationInfo.newCounter)) ? found : undefined
}

function describe({ credentialId, transports }: Passkey): { id: string; transports: Transport[] } {
  return { id: credentialId, transports: transports.filter(isTransport) }
}

function isTransport(text: string): text is Transport {
  return (TRANSPORTS as readonly string[]).includes(text)
}

function hostOf(url: string): string {
  return new URL(url).hostname
}

function bindingsOf(ceremony: Ceremony): readonly string[] {
  return [ceremony.for, 'session' in ceremony ? ceremony.session : '']
}

function sealChallenge(keyring: SignInServices['keyring'], challenge: string, ceremony: Ceremony, now: number): string {
  return sealBlob(keyring, Secret.fromText(challenge), { purpose: 'passkey challenge', bindings: bindingsOf(ceremony) }, now + CHALLENGE_MS)
}

/** The challenge, which nobody gets again; undefined: changed, late, used, or of another ceremony. */
async function takeChallenge({ keyring, store, now }: SignInServices, sealed: string, ceremony: Ceremony, ip: string): Promise<string | undefined> {
  const challenge = openBlob(keyring, sealed, { purpose: 'passkey challenge', bindings: bindingsOf(ceremony) }, now())
  if (challenge === undefined) return undefined
  const hash = createHash('sha256').update(sealed).digest('base64url')
  const taken = await store.as({ name: '', source: sourceOf({ ip }) }).once.take({ hash, request: 'passkey challenge', lifetimeMs: CHALLENGE_MS + 60_000 })
  return taken.is === 'fresh' ? challenge.reveal().toString('latin1') : undefined
}

/** It looks at nothing but the answer, so whatever it throws, the answer is wrong. */
async function orWrong<Result>(verify: () => Promise<Result>): Promise<Result | undefined> {
  try {
    return await verify()
  } catch {
    return undefined
  }
}

/**
 * SECURITY: certificates in an attestation are parsed by the package, and it asks the network whether they were revoked. We ask for none, and browsers
 * then send none, or a signature without certificates.
 */
function hasCertificates({ response }: RegistrationResponseJSON): boolean {
  const statement = decodeAttestationObject(isoBase64URL.toBuffer(response.attestationObject))
  const format = statement.get('fmt')
  return !(format === 'none' || (format === 'packed' && statement.get('attStmt').get('x5c') === undefined))
}
