/**
 * Confirming who one is before passwords, rights and people change: by passkey or by the account's password. It holds for five minutes.
 */
import type { Secret } from '../../base/secret.ts'
import type { SignedIn } from '../../store/sign-in/portal-sessions.ts'
import { checkPassword } from './check-password.ts'
import { type AuthenticationResponseJSON, checkProved } from './passkeys.ts'
import type { Gone } from './sign-in.ts'
import { type Client, type Limited, type SignInServices, sourceOf, type Wrong } from './sign-in-services.ts'

export interface Confirmed {
  readonly is: 'confirmed'
  /** In the place of the one that the browser has. */
  readonly token: Secret
}

export type Confirmation =
  | { readonly with: 'password'; readonly password: Secret }
  | { readonly with: 'passkey'; readonly response: AuthenticationResponseJSON; readonly challenge: string }

/** `session` was found by `token`, in full. Throws STORE_UNAVAILABLE, HASH_QUEUE_FULL. */
export async function confirm(
  services: SignInServices,
  { session, token }: { readonly session: SignedIn; readonly token: Secret },
  confirmation: Confirmation,
  client: Client,
): Promise<Confirmed | Wrong | Limited | Gone> {
  if (session.stage !== 'full') return { is: 'gone' }
  if (confirmation.with === 'password') {
    const checked = await checkPassword(services, session.user.login, confirmation.password, client)
    if (checked.is !== 'right') return checked
  } else {
    const { response, challenge } = confirmation
    const proved = await checkProved(services, response, { challenge, ceremony: { for: 'confirm', session: session.id }, ip: client.ip })
    if (proved?.login !== session.user.login) {
      await services.wait(services.limiter.waitOf(client.receivedAt, 0))
      return { is: 'wrong' }
    }
  }
  const { portalSessions } = services.store.as({ name: session.user.login, source: sourceOf(client) })
  const fresh = await portalSessions.renew(token, { confirmed: true, by: confirmation.with, ip: client.ip })
  return fresh === undefined ? { is: 'gone' } : { is: 'confirmed', token: fresh }
}
