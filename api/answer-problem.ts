/** Problems as answers. What is broken inside is told in the log; the client gets a code. */
import type { Context } from 'hono'
import type { ErrorCode } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import { isClientLeft } from '../http/client-left.ts'
import { type FieldProblem, INTERNAL_ERROR, PROBLEMS_HERE, type ProblemReply, problemOf, problemReply } from '../http/problem-replies.ts'

/** RFC 9110 §10.2.3: when a store that is busy or away is worth another try. */
const RETRY_SECONDS = '5'

export function answerProblem(reply: ProblemReply, headers: Readonly<Record<string, string>> = {}): Response {
  const again: Record<string, string> = reply.status === 503 ? { 'retry-after': RETRY_SECONDS } : {}
  return new Response(JSON.stringify(reply), { status: reply.status, headers: { 'content-type': 'application/problem+json', ...again, ...headers } })
}

export function answerTooLarge(): Response {
  // The rest of the body is not read: nothing can follow it.
  return answerProblem(problemReply(413, 'BAD_INPUT', PROBLEMS_HERE.size), { connection: 'close' })
}

export function answerOtherHost(): Response {
  return answerProblem(problemReply(421, 'BAD_INPUT', PROBLEMS_HERE.host))
}

/** Thrown where the HTTP side refuses a request before any use case is asked. */
export class RequestProblem extends Error {
  readonly reply: ProblemReply
  readonly headers: Readonly<Record<string, string>>

  constructor(
    status: number,
    code: ErrorCode,
    says: keyof typeof PROBLEMS_HERE,
    more: { errors?: readonly FieldProblem[]; headers?: Record<string, string> } = {},
  ) {
    super(PROBLEMS_HERE[says])
    this.reply = problemReply(status, code, PROBLEMS_HERE[says], more.errors)
    this.headers = more.headers ?? {}
  }
}

export function answerError(log: Log, error: unknown, { req }: Context): Response {
  if (error instanceof RequestProblem) return answerProblem(error.reply, error.headers)
  if (isClientLeft(error)) return answerProblem(problemReply(400, 'BAD_INPUT', PROBLEMS_HERE.json))
  const reply = problemOf(error) ?? INTERNAL_ERROR
  if (reply.status >= 500) {
    const { message, stack } = error as Error
    const facts = { process: 'portal', method: req.method, path: req.path, err: message }
    if (reply === INTERNAL_ERROR) log.error('bug', { ...facts, stack })
    else log.error('store.failed', { ...facts, code: reply.code })
  }
  return answerProblem(reply)
}
