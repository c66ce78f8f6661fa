/** The log line of a request. SECURITY: a token in a path is not written, nor is a query: searches hold names and addresses. */
import type { Log } from '../../base/log.ts'

/** Paths whose next segment is a token. */
const WITH_TOKEN = /^\/(i|welcome)\/.*$/s
const MAX_CHARACTERS = 300

export function safePath(path: string): string {
  return path.replace(WITH_TOKEN, '/$1/…').slice(0, MAX_CHARACTERS)
}

export interface AnsweredRequest {
  readonly method: string
  readonly path: string
  readonly status: number
  readonly ip: string
  readonly ms: number
  /** Login of whoever is signed in. */
  readonly user?: string | undefined
}

export function logRequest(log: Log, { path, user, ...facts }: AnsweredRequest): void {
  log.debug('portal.request', { ...facts, path: safePath(path), ...(user !== undefined && { user }) })
}
