/** What a generated client calls in place of `fetch`: holds each answer against the served document, and knows which operations were carried out. */
import type { OpenApiDocument } from '../../api/open-api.ts'
import { ResponseSchemas } from '../../api/response-schemas-fixture.ts'

export class CheckedFetch {
  readonly #schemas: ResponseSchemas
  readonly #base: string
  readonly #done = new Set<string>()

  /** `base`: of all addresses of the document. */
  constructor(document: OpenApiDocument, base: string) {
    this.#schemas = new ResponseSchemas(document)
    this.#base = base
  }

  readonly fetch = async (input: string | URL | Request, init: RequestInit = {}): Promise<Response> => {
    const url = String(input)
    const response = await fetch(url, init)
    const type = response.headers.get('content-type') ?? ''
    const body: unknown = type.includes('json') ? await response.clone().json() : undefined
    const operation = this.#schemas.check(init.method ?? 'GET', url.slice(this.#base.length), response.status, type, body)
    if (response.ok && operation !== undefined) this.#done.add(`${operation.method} ${operation.path}`)
    return response
  }

  /** Of the document, not yet carried out. */
  get left(): string[] {
    return this.#schemas.operations.map(({ method, path }) => `${method} ${path}`).filter(name => !this.#done.has(name))
  }
}
