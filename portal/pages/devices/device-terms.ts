/** What a device may, how long and from where, as a form says it: when adding one, and when inviting somebody to. */
import type { Scope } from '../../../store/schema/login-record.ts'
import type { FormValues } from '../../web/form-values.ts'
import type { PageRequest } from '../../web/page-request.ts'
import { checkDay, checkNetworks, type FieldErrors, scopesOf } from '../parts/form-checks.ts'

export interface DeviceTermsInput {
  readonly scopes: readonly Scope[]
  readonly expiresAt: number | null
  readonly allowFrom: readonly string[]
}

type TermField = 'date' | 'networks'
const DAY_MS = 86_400_000

export function readTerms<Field extends string>(
  form: FormValues,
  errors: FieldErrors<Field | TermField>,
  { m, page }: Pick<PageRequest, 'm' | 'page'>,
): DeviceTermsInput {
  const { formats } = page
  const ends = form.text('ends')
  const lasting: Readonly<Record<string, number>> = { day: DAY_MS, week: 7 * DAY_MS, month: 30 * DAY_MS }
  const expiresAt =
    ends === 'date'
      ? (checkDay(form.text('date'), 'date', errors, m, formats) ?? null)
      : Object.hasOwn(lasting, ends)
        ? formats.now + (lasting[ends] ?? 0)
        : null
  return { scopes: scopesOf(form.text('scope')), expiresAt, allowFrom: checkNetworks(form.list('networks'), 'networks', errors, m) }
}
