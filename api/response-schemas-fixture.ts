/** Holds answers against the schemas of the served document, with a validator that knows nothing of how the document was made. */
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import { describeApi } from './api.ts'
import { listOperations, type OpenApiDocument } from './open-api.ts'

const FORMATS = { 'date-time': /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/, password: true } as const

export class ResponseSchemas {
  readonly document: OpenApiDocument
  readonly #ajv = new Ajv2020({ strict: false, allErrors: true, formats: FORMATS })
  readonly #known = new Map<string, ValidateFunction>()

  constructor(origin: string) {
    this.document = describeApi(origin)
    this.#ajv.addSchema({ $id: 'api:document', ...this.document })
  }

  /** Throws what does not fit. */
  check(method: string, address: string, status: number, contentType: string, body: unknown): void {
    const [asked = ''] = address.split('?')
    const type = contentType.split(';')[0] ?? ''
    const operation = listOperations(this.document).find(one => one.method === method && this.#fits(one.path, asked))
    if (operation === undefined) {
      if (status >= 400 && type !== 'application/problem+json') throw new Error(`${method} ${address}: ${status} with ${type}`)
      return
    }
    const responses = this.document.paths?.[operation.path]?.[method.toLowerCase() as 'get']?.responses ?? {}
    const key = status in responses ? String(status) : 'default'
    const content = responses[key]?.content ?? {}
    if (!(type in content)) throw new Error(`${method} ${operation.path} answered ${status} with ${type}, which its document does not say`)
    if (body === undefined) return
    const pointer = ['paths', operation.path, method.toLowerCase(), 'responses', key, 'content', type, 'schema'].map(escapePart).join('/')
    const validate = this.#known.get(pointer) ?? this.#ajv.compile({ $ref: `api:document#/${pointer}`, unevaluatedProperties: false })
    this.#known.set(pointer, validate)
    if (!validate(body)) throw new Error(`${method} ${address}: ${status}: ${this.#ajv.errorsText(validate.errors)}\n${JSON.stringify(body)}`)
  }

  #fits(pattern: string, path: string): boolean {
    return new RegExp(`^${pattern.replace(/\{\w+\}/g, '[^/]+')}$`).test(path)
  }
}

/** RFC 6901 §3, §6: within a fragment. */
function escapePart(part: string): string {
  return encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1'))
}
