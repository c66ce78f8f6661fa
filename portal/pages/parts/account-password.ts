/** A new password for an account, typed twice. What it must not be besides is the store's to say. */
import { MIN_ACCOUNT_CHARACTERS } from '../../../store/passwords/account-password.ts'
import type { Messages } from '../../messages/en.ts'
import type { FormValues } from '../../web/form-values.ts'
import type { FieldErrors } from './form-checks.ts'
import { isCommon } from './password-strength.ts'

/** `own`: login and name. */
export async function checkNewPassword(form: FormValues, own: readonly string[], errors: FieldErrors<'password' | 'repeated'>, m: Messages): Promise<void> {
  const password = form.text('password')
  if (Array.from(password).length < MIN_ACCOUNT_CHARACTERS) errors.add('password', m.problems.passwordShort(MIN_ACCOUNT_CHARACTERS))
  else if (await isCommon(password, own)) errors.add('password', m.problems.passwordCommon)
  if (form.text('repeated') !== password) errors.add('repeated', m.problems.passwordsDiffer)
}
