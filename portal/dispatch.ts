/**
 * The course of every request: who it is, whether they may, whether it has to be confirmed, then the page; and whatever fails becomes a page, too.
 *
 * Invariant: no handler of a route behind the sign-in runs before its rule said yes and its confirmation is there.
 */

import { MailwicketError } from '../base/errors.ts'
import type { Person } from '../management/actor.ts'
import { readReach } from '../management/reach.ts'
import type { UseCaseContext } from '../management/use-case.ts'
import { links } from './links.ts'
import { askConfirmation } from './pages/account/confirm.ts'
import { sourceOf } from './sign-in/sign-in-services.ts'
import { judge } from './web/access.ts'
import { addCookies, answerJson, seeOther } from './web/answers.ts'
import { answerError, badRequest, notAllowed, notFound, signInFirst, wantsJson } from './web/error-answers.ts'
import { isWithoutFactor } from './web/factor-due.ts'
import { navigationOf } from './web/navigation.ts'
import { checkOnce } from './web/once.ts'
import { askedAt, type PageRequest, type SignedInRequest } from './web/page-request.ts'
import { inLikes } from './web/read-request.ts'
import { fill, type Route, type SignedInRoute } from './web/route.ts'
import { readSaid } from './web/said.ts'
import { openKept } from './web/waiting-form.ts'

/** Never throws. */
export async function dispatch(route: Route, request: PageRequest, isWhole: boolean): Promise<{ readonly response: Response; readonly user?: string }> {
  let known: PageRequest = request
  try {
    const signedIn = await findSignedIn(request)
    known = signedIn ?? request
    if (!isWhole) return { response: badRequest(known, 'form') }
    const response = route.who === 'public' ? await route.run(known) : await runSignedIn(route, request, signedIn)
    return { response, ...(signedIn !== undefined && { user: signedIn.session.user.login }) }
  } catch (error) {
    return { response: await answerError(error, known).catch(() => new Response('Internal error.\n', { status: 500 })) }
  }
}

async function runSignedIn(route: SignedInRoute, request: PageRequest, signedIn: SignedInRequest | undefined): Promise<Response> {
  const form = fill(route.form ?? route.path, request.param)
  if (signedIn === undefined) return signInFirst(request, route.form === undefined && request.method === 'GET' ? askedAt(request) : form)
  const kept = request.method === 'GET' ? openKept(request.services, request.cookies.get('kept'), request.path) : undefined
  const said = request.method === 'GET' ? readSaid(signedIn) : undefined
  const ready: SignedInRequest = { ...signedIn, kept, page: { ...signedIn.page, ...(said !== undefined && { flash: said }) } }
  const response = await runRoute(route, ready)
  const isPage = response.headers.get('content-type')?.startsWith('text/html') === true
  const { cookies } = request
  return addCookies(response, [isPage && said !== undefined ? cookies.clear('said') : undefined, kept === undefined ? undefined : cookies.clear('kept')])
}

/** Also for a form that waited, after its confirmation. */
export async function runRoute(route: SignedInRoute, request: SignedInRequest): Promise<Response> {
  if (route.beforeFactor !== true && (await isWithoutFactor(request))) return seeOther(links.account)
  if (route.who !== 'signed-in') {
    const { services, actor, context, reach, param } = request
    const verdict = await judge(route.who, { nouns: services.store.as({ name: actor.login, source: actor.source }), context, actor, reach, param })
    if (verdict === 'outside') return notFound(request)
    if (verdict === 'no') return notAllowed(request)
  }
  if (route.once === true) await checkOnce(request)
  const wrong = await route.check?.(request)
  if (wrong !== undefined) return wrong
  const what = typeof route.confirm === 'function' ? await route.confirm(request) : route.confirm
  if (what !== undefined && !request.session.isConfirmed && wantsJson(request)) return answerJson({ problem: request.m.words.confirmComes })
  if (what !== undefined && !request.session.isConfirmed) return askConfirmation(request, what, fill(route.form ?? route.path, request.param))
  return route.run(request)
}

/** Undefined: nobody, or somebody whose second step is still due. Throws STORE_UNAVAILABLE. */
async function findSignedIn(request: PageRequest): Promise<SignedInRequest | undefined> {
  const { services, client } = request
  const token = request.cookies.session
  if (token === undefined) return undefined
  const source = sourceOf(client)
  const session = await services.store.as({ name: '', source }).portalSessions.find(token)
  if (session === undefined || session.stage !== 'full') return undefined
  const { id, login, name } = session.user
  const actor: Person = { kind: 'person', user: id, login, source }
  const nouns = services.store.as({ name: login, source })
  const reach = await readReach(nouns, actor).catch(orNobody)
  if (reach === undefined) return undefined
  const context: UseCaseContext = { store: services.store, config: services.config(), around: services.around }
  const liked = inLikes(request, await nouns.preferences.of(id))
  const reader = { name: name ?? login, login, navigation: navigationOf(reach) }
  return { ...request, ...liked, page: { ...liked.page, reader }, session, token, actor, reach, context }
}

/** Blocked or removed between two queries. */
function orNobody(error: unknown): undefined {
  if (error instanceof MailwicketError && error.code === 'NOT_ALLOWED') return undefined
  throw error
}
