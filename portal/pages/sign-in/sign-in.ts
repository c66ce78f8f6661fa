/** Signing in, and out again. The second step is `second-step.ts`. */
import { Secret } from '../../../base/secret.ts'
import { links, withQuery } from '../../links.ts'
import { askToProve } from '../../sign-in/passkeys.ts'
import { type Gone, type SignedInNow, signInWithPasskey, signInWithPassword } from '../../sign-in/sign-in.ts'
import type { Limited, Wrong } from '../../sign-in/sign-in-services.ts'
import type { FormState } from '../../views/page-context.ts'
import { signInView } from '../../views/sign-in/sign-in-view.ts'
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

export const toOf = ({ form, query }: PageRequest): string | undefined => {
  const to = form.text('to') || query.get('to') || ''
  return to === '' ? undefined : ownPath(to)
}
export const keptOf = ({ form }: PageRequest): string | undefined => form.text('kept') || undefined

export async function signIn(request: PageRequest): Promise<Response> {
  const { services, form, client, cookies, m } = request
  // The page "please sign in again" posts what was typed, without a name: the form is shown, with it in it.
  if (!form.has('login')) return signInPage(request, {}, 200)
  const login = form.text('login')
  const outcome = await signInWithPassword(services.signIn, { login, password: Secret.fromText(form.text('password')), replaces: cookies.session }, client)
  services.counts.signIn(outcome.is)
  if (outcome.is === 'limited') return tooMany(request, outcome.retryAfterSeconds, links.signIn)
  if (outcome.is === 'wrong') return signInPage(request, { values: { login }, problem: m.problems.signIn }, 422)
  if (outcome.is === 'second') return seeOther(withQuery(links.signInSecond, { to: toOf(request) }), [cookies.setSession(outcome.token), keptCookie(request)])
  return afterSignIn(request, outcome)
}

/** Where they wanted to go, with what was typed there. */
export function afterSignIn(request: PageRequest, { token, mustAddFactor }: SignedInNow): Response {
  return seeOther(mustAddFactor ? links.account : (toOf(request) ?? links.home), [request.cookies.setSession(token), keptCookie(request)])
}

const keptCookie = (request: PageRequest): string | undefined => {
  const kept = keptOf(request)
  return kept === undefined ? undefined : request.cookies.set('kept', kept)
}

/** As both steps at once, of whoever it is. */
export async function signInPasskeyOptions({ services, cookies }: PageRequest): Promise<Response> {
  const { options, challenge } = await askToProve(services.signIn, { for: 'sign-in' })
  return answerJson(options, { cookies: [cookies.set('challenge', challenge)] })
}

export async function signInByPasskey(request: PageRequest): Promise<Response> {
  const { services, cookies, client, m } = request
  const answer = readAnswer(request)
  if (answer === undefined) return answerJson({ problem: m.problems.passkey })
  return afterPasskey(request, await signInWithPasskey(services.signIn, { ...answer, replaces: cookies.session }, client))
}

/** For the script, which goes where this says. */
export function afterPasskey(request: PageRequest, outcome: SignedInNow | Wrong | Limited | Gone): Response {
  const { cookies, m } = request
  if (outcome.is !== 'gone') request.services.counts.signIn(outcome.is)
  if (outcome.is === 'limited') return answerJson({ problem: m.errors.tooManyTitle })
  if (outcome.is !== 'signed-in') return answerJson({ problem: m.problems.passkey })
  const done = afterSignIn(request, outcome)
  return answerJson({ to: done.headers.get('location') }, { cookies: [...done.headers.getSetCookie(), cookies.clear('challenge')] })
}

export async function signOut({ services, token, actor, cookies }: SignedInRequest): Promise<Response> {
  await services.store.as({ name: actor.login, source: actor.source }).portalSessions.leave(token)
  return seeOther(links.signIn, [cookies.clear('session'), cookies.clear('said')])
}
