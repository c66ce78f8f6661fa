/**
 * What PostgreSQL and the way to it say, as errors of ours. PostgreSQL manual, appendix A: the first two characters of a code are its class.
 */
import { MailwicketError } from '../../base/errors.ts'
import { Problem } from '../../base/problems.ts'
import { MOVED_STATE } from './postgres-ddl.ts'

export interface PostgresFailure {
  readonly code?: string
  readonly message?: string
}

/** lock_not_available, deadlock_detected, serialization_failure. */
const BUSY = new Set(['55P03', '40P01', '40001'])
const NO_DATABASE = '3D000'
const DAMAGED = new Set(['XX001', 'XX002'])

export function storeErrorOf(error: unknown, place: string): MailwicketError {
  if (error instanceof MailwicketError) return error
  const { code = '', message = String(error) } = error as PostgresFailure
  // Several addresses of one name were tried.
  const reason = error instanceof AggregateError ? error.errors.map(one => String((one as Error).message)).join('; ') : message
  const details = { message: `${place}: ${reason}`, cause: error }
  if (code === MOVED_STATE) return new Problem('store.moved', { to: message }, error)
  if (BUSY.has(code)) return new MailwicketError('STORE_BUSY', details)
  if (DAMAGED.has(code)) return new MailwicketError('STORE_DAMAGED', { ...details, remedy: 'Restore the database from a backup.' })
  if (code === NO_DATABASE) return new MailwicketError('NOT_FOUND', { ...details, remedy: 'Make it first, with `createdb` of PostgreSQL.' })
  return new MailwicketError('STORE_UNAVAILABLE', { ...details, remedy: remedyFor(code) })
}

function remedyFor(code: string): string {
  if (code.startsWith('28')) return 'Look at the user, the password (in the URL or in ~/.pgpass) and pg_hba.conf of the server.'
  if (code === '42501') return 'The user lacks a right there: it should own the database, or the schema that its search_path begins with.'
  if (code.startsWith('53')) return 'The server is out of connections, memory or disk: see its log, and max_connections.'
  if (code.startsWith('42')) return 'The database does not look as Mailwicket made it, or a pooler changes search_path between two transactions.'
  return 'Look whether PostgreSQL runs there and lets this machine connect; its log says why not.'
}
