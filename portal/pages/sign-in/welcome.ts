/** A start link: whoever has it chooses the password of the account, once, and is signed in. */
import { MailwicketError } from '../../../base/errors.ts'
import { Secret } from '../../../base/secret.ts'
import { MIN_ACCOUNT_CHARACTERS } from '../../../store/passwords/account-password.ts'
import type { Invitation } from '../../../store/sign-in/invitation-rows.ts'
import { links } from '../../links.ts'
import { acceptStart, openInvitation } from '../../sign-in/invitation-links.ts'
import { mustAddFactor } from '../../sign-in/second-factor.ts'
import { signInWithPassword } from '../../sign-in/sign-in.ts'
import { sourceOf } from '../../sign-in/sign-in-services.ts'
import { startGoneView } from '../../views/errors/error-views.ts'
import type { FormState } from '../../views/page-context.ts'
import { welcomeView } from '../../views/sign-in/welcome-view.ts'
import { seeOther, showPage } from '../../web/answers.ts'
import { tooMany } from '../../web/error-answers.ts'
import type { PageRequest } from '../../web/page-request.ts'
import { visitCookie } from '../../web/second-click.ts'
import { checkNewPassword } from '../parts/account-password.ts'
import { FieldErrors } from '../parts/form-checks.ts'

type Field = 'password' | 'repeated'

export async function showWelcome(request: PageRequest): Promise<Response> {
  return withStart(request, (invitation, login) => welcomePage(request, invitation, login, {}))
}

async function withStart(request: PageRequest, use: (invitation: Invitation, login: string) => Promise<Response>): Promise<Response> {
  const { services, client } = request
  const opened = await openInvitation(services.signIn, Secret.fromText(request.param('token')), client)
  if (opened.is === 'limited') return tooMany(request, opened.retryAfterSeconds, links.home)
  if (opened.is === 'gone' || opened.invitation.kind !== 'start' || opened.invitation.user === null) return gone(request)
  return use(opened.invitation, opened.invitation.user)
}

const gone = ({ m, page }: PageRequest): Response => showPage(startGoneView(m, page), { status: 410 })

async function welcomePage(request: PageRequest, invitation: Invitation, login: string, form: FormState<Field>): Promise<Response> {
  const { services, client, m, page } = request
  const nouns = services.store.as({ name: login, source: sourceOf(client) })
  const record = await nouns.credentials.find(login)
  const isDue = record !== undefined && mustAddFactor(services.signIn.policy(), await nouns.roles.of(login), record)
  const model = {
    token: request.param('token'),
    name: invitation.userName ?? login,
    login,
    kind: record?.phc == null ? ('first' as const) : ('again' as const),
    form,
    minLength: MIN_ACCOUNT_CHARACTERS,
    validUntil: invitation.endsAt,
    secondStep: isDue ? ('required' as const) : ('optional' as const),
  }
  return showPage(welcomeView(model, m, page), { status: form.errors === undefined ? 200 : 422, cookies: [visitCookie(request)] })
}

export async function begin(request: PageRequest): Promise<Response> {
  const { services, form, client, cookies, m } = request
  return withStart(request, async (invitation, login) => {
    const errors = new FieldErrors<Field>()
    await checkNewPassword(form, [login, invitation.userName ?? ''], errors, m)
    const password = Secret.fromText(form.text('password'))
    const comesBack = () => welcomePage(request, invitation, login, { errors: errors.errors, problem: m.problems.checkFields })
    if (!errors.isEmpty) return comesBack()
    try {
      const accepted = await acceptStart(services.signIn, Secret.fromText(request.param('token')), password, client)
      if (accepted.is === 'limited') return tooMany(request, accepted.retryAfterSeconds, links.home)
      if (accepted.is !== 'accepted') return gone(request)
    } catch (error) {
      if (!(error instanceof MailwicketError) || error.code !== 'BAD_INPUT') throw error
      errors.add('password', m.problems.passwordCommon)
      return comesBack()
    }
    const signedIn = await signInWithPassword(services.signIn, { login, password, replaces: cookies.session }, client)
    if (signedIn.is === 'signed-in') return seeOther(signedIn.mustAddFactor ? links.account : links.home, [cookies.setSession(signedIn.token)])
    return signedIn.is === 'second' ? seeOther(links.signInSecond, [cookies.setSession(signedIn.token)]) : seeOther(links.signIn)
  })
}
