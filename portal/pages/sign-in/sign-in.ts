/** Signing in, the second step, and out again. */
import { Secret } from '../../../base/secret.ts'
import { links, withQuery } from '../../links.ts'
import { askToProve } from '../../sign-in/passkeys.ts'
import { secondFactorsOf } from '../../sign-in/second-factor.ts'
import { type SecondProof, type SignedInNow, signInWithPasskey, signInWithPassword, takeSecondStep } from '../../sign-in/sign-in.ts'
import { sourceOf } from '../../sign-in/sign-in-services.ts'
import type { FormState } from '../../views/page-context.ts'
import { secondStepView, signInView } from '../../views/sign-in/sign-in-view.ts'
import { answerJson, ownPath, seeOther, showPage } from '../../web/answers.ts'
import { tooMany } from '../../web/error-answers.ts'
import type { PageRequest, SignedInRequest } from '../../web/page-request.ts'
import { readAnswer } from '../passkey-answer.ts'

/** They need https, or localhost. */
export const passkeysWork = (url: string): boolean => url.startsWith('https:') || new URL(url).hostname === 'localhost'

export async function showSignIn(request: PageRequest): Promise<Response> {
  return signInPage(request, {}, 200)
}

function signInPage(request: PageRequest, form: FormState<'login' | 'password'>, status: number): Response {
  const { services, m, page } = request
  return showPage(signInView({ form, passkeys: passkeysWork(services.url), to: toOf(request), kept: keptOf(request) }, m, page), { status })
}

const toOf = ({ form, query }: PageRequest): string | undefined => {
  const to = form.text('to') || query.get('to') || ''
  return to === '' ? undefined : ownPath(to)
}
const keptOf = ({ form }: PageRequest): string | undefined => form.text('kept') || undefined

export async function signIn(request: PageRequest): Promise<Response> {
  const { services, form, client, cookies, m } = request
  // The page "please sign in again" posts what was typed, without a name: the form is shown, with it in it.
  if (!form.has('login')) return signInPage(request, {}, 200)
  const login = form.text('login')
  const outcome = await signInWithPassword(services.signIn, { login, password: Secret.fromText(form.text('password')), replaces: cookies.session }, client)
  if (outcome.is === 'limited') return tooMany(request, outcome.retryAfterSeconds, links.signIn)
  if (outcome.is === 'wrong') return signInPage(request, { values: { login }, problem: m.problems.signIn }, 422)
  if (outcome.is === 'second') return seeOther(withQuery(links.signInSecond, { to: toOf(request) }), [cookies.setSession(outcome.token), keptCookie(request)])
  return signedIn(request, outcome)
}

/** Where they wanted to go, with what was typed there. */
function signedIn(request: PageRequest, { token, mustAddFactor }: SignedInNow): Response {
  return seeOther(mustAddFactor ? links.account : (toOf(request) ?? links.home), [request.cookies.setSession(token), keptCookie(request)])
}

const keptCookie = (request: PageRequest): string | undefined => {
  const kept = keptOf(request)
  return kept === undefined ? undefined : request.cookies.set('kept', kept)
}

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
  if (outcome.is === 'limited') return tooMany(request, outcome.retryAfterSeconds, links.signInSecond)
  if (outcome.is === 'gone') return seeOther(withQuery(links.signIn, { to: toOf(request) }))
  if (outcome.is === 'wrong') return secondStepPage(request, { errors: { code: isRecovery ? m.problems.recoveryCode : m.problems.code } }, 422)
  return signedIn(request, outcome)
}

/** As both steps, or as the second one. */
export async function signInPasskeyOptions(request: PageRequest): Promise<Response> {
  const { services, cookies } = request
  const second = await findSecond(request)
  const { options, challenge } =
    second === undefined
      ? await askToProve(services.signIn, { for: 'sign-in' })
      : await askToProve(
          services.signIn,
          { for: 'second', session: second.id },
          await services.store.as({ name: '', source: sourceOf(request.client) }).passkeys.list(second.user.login),
        )
  return answerJson(options, { cookies: [cookies.set('challenge', challenge)] })
}

export async function signInByPasskey(request: PageRequest): Promise<Response> {
  const { services, cookies, client, m } = request
  const answer = readAnswer(request)
  if (answer === undefined) return answerJson({ problem: m.problems.passkey })
  const token = cookies.session
  const second = await findSecond(request)
  const outcome =
    second === undefined || token === undefined
      ? await signInWithPasskey(services.signIn, { ...answer, replaces: token }, client)
      : await takeSecondStep(services.signIn, token, { with: 'passkey', ...answer }, client)
  if (outcome.is === 'limited') return answerJson({ problem: m.errors.tooManyTitle })
  if (outcome.is !== 'signed-in') return answerJson({ problem: m.problems.passkey })
  const done = signedIn(request, outcome)
  return answerJson({ to: done.headers.get('location') }, { cookies: [...done.headers.getSetCookie(), cookies.clear('challenge')] })
}

export async function signOut({ services, token, actor, cookies }: SignedInRequest): Promise<Response> {
  await services.store.as({ name: actor.login, source: actor.source }).portalSessions.leave(token)
  return seeOther(links.signIn, [cookies.clear('session'), cookies.clear('said')])
}
