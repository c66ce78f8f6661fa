/**
 * Bodies: JSON, bounded. Read before anything else looks at them, so that whatever is wrong is told in one way; what a field must be, its schema says.
 */
import type { MiddlewareHandler } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import type { FieldProblem } from '../http/problem-replies.ts'
import { RequestProblem } from './answer-problem.ts'
import type { ApiEnv } from './api-services.ts'

/** A hundred senders and aliases of the longest form. */
const MAX_BYTES = 64 * 1024
const JSON_TYPE = /^application\/json\s*(?:;|$)/i
const WITH_BODY = new Set(['POST', 'PUT', 'PATCH'])
/** Enough to correct a request; a hostile one has thousands. */
const MAX_TOLD = 20
const MAX_FIELD_CHARACTERS = 100

export const boundedBody: MiddlewareHandler<ApiEnv> = bodyLimit({
  maxSize: MAX_BYTES,
  onError: () => {
    throw new RequestProblem(413, 'BAD_INPUT', 'size', { headers: { connection: 'close' } })
  },
})

/** Also `{}` for a POST that says nothing: its content type is then nobody's business. */
export const jsonBody: MiddlewareHandler<ApiEnv> = async ({ req }, next) => {
  if (!WITH_BODY.has(req.method)) return next()
  const text = await req.text()
  if (text === '' && req.header('content-type') === undefined) return next()
  if (!JSON_TYPE.test(req.header('content-type') ?? '')) throw new RequestProblem(415, 'BAD_INPUT', 'contentType')
  try {
    JSON.parse(text)
  } catch {
    throw new RequestProblem(400, 'BAD_INPUT', 'json')
  }
  return next()
}

interface Issue {
  readonly code?: string | undefined
  readonly path: readonly PropertyKey[]
  readonly message: string
  readonly keys?: readonly string[]
}

/** Names every field that does not fit. */
export function refuseFields(issues: readonly Issue[]): never {
  const errors = issues.flatMap(({ code, path, message, keys = [] }): FieldProblem[] =>
    code === 'unrecognized_keys'
      ? keys.map(key => ({ field: nameOf([...path, key]), detail: 'there is no such field' }))
      : [{ field: nameOf(path), detail: message }],
  )
  throw new RequestProblem(422, 'BAD_INPUT', 'fields', { errors: errors.slice(0, MAX_TOLD) })
}

/** `sending.senders.0`; the whole body is `body`. */
function nameOf(path: readonly PropertyKey[]): string {
  return path.length === 0 ? 'body' : path.map(String).join('.').slice(0, MAX_FIELD_CHARACTERS)
}
