/**
 * What a client of the HTTP API reads when something is wrong: RFC 9457 problems with the codes of `base/errors.ts`, and their status.
 *
 * SECURITY: what happened inside (paths, the database's words) is for the log. `detail` has the words of an error only where they are about what
 * the client sent.
 */
import { ERRORS, type ErrorCode, type ErrorKind, MailwicketError } from '../base/errors.ts'
import { isProblem } from '../base/problems.ts'

/** A field of the body, a parameter of the path or of the query. */
export interface FieldProblem {
  readonly field: string
  readonly detail: string
}

/** RFC 9457 §3.1: `about:blank`, so that `title` is the phrase of the status; what it is, says `code`. */
export interface ProblemReply {
  readonly type: 'about:blank'
  readonly title: string
  readonly status: number
  readonly code: ErrorCode | 'INTERNAL_ERROR'
  /** More precise than the code, where there is one: `device.name-taken`. */
  readonly reason?: string
  readonly detail: string
  readonly errors?: readonly FieldProblem[]
}

/** RFC 9110 §15: the phrases of the statuses that are used. */
const TITLES: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  409: 'Conflict',
  413: 'Content Too Large',
  415: 'Unsupported Media Type',
  421: 'Misdirected Request',
  422: 'Unprocessable Content',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
}

const STATUS_OF_KIND: Readonly<Record<ErrorKind, number>> = {
  client: 400,
  temporary: 503,
  usage: 422,
  'not-found': 404,
  'not-allowed': 403,
  failed: 409,
  bug: 500,
}

const STATUS_OF_CODE: Partial<Record<ErrorCode, number>> = {
  TOKEN_UNKNOWN: 401,
  TOO_MANY_REQUESTS: 429,
  // Only the operator shortens IDs: for a client it is none.
  AMBIGUOUS_ID: 404,
  UPSTREAM_LOGIN_FAILED: 422,
  STORE_TOO_NEW: 503,
  STORE_TOO_OLD: 503,
  STORE_DAMAGED: 503,
  STORE_IN_USE: 503,
  KEY_UNREADABLE: 503,
  KEY_EXPOSED: 503,
  KEY_WRONG: 503,
}

/** A problem that the HTTP side finds itself. */
export function problemReply(status: number, code: ErrorCode, detail: string, errors?: readonly FieldProblem[]): ProblemReply {
  return { type: 'about:blank', title: TITLES[status] ?? 'Error', status, code, detail, ...(errors !== undefined && { errors }) }
}

/** An error of a use case; undefined: a defect. */
export function problemOf(error: unknown): ProblemReply | undefined {
  if (!(error instanceof MailwicketError)) return undefined
  const { code, kind, message } = error
  const status = STATUS_OF_CODE[code] ?? STATUS_OF_KIND[kind]
  if (status === 500) return undefined
  const reply = problemReply(status, code, status === 503 ? ERRORS[code].means : message)
  return isProblem(error) && status !== 503 ? { ...reply, reason: error.reason } : reply
}

export const PROBLEMS_HERE = {
  token: 'Send a valid token: “Authorization: Bearer mwt_…”.',
  limited: 'Too many requests, or too many wrong tokens from your network. Retry-After says when the next one is possible.',
  route: 'There is no such resource.',
  method: 'This resource does not know this method; Allow says which it knows.',
  size: 'The body is too large.',
  host: 'This name is not served here: ask by the name in the portal’s URL.',
  contentType: 'The body must be application/json.',
  json: 'The body is not JSON.',
  fields: 'What was sent does not fit: see errors.',
  key: 'Idempotency-Key must be 1 to 255 visible ASCII characters.',
  keyUsed: 'This Idempotency-Key was used for another request.',
  internal: 'Something is broken here. It was logged.',
} as const

export const INTERNAL_ERROR: ProblemReply = {
  type: 'about:blank',
  title: 'Internal Server Error',
  status: 500,
  code: 'INTERNAL_ERROR',
  detail: PROBLEMS_HERE.internal,
}
