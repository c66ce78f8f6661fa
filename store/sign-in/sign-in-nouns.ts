/**
 * What the store keeps of signing in to the portal and its API, each by its noun.
 */

import { NoticeQueue } from '../notices/notice-queue.ts'
import type { StoreContext } from '../store-context.ts'
import { AcceptInvitation } from './accept-invitation.ts'
import { ApiTokens } from './api-tokens.ts'
import { Credentials } from './credentials.ts'
import { Invitations } from './invitations.ts'
import { Once } from './once.ts'
import { Passkeys } from './passkeys.ts'
import { PortalSessions } from './portal-sessions.ts'
import { RecoveryCodes } from './recovery-codes.ts'
import { SignInAttempts } from './sign-in-attempts.ts'

export interface SignInNouns {
  readonly credentials: Credentials
  readonly passkeys: Passkeys
  readonly recoveryCodes: RecoveryCodes
  readonly portalSessions: PortalSessions
  readonly invitations: Invitations
  readonly acceptInvitation: AcceptInvitation
  readonly apiTokens: ApiTokens
  readonly once: Once
  readonly signInAttempts: SignInAttempts
  readonly notices: NoticeQueue
}

export function signInNounsOver(context: StoreContext): SignInNouns {
  return {
    credentials: new Credentials(context),
    passkeys: new Passkeys(context),
    recoveryCodes: new RecoveryCodes(context),
    portalSessions: new PortalSessions(context),
    invitations: new Invitations(context),
    acceptInvitation: new AcceptInvitation(context),
    apiTokens: new ApiTokens(context),
    once: new Once(context),
    signInAttempts: new SignInAttempts(context),
    notices: new NoticeQueue(context),
  }
}
