/** Holds answers against the schemas of the served document, with a validator that knows nothing of how the document was made. */
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import { listOperations, type OpenApiDocument, type OperationSummary } from './open-api.ts'

const FORMATS = { 'date-time': /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/, password: true } as const

export class ResponseSchemas {
  readonly operations: readonly OperationSummary[]
  readonly #document: OpenApiDocument
  readonly #ajv = new Ajv2020({ strict: false, allErrors: true, formats: FORMATS })
  readonly #known = new Map<string, ValidateFunction>()

  constructor(document: OpenApiDocument) {
    this.#document = document
    this.operations = listOperations(document)
    this.#ajv.addSchema({ $id: 'api:document', ...document })
  }

  /** `address`: below that of the API. Gives which operation it was; undefined: none. Throws what does not fit. */
  check(method: string, address: string, status: number, contentType: string, body: unknown): OperationSummary | undefined {
    const [asked = ''] = address.split('?')
    const type = contentType.split(';')[0] ?? ''
    const operation = this.operations.find(one => one.method === method && this.#fits(one.path, asked))
    if (operation === undefined) {
      if (status >= 400 && type !== 'application/problem+json') throw new Error(`${method} ${address}: ${status} with ${type}`)
      return undefined
    }
    const responses = this.#document.paths?.[operation.path]?.[method.toLowerCase() as 'get']?.responses ?? {}
    const key = status in responses ? String(status) : 'default'
    const content = responses[key]?.content ?? {}
    if (!(type in content)) throw new Error(`${method} ${operation.path} answered ${status} with ${type}, which its document does not say`)
    if (body === undefined) return operation
    const pointer = ['paths', operation.path, method.toLowerCase(), 'responses', key, 'content', type, 'schema'].map(escapePart).join('/')
    const validate = this.#known.get(pointer) ?? this.#ajv.compile({ $ref: `api:document#/${pointer}`, unevaluatedProperties: false })
    this.#known.set(pointer, validate)
    if (!validate(body)) throw new Error(`${method} ${address}: ${status}: ${this.#ajv.errorsText(validate.errors)}\n${JSON.stringify(body)}`)
    return operation
  }

  #fits(pattern: string, path: string): boolean {
    return new RegExp(`^${pattern.replace(/\{\w+\}/g, '[^/]+')}$`).test(path)
  }
}

/** RFC 6901 §3, §6: within a fragment. */
function escapePart(part: string): string {
  return encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1'))
}
