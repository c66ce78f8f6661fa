/**
 * The HTTP API: what every request goes through (whose token, how big, what went wrong), then the routes of the resources.
 *
 * It decides nothing: the use cases of management/ do, the same as for pages and commands. SECURITY: no cookie is looked at here, so that no other
 * site can borrow somebody's session.
 */
import { OpenAPIHono } from '@hono/zod-openapi'
import { answerError, RequestProblem } from './answer-problem.ts'
import type { Api, ApiEnv, ApiServices } from './api-services.ts'
import { describeRoutes, listOperations, methodsAt, type OpenApiDocument } from './open-api.ts'
import { boundedBody, jsonBody, refuseFields } from './read-body.ts'
import { RequestRate } from './request-rate.ts'
import { addDeviceRoutes } from './resources/device-routes.ts'
import { addDeviceSetupRoutes } from './resources/device-setup-routes.ts'
import { addDomainRoutes } from './resources/domain-routes.ts'
import { addHistoryRoutes } from './resources/history-routes.ts'
import { addInvitationRoutes } from './resources/invitation-routes.ts'
import { addMailboxRoutes } from './resources/mailbox-routes.ts'
import { addPeopleRoutes } from './resources/people-routes.ts'
import { addRightRoutes } from './resources/right-routes.ts'
import { addSessionRoutes } from './resources/session-routes.ts'
import { addTokenRoutes } from './resources/token-routes.ts'
import { findTokenActor, type TokenLimiter } from './token-access.ts'

const RESOURCES = [
  addDomainRoutes,
  addMailboxRoutes,
  addDeviceRoutes,
  addDeviceSetupRoutes,
  addSessionRoutes,
  addPeopleRoutes,
  addRightRoutes,
  addInvitationRoutes,
  addHistoryRoutes,
  addTokenRoutes,
]

/** The document without a server, for whoever prints it. `origin`: of the portal. */
export function describeApi(origin: string): OpenApiDocument {
  const api: Api = new OpenAPIHono<ApiEnv>()
  addRoutes(api)
  return describeRoutes(api, origin)
}

function addRoutes(api: Api): void {
  api.openAPIRegistry.registerComponent('securitySchemes', 'token', { type: 'http', scheme: 'bearer', description: 'A token of the API, `mwt_…`.' })
  for (const addResource of RESOURCES) addResource(api)
}

/** To be mounted at /api/v1. `limiter`: the one of the sign-in, so that a guessed token counts for its network as a wrong password does. */
export function makeApi<Attempt extends { readonly retryAfterSeconds: number | undefined }>(
  services: ApiServices & { readonly limiter: TokenLimiter<Attempt>; readonly rate?: RequestRate | undefined },
): Api {
  const { url, log, store, config, around, limiter, rate = new RequestRate({ now: services.now }) } = services
  const api: Api = new OpenAPIHono<ApiEnv>({
    defaultHook: result => {
      if (!result.success) refuseFields(result.error.issues)
    },
  })
  api.onError((error, context) => answerError(log, error, context))
  const document = describeApi(url)
  const operations = listOperations(document)
  api.get('/openapi.json', context => context.json(document))
  api.use(async (context, next) => {
    const authorization = context.req.header('authorization')
    const access = await findTokenActor({ store, limiter, rate }, authorization, context.env.ip)
    if (access.is === 'unknown') {
      // RFC 6750 §3.1: no error code where no token was sent at all.
      const challenge = authorization === undefined ? 'Bearer realm="Mailwicket"' : 'Bearer realm="Mailwicket", error="invalid_token"'
      throw new RequestProblem(401, 'TOKEN_UNKNOWN', 'token', { headers: { 'www-authenticate': challenge } })
    }
    if (access.is === 'limited') throw new RequestProblem(429, 'TOO_MANY_REQUESTS', 'limited', { headers: { 'retry-after': String(access.retryAfterSeconds) } })
    context.set('actor', access.actor)
    context.set('token', access.id)
    context.set('services', services)
    context.set('useCases', { store, config: config(), ...(around !== undefined && { around }) })
    return next()
  })
  api.use(boundedBody, jsonBody)
  addRoutes(api)
  api.all('*', ({ req }) => {
    const methods = methodsAt(operations, req.path.replace(/^\/api\/v1/, ''))
    if (methods.length === 0) throw new RequestProblem(404, 'NOT_FOUND', 'route')
    throw new RequestProblem(405, 'BAD_INPUT', 'method', { headers: { allow: methods.join(', ') } })
  })
  return api
}
