/** The findings of `mailwicket check`. */
import { MailwicketError } from '../../base/errors.ts'
import { remedyFor } from '../frame/remedies.ts'

/** One line of `mailwicket check`; the JSON of the command is an array of these. */
export interface Finding {
  /** What was looked at: `configuration`, `key`, `certificate`, `store`, `upstream main`, `portal mail`, `way around`, `cut-over`, `live`. */
  readonly check: string
  readonly status: 'ok' | 'warn' | 'fail'
  readonly message: string
  /** What to do; null when nothing has to be done. */
  readonly advice: string | null
}

export function good(check: string, message: string): Finding {
  return { check, status: 'ok', message, advice: null }
}

export function doubtful(check: string, message: string, advice: string): Finding {
  return { check, status: 'warn', message, advice }
}

/** A finding from an error that a check ran into. A defect is passed on, not reported as a finding. */
export function bad(check: string, error: unknown): Finding {
  if (!(error instanceof MailwicketError)) throw error
  return { check, status: 'fail', message: error.message, advice: remedyFor(error) }
}
