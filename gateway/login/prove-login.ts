/**
 * Whose secret is it: a device's, or, while a mailbox moves, its own at the upstream? Every login comes through here, with or without a migration.
 */
import type { Secret } from '../../base/secret.ts'
import type { LoginMailbox } from '../../store/schema/login-record.ts'
import type { Route } from '../../upstream/upstream-routes.ts'
import type { Circumstances } from '../sessions/device-status.ts'
import { type AuthenticateOptions, type Authenticator, authenticate, type Verdict } from './authenticate.ts'
import type { Closable, MigrationLogins, MigrationProof, MigrationTry } from './migration-login.ts'
import type { Credentials } from './sasl.ts'

export interface ProofServices extends Authenticator {
  readonly migrationLogins: MigrationLogins
  /** With the mailbox's own login and this secret. Throws UpstreamFailure `not-configured`. */
  migrationRouteOf(mailbox: LoginMailbox, secret: Secret): Route
}

type Connect<Upstream> = (route: Route, signal: AbortSignal) => Promise<Upstream>
type Session = Pick<Circumstances, 'scope' | 'ip'> & { readonly protocol: 'imap' | 'submission' }

/** Throws what `authenticate` throws, and UpstreamFailure. */
export async function proveLogin<Upstream extends Closable>(
  services: ProofServices,
  credentials: Credentials,
  session: Session,
  { connect, signal, onTried, mayTryUntagged }: Pick<MigrationTry<Upstream>, 'onTried'> & AuthenticateOptions & { readonly connect: Connect<Upstream> },
): Promise<Verdict | MigrationProof<Upstream>> {
  const verdict = await authenticate(services, credentials, session, { signal, mayTryUntagged })
  if (!('refused' in verdict) || verdict.migrationOffer === undefined) return verdict
  const { migrationOffer: offer } = verdict
  const route = services.migrationRouteOf(offer.mailbox, offer.secret)
  const { protocol } = session
  const proof = await services.migrationLogins.tryLogin(offer, {
    protocol,
    server: route.config[protocol],
    signal,
    connect: (ofTry, onSent) => connect({ ...route, login: { ...route.login, onSent } }, ofTry),
    onTried,
  })
  return 'refused' in proof ? { ...proof, mailbox: offer.mailbox.address } : proof
}
