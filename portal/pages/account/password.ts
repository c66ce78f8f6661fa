/** The account's own password. */
import { MailwicketError } from '../../../base/errors.ts'
import { Secret } from '../../../base/secret.ts'
import { change } from '../../../management/use-case.ts'
import { checkAccountPassword, MIN_ACCOUNT_CHARACTERS, normaliseAccountPassword } from '../../../store/passwords/account-password.ts'
import { links } from '../../links.ts'
import { accountPasswordView } from '../../views/account/factor-views.ts'
import type { FormState } from '../../views/page-context.ts'
import { addCookies, showPage } from '../../web/answers.ts'
import type { SignedInRequest } from '../../web/page-request.ts'
import { doneThen } from '../../web/said.ts'
import { checkNewPassword } from '../parts/account-password.ts'
import { FieldErrors } from '../parts/form-checks.ts'
import { ownNouns } from './account.ts'
import { renewed } from './renewed.ts'

type Field = 'password' | 'repeated'

export async function showAccountPassword(request: SignedInRequest): Promise<Response> {
  return passwordPage(request, {})
}

async function passwordPage(request: SignedInRequest, form: FormState<Field>): Promise<Response> {
  const { session, m, page } = request
  const others = (await ownNouns(request).portalSessions.list(session.user.login)).filter(({ id }) => id !== session.id)
  const model = { form, login: session.user.login, minLength: MIN_ACCOUNT_CHARACTERS, otherSessions: others.length }
  return showPage(accountPasswordView(model, m, page), { status: form.errors === undefined ? 200 : 422 })
}

export async function changeAccountPassword(request: SignedInRequest): Promise<Response> {
  const { services, context, actor, session, form, m } = request
  const { login, name } = session.user
  const errors = new FieldErrors<Field>()
  await checkNewPassword(form, [login, name ?? ''], errors, m)
  const password = Secret.fromText(form.text('password'))
  if (errors.isEmpty && isRefused(password, { login, name })) errors.add('password', m.problems.passwordCommon)
  if (!errors.isEmpty) return passwordPage(request, { errors: errors.errors, problem: m.problems.checkFields })
  const phc = await services.signIn.hasher.hash(normaliseAccountPassword(password))
  const others = (await ownNouns(request).portalSessions.list(login)).filter(({ id }) => id !== session.id)
  await change(context, actor, nouns => nouns.credentials.setPassword(login, phc, { except: session.id }))
  return addCookies(doneThen(request, links.account, 'passwordChanged', others.length), [await renewed(request)])
}

function isRefused(password: Secret, person: { readonly login: string; readonly name: string | null }): boolean {
  try {
    checkAccountPassword(password, person)
    return false
  } catch (error) {
    if (error instanceof MailwicketError && error.code === 'BAD_INPUT') return true
    throw error
  }
}
