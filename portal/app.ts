/**
 * The portal as a function from request to answer: the order of what every request goes through, then the routes.
 * It owns no socket and no process: those are `portal.ts` and `portal-main.ts`.
 */
import { type Context, Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { answerOtherHost, answerTooLarge } from '../api/answer-problem.ts'
import { isClientLeft } from '../http/client-left.ts'
import { HTTP_LIMITS } from '../http/http-limits.ts'
import type { RequestFacts } from '../http/http-server.ts'
import { ownHostOnly, sameOriginOnly, securityHeaders } from '../http/security-headers.ts'
import { apiOf } from './api-parts.ts'
import { ASSET_CACHE_CONTROL } from './asset-table.ts'
import { dispatch, runRoute } from './dispatch.ts'
import { links } from './links.ts'
import { ROUTES } from './routes.ts'
import { autoconfiguration } from './setup/autoconfiguration/autoconfiguration.ts'
import { seeOther } from './web/answers.ts'
import { answerError, badRequest, notFound, notWithThat } from './web/error-answers.ts'
import type { PageRequest, SignedInRequest, Waiting } from './web/page-request.ts'
import type { PortalServices } from './web/portal-services.ts'
import { readRequest, readVisitor } from './web/read-request.ts'
import { logRequest } from './web/request-log.ts'
import { fill, findRoute, methodsAt, pageOf, type Route, visit } from './web/route.ts'
import { SecondClicks } from './web/second-click.ts'

/** What the server says of a request, where handlers find it as `context.env`. */
export interface AppEnv {
  readonly Bindings: RequestFacts
}

const isApi = (path: string): boolean => path.startsWith('/api/')
/** No page is asked with any other: whoever does is told so, and no route is run. */
const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST'])

export function makeApp(services: PortalServices, routes: readonly Route[] = ROUTES): Hono<AppEnv> {
  const { url, log, assets, signIn, counts } = services
  const app = new Hono<AppEnv>()
  const clicks = new SecondClicks(signIn.now)
  /** A page in the reader's language, for a program a problem. */
  const refuse = (why: 'size' | 'host' | 'origin') => (context: Context) =>
    isApi(context.req.path) ? (why === 'size' ? answerTooLarge() : answerOtherHost()) : badRequest(readVisitor(context, services), why, `${url}${links.home}`)
  // A reverse proxy and the supervisor ask by any name.
  app.get('/healthz', context => context.text('ok\n', 200, { 'cache-control': 'no-store' }))
  app.all('/healthz', context => context.text('Method not allowed.\n', 405, { allow: 'GET, HEAD' }))
  app.use(async (context, next) => {
    const from = performance.now()
    await next()
    counts.requestEnded(context.res.status, performance.now() - from)
  })
  app.use(
    securityHeaders(url),
    bodyLimit({ maxSize: HTTP_LIMITS.bodyBytes, onError: refuse('size') }),
    // Asked by names of the mail domains, by apps: neither wall is for them.
    autoconfiguration(services),
    ownHostOnly(url, refuse('host')),
    // No cookie counts under /api, so no other site can borrow one.
    sameOriginOnly(url, request => isApi(new URL(request.url).pathname) || !METHODS.has(request.method), refuse('origin')),
  )
  app.route('/api/v1', apiOf(services))
  app.all('*', async context => {
    const { raw, path } = context.req
    const method = raw.method === 'HEAD' ? 'GET' : raw.method
    const asset = assets.find(path)
    if (asset !== undefined && method === 'GET')
      return new Response(asset.body, { headers: { 'content-type': asset.contentType, 'cache-control': ASSET_CACHE_CONTROL } })
    const receivedAt = signIn.now()
    const { pathname, search } = new URL(raw.url)
    const match = findRoute(routes, method, pathname)
    const allowed = asset === undefined ? methodsAt(routes, pathname) : ['GET', 'HEAD']
    const page = pageOf(routes, pathname)
    const nothing = visit('GET', pathname, async request => {
      if (allowed.length === 0) return notFound(request)
      // Where only a form is sent to, whoever opens it is led to the form.
      return method === 'GET' && page !== undefined ? seeOther(page) : notWithThat(request, allowed)
    })
    const { request, isWhole } = await readRequest(context, services, {
      params: match?.params ?? new Map(),
      receivedAt,
      shownAt: method === 'GET' && (match !== undefined || allowed.length === 0) ? `${pathname}${search}` : (page ?? links.home),
      resume: (signedIn, waiting) => resume(routes, signedIn, waiting),
      formOf: waiting => formOf(routes, waiting),
    })
    let user: string | undefined
    const answer = async (): Promise<Response> => {
      const dispatched = await dispatch(match?.route ?? nothing, request, isWhole)
      user = dispatched.user
      return dispatched.response
    }
    const browser = browserOf(request)
    if (method === 'GET' && browser !== undefined) clicks.reached(browser, `${pathname}${search}`)
    const click =
      request.isForm && browser !== undefined
        ? { browser, address: raw.url, cookies: context.req.header('cookie') ?? '', body: await context.req.text() }
        : undefined
    const response = click === undefined ? await answer() : await clicks.answer(click, answer)
    logRequest(log, { method: raw.method, path: request.path, status: response.status, ip: context.env.ip, ms: Math.round(signIn.now() - receivedAt), user })
    return raw.method === 'HEAD' ? new Response(null, response) : response
  })
  app.onError((error, context) => {
    if (isClientLeft(error)) return context.body(null, 400)
    log.error('bug', { process: 'portal', err: error.message, stack: error.stack })
    return context.text('Internal error.\n', 500)
  })
  return app
}

/** Undefined: it cannot be told from others. */
const browserOf = ({ cookies }: PageRequest): string | undefined => cookies.get('session') ?? cookies.get('visit')

/** The page on which the form stands that waits: not every form has one of its own address. */
function formOf(routes: readonly Route[], { method, path: address }: Waiting): string {
  const [path = '/'] = address.split('?')
  const match = findRoute(routes, method, path)
  if (match === undefined || match.route.who === 'public') return links.home
  return fill(match.route.form ?? match.route.path, name => match.params.get(name) ?? '')
}

/** A form that waited for a confirmation goes the way of every request, past the confirmation. Never throws: the session was renewed, and its cookie goes out. */
async function resume(routes: readonly Route[], request: SignedInRequest, { method, path: address, form }: Waiting): Promise<Response> {
  const [path = '/', query = ''] = address.split('?')
  const match = findRoute(routes, method, path)
  if (match === undefined || match.route.who === 'public') return notFound(request)
  const { params, route } = match
  const resumed = { ...request, method, path, query: new URLSearchParams(query), form, json: {}, param: (name: string) => params.get(name) ?? '' }
  return runRoute(route, resumed).catch(error => answerError(error, resumed))
}
