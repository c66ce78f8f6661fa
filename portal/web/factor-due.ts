/** Whether somebody has to set up a second factor before anything else. */
import { mustAddFactor } from '../sign-in/second-factor.ts'
import type { SignedInRequest } from './page-request.ts'

export async function isWithoutFactor({ services, session, actor, reach }: SignedInRequest): Promise<boolean> {
  const policy = services.signIn.policy()
  if (policy === 'optional') return false
  const record = await services.store.as({ name: actor.login, source: actor.source }).credentials.find(session.user.login)
  return record !== undefined && mustAddFactor(policy, { isAdmin: reach.isAdministrator, domains: [...reach.domains] }, record)
}
