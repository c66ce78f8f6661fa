/**
 * The portal as a function from request to answer: the order of what every request goes through, then the routes.
 * It owns no socket and no process: those are `portal.ts` and `portal-main.ts`.
 */
import { Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import type { Log } from '../base/log.ts'
import { HTTP_LIMITS } from '../http/http-limits.ts'
import type { RequestFacts } from '../http/http-server.ts'
import { ownHostOnly, sameOriginOnly, securityHeaders } from '../http/security-headers.ts'

/** What the server says of a request, where handlers find it as `context.env`. */
export interface AppEnv {
  readonly Bindings: RequestFacts
}

export interface AppServices {
  /** The origin that people type. */
  readonly url: string
  readonly log: Log
}

export function makeApp({ url, log }: AppServices): Hono<AppEnv> {
  const app = new Hono<AppEnv>()
  // A reverse proxy and the supervisor ask by any name.
  app.get('/healthz', context => context.text('ok\n', 200, { 'cache-control': 'no-store' }))
  app.use(
    securityHeaders(url),
    ownHostOnly(url),
    // No cookie counts under /api, so no other site can borrow one.
    sameOriginOnly(url, request => new URL(request.url).pathname.startsWith('/api/')),
    bodyLimit({ maxSize: HTTP_LIMITS.bodyBytes, onError: context => context.text('This is too large.\n', 413) }),
  )
  app.notFound(context => context.text('Nothing here.\n', 404))
  app.onError((error, context) => {
    log.error('bug', { err: error.message, stack: error.stack })
    return context.text('Internal error.\n', 500)
  })
  return app
}
