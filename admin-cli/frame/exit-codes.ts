/**
 * How a command ends for a script (design section 10): 0 done, 1 failed, 2 bad usage or input, 3 no such thing, 4 temporarily unavailable.
 */
import { type ErrorKind, MailwicketError } from '../../base/errors.ts'

const EXIT_CODES: Readonly<Record<ErrorKind, number>> = { usage: 2, 'not-found': 3, temporary: 4, client: 1, 'not-allowed': 1, failed: 1, bug: 1 }

/** Exit code of a command that ended with `error`. */
export function exitCodeOf(error: unknown): number {
  return error instanceof MailwicketError ? EXIT_CODES[error.kind] : 1
}
