/**
 * Who must have a second step, and what somebody has for it. A passkey with user verification is both steps at once.
 */
import type { SecondFactorPolicy } from '../../config/config.ts'
import type { Roles } from '../../store/accounts/people/role-rows.ts'
import type { SignInRecord } from '../../store/sign-in/credentials.ts'

export interface SecondFactors {
  readonly totp: boolean
  readonly passkey: boolean
  readonly recoveryCode: boolean
}

/** What a second step may be done with. A recovery code stands in for a factor; alone it is none. */
export function secondFactorsOf({ hasTotp, passkeys, recoveryCodes }: SignInRecord): SecondFactors {
  const hasFactor = hasTotp || passkeys > 0
  return { totp: hasTotp, passkey: passkeys > 0, recoveryCode: hasFactor && recoveryCodes > 0 }
}

/** Whoever has a second factor is asked for it, also where none is demanded. */
export function asksForSecond(record: SignInRecord): boolean {
  const { totp, passkey } = secondFactorsOf(record)
  return totp || passkey
}

/** Whether the person has to add a factor before anything else. Rights at single mailboxes do not make a manager. */
export function mustAddFactor(policy: SecondFactorPolicy, { isAdmin, domains }: Roles, record: SignInRecord): boolean {
  if (asksForSecond(record)) return false
  return policy === 'everyone' || (policy === 'managers' && (isAdmin || domains.length > 0))
}
