/** The second step of whoever's password was right: a code, a recovery code, or a passkey. */
import { Secret } from '../../../base/secret.ts'
import { links, withQuery } from '../../links.ts'
import { askToProve } from '../../sign-in/passkeys.ts'
import { secondFactorsOf } from '../../sign-in/second-factor.ts'
import { type SecondProof, takeSecondStep } from '../../sign-in/sign-in.ts'
import { sourceOf } from '../../sign-in/sign-in-services.ts'
import type { FormState } from '../../views/page-context.ts'
import { secondStepView } from '../../views/sign-in/sign-in-view.ts'
import { answerJson, seeOther, showPage } from '../../web/answers.ts'
import { signInFirst, tooMany } from '../../web/error-answers.ts'
import type { PageRequest } from '../../web/page-request.ts'
import { readAnswer } from '../passkey-answer.ts'
import { afterPasskey, afterSignIn, keptOf, passkeysWork, toOf } from './sign-in.ts'

export async function showSecondStep(request: PageRequest): Promise<Response> {
  return secondStepPage(request, {}, 200)
}

async function secondStepPage(request: PageRequest, form: FormState<'code'>, status: number): Promise<Response> {
  const { services, query, m, page } = request
  const session = await findSecond(request)
  if (session === undefined) return seeOther(withQuery(links.signIn, { to: toOf(request) }))
  const record = await services.store.as({ name: '', source: sourceOf(request.client) }).credentials.find(session.user.login)
  const factors = record === undefined ? { totp: false, passkey: false, recoveryCode: false } : secondFactorsOf(record)
  const wanted = request.form.text('with') || query.get('with')
  const model = {
    form,
    login: session.user.login,
    with: wanted === 'recovery' && factors.recoveryCode ? ('recovery' as const) : ('app' as const),
    passkeys: factors.passkey && passkeysWork(services.url),
    recovery: factors.recoveryCode,
    to: toOf(request),
    kept: keptOf(request),
  }
  return showPage(secondStepView(model, m, page), { status })
}

async function findSecond({ services, cookies, client }: PageRequest) {
  const token = cookies.session
  const session = token === undefined ? undefined : await services.store.as({ name: '', source: sourceOf(client) }).portalSessions.find(token)
  return session?.stage === 'second' ? session : undefined
}

export async function takeSecond(request: PageRequest): Promise<Response> {
  const { services, form, cookies, client, m } = request
  const token = cookies.session
  if (token === undefined) return seeOther(links.signIn)
  const isRecovery = form.text('with') === 'recovery'
  const proof: SecondProof = { with: isRecovery ? 'recovery-code' : 'totp', code: Secret.fromText(form.text('code')) }
  const outcome = await takeSecondStep(services.signIn, token, proof, client)
  if (outcome.is !== 'gone') services.counts.signIn(outcome.is)
  if (outcome.is === 'limited') return tooMany(request, outcome.retryAfterSeconds, links.signInSecond)
  // A second click: the first one signed in.
  if (outcome.is === 'gone') return seeOther('session' in request ? (toOf(request) ?? links.home) : withQuery(links.signIn, { to: toOf(request) }))
  if (outcome.is === 'wrong') return secondStepPage(request, { errors: { code: isRecovery ? m.problems.recoveryCode : m.problems.code } }, 422)
  return afterSignIn(request, outcome)
}

export async function secondPasskeyOptions(request: PageRequest): Promise<Response> {
  const { services, cookies, client } = request
  const session = await findSecond(request)
  if (session === undefined) return signInFirst(request, links.home)
  const { passkeys } = services.store.as({ name: '', source: sourceOf(client) })
  const { options, challenge } = await askToProve(services.signIn, { for: 'second', session: session.id }, await passkeys.list(session.user.login))
  return answerJson(options, { cookies: [cookies.set('challenge', challenge)] })
}

export async function takeSecondByPasskey(request: PageRequest): Promise<Response> {
  const { services, cookies, client, m } = request
  const answer = readAnswer(request)
  const token = cookies.session
  if (answer === undefined || token === undefined) return answerJson({ problem: m.problems.passkey })
  return afterPasskey(request, await takeSecondStep(services.signIn, token, { with: 'passkey', ...answer }, client))
}
