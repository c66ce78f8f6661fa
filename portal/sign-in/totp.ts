/**
 * Codes of authenticator apps (TOTP, six digits, 30 seconds). The one adapter of otplib.
 *
 * Not what makes a code work once: `Credentials.takeTotpStep`.
 */
import { generateSecret, generateURI, verify } from 'otplib'
import { Secret } from '../../base/secret.ts'

/** RFC 4226 §4: 160 bits are recommended. */
const SEED_BYTES = 20
/** One step before and after: clocks of phones differ, and typing takes its time (RFC 6238 §5.2). */
const TOLERANCE_SECONDS = 30
const STEP_SECONDS = 30
const CODE = /^\d{6}$/

/** A new seed, in base32 as apps take it. */
export function makeTotpSeed(): Secret {
  return Secret.fromText(generateSecret({ length: SEED_BYTES }))
}

/** What the QR code says: to be shown once, to whom the seed belongs. */
export function formatTotpUri(seed: Secret, { issuer, login }: { readonly issuer: string; readonly login: string }): string {
  return generateURI({ issuer, label: login, secret: seed.reveal().toString('latin1') })
}

/** The seed in groups of four, for those who type it. */
export function formatTotpSeed(seed: Secret): string {
  return (
    seed
      .reveal()
      .toString('latin1')
      .match(/.{1,4}/g) ?? []
  ).join(' ')
}

/**
 * The step that a code belongs to, when it is right now and later than `afterStep`; undefined: wrong, of another time, or used.
 * `now` in milliseconds since 1970, UTC.
 */
export async function findTotpStep(
  seed: Secret,
  typed: Secret,
  { afterStep, now }: { readonly afterStep: number | null; readonly now: number },
): Promise<number | undefined> {
  // Apps show "123 456". What has another form would make otplib throw: it is a wrong code, no fault of ours.
  const token = typed.reveal().toString('latin1').replace(/[\s-]/g, '')
  if (!CODE.test(token)) return undefined
  // A clock that was put back stands before a step that was used: otplib would throw at that, and no code of now is later.
  if (afterStep !== null && afterStep > Math.floor((now / 1000 + TOLERANCE_SECONDS) / STEP_SECONDS)) return undefined
  const result = await verify({
    secret: seed.reveal().toString('latin1'),
    token,
    epoch: Math.floor(now / 1000),
    epochTolerance: TOLERANCE_SECONDS,
    ...(afterStep === null ? {} : { afterTimeStep: afterStep }),
  })
  if (!result.valid) return undefined
  return 'timeStep' in result ? result.timeStep : undefined
}
