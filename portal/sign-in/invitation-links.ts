/**
 * Links of invitations as they come back from a browser. Opening one uses nothing up: mail scanners open everything.
 *
 * SECURITY: nobody guesses 256 bits; still, a block that tries is counted like one that guesses passwords.
 */
import type { Secret } from '../../base/secret.ts'
import { checkAccountPassword, normaliseAccountPassword } from '../../store/passwords/account-password.ts'
import type { Accepted, DeviceAcceptance } from '../../store/sign-in/accept-invitation.ts'
import type { Invitation } from '../../store/sign-in/invitation-rows.ts'
import { type Client, type Limited, type SignInServices, sourceOf } from './sign-in-services.ts'

/** Used, revoked, over or unknown: all the same to whoever asks. */
export interface NoInvitation {
  readonly is: 'gone'
}

/** Throws STORE_UNAVAILABLE. */
export async function openInvitation(
  services: SignInServices,
  token: Secret,
  client: Client,
): Promise<{ readonly is: 'open'; readonly invitation: Invitation } | NoInvitation | Limited> {
  return withLink(services, token, client, async () => {
    const invitation = await services.store.as({ name: '', source: sourceOf(client) }).invitations.open(token)
    return invitation === undefined ? { is: 'gone' } : { is: 'open', invitation }
  })
}

/** Makes the device or its new password, for whoever is signed in or for nobody. Throws ALREADY_EXISTS (the name), BAD_INPUT, STORE_UNAVAILABLE. */
export async function acceptDevice(services: SignInServices, token: Secret, acceptance: DeviceAcceptance, client: Client): Promise<DeviceAccepted | Limited> {
  return withLink(services, token, client, () =>
    services.store.as({ name: acceptance.user ?? 'invitation', source: sourceOf(client) }).acceptInvitation.withDevice(token, acceptance),
  )
}

type DeviceAccepted = Awaited<ReturnType<ReturnType<SignInServices['store']['as']>['acceptInvitation']['withDevice']>>

/** Sets the password of a start link. The person then signs in with it. Throws BAD_INPUT, HASH_QUEUE_FULL, STORE_UNAVAILABLE. */
export async function acceptStart(
  services: SignInServices,
  token: Secret,
  password: Secret,
  client: Client,
): Promise<Accepted<{ readonly login: string }> | Limited> {
  return withLink(services, token, client, async () => {
    const store = services.store.as({ name: 'start link', source: sourceOf(client) })
    const invitation = await store.invitations.find(token)
    if (invitation?.kind !== 'start' || invitation.user === null) return { is: 'gone' }
    checkAccountPassword(password, { login: invitation.user, name: invitation.userName })
    const phc = await services.hasher.hash(normaliseAccountPassword(password))
    return services.store.as({ name: invitation.user, source: sourceOf(client) }).acceptInvitation.withAccount(token, phc)
  })
}

async function withLink<Result extends { readonly is: string }>(
  { limiter }: SignInServices,
  token: Secret,
  client: Client,
  use: () => Promise<Result>,
): Promise<Result | Limited> {
  const attempt = await limiter.admit(client.ip, undefined)
  if (attempt.retryAfterSeconds !== undefined) return { is: 'limited', retryAfterSeconds: attempt.retryAfterSeconds }
  const result = await use()
  if (result.is === 'gone') await limiter.wrong(attempt, token)
  return result
}
