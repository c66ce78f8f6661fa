/** What a device may, how long and from where, as a form says it: when adding one, and when inviting somebody to. */
import type { Scope } from '../../../store/schema/login-record.ts'
import type { FormValues } from '../../web/form-values.ts'
import type { PageRequest } from '../../web/page-request.ts'
import { checkChoice, checkDay, checkNetworks, type FieldErrors, SCOPE_CHOICES, scopesOf } from '../parts/form-checks.ts'

export interface DeviceTermsInput {
  readonly scopes: readonly Scope[]
  readonly expiresAt: number | null
  readonly allowFrom: readonly string[]
}

type TermField = 'scope' | 'ends' | 'date' | 'networks'
const DAY_MS = 86_400_000
const LASTING_MS = { never: null, day: DAY_MS, week: 7 * DAY_MS, month: 30 * DAY_MS } as const
const ENDS = [...(Object.keys(LASTING_MS) as (keyof typeof LASTING_MS)[]), 'date'] as const

/** Of use only while there are no errors. */
export function readTerms<Field extends string>(
  form: FormValues,
  errors: FieldErrors<Field | TermField>,
  { m, page }: Pick<PageRequest, 'm' | 'page'>,
): DeviceTermsInput {
  const { formats } = page
  const scope = checkChoice(form, 'scope', SCOPE_CHOICES, errors, m)
  const ends = checkChoice(form, 'ends', ENDS, errors, m)
  const lasting = ends === undefined || ends === 'date' ? null : LASTING_MS[ends]
  const expiresAt = ends === 'date' ? (checkDay(form.text('date'), 'date', errors, m, formats) ?? null) : lasting === null ? null : formats.now + lasting
  return { scopes: scope === undefined ? [] : scopesOf(scope), expiresAt, allowFrom: checkNetworks(form.list('networks'), 'networks', errors, m) }
}
