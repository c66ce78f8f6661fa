/** The API's document, OpenAPI 3.1, made of its routes; and what can be told from it. */
import type { Api } from './api-services.ts'

export type OpenApiDocument = ReturnType<Api['getOpenAPI31Document']>

const DESCRIPTION = `What the pages and commands of Mailwicket do, as JSON over HTTP, by the same rules.

A token stands in every request (“Authorization: Bearer mwt_…”), and never does more than its owner may at that moment. What lies outside of its reach
is answered 404, what lies inside with a scope or right missing 403. Times are RFC 3339 in UTC. Lists have at most 200 entries: the next page is asked
for with after=next. An Idempotency-Key on a POST carries it out once within 24 hours; a repeated key is answered without the secret.`

export function describeRoutes(api: Api, origin: string): OpenApiDocument {
  return api.getOpenAPI31Document({
    openapi: '3.1.1',
    info: { title: 'Mailwicket', version: '1', description: DESCRIPTION, license: { name: 'MIT', url: 'https://opensource.org/license/mit' } },
    servers: [{ url: `${origin}/api/v1` }],
  })
}

const METHODS = ['get', 'post', 'put', 'patch', 'delete'] as const

export interface OperationSummary {
  readonly resource: string
  readonly method: string
  /** `/mailboxes/{address}` */
  readonly path: string
  readonly summary: string
  /** What a token must have; none: any token will do. */
  readonly scopes: readonly string[]
}

/** In the order of the document. */
export function listOperations({ paths = {} }: OpenApiDocument): OperationSummary[] {
  return Object.entries(paths).flatMap(([path, item]) =>
    METHODS.flatMap(method => {
      const operation = item[method]
      if (operation === undefined) return []
      const scopes = operation.security?.flatMap(requirement => requirement['token'] ?? []) ?? []
      return [{ resource: operation.tags?.[0] ?? '', method: method.toUpperCase(), path, summary: operation.summary ?? '', scopes }]
    }),
  )
}

/** The methods that a path of the API knows; empty: there is no such path. */
export function methodsAt(operations: readonly OperationSummary[], path: string): string[] {
  return [...new Set(operations.filter(operation => patternOf(operation.path).test(path)).map(({ method }) => method))]
}

function patternOf(path: string): RegExp {
  return new RegExp(`^${path.replace(/\{\w+\}/g, '[^/]+')}$`)
}
