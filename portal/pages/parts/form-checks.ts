/**
 * The fields of forms, checked one by one, so that each is told what is wrong with it in the reader's language. What is good for the store is decided
 * there once more.
 */
import { MailwicketError } from '../../../base/errors.ts'
import { parseCidr } from '../../../base/network.ts'
import { parsePlainName } from '../../../store/accounts/plain-names.ts'
import type { Scope } from '../../../store/schema/login-record.ts'
import type { Messages } from '../../messages/en.ts'
import type { Formats } from '../../messages/formats.ts'
import type { FormState } from '../../views/page-context.ts'

/** What was wrong, by field, in the order of the form. */
export class FieldErrors<Field extends string> {
  readonly #errors: Partial<Record<Field, string>> = {}

  add(field: Field, problem: string): void {
    this.#errors[field] ??= problem
  }

  get isEmpty(): boolean {
    return Object.keys(this.#errors).length === 0
  }

  get errors(): Partial<Readonly<Record<Field, string>>> {
    return this.#errors
  }
}

/** A form that comes back. */
export function again<Field extends string>(errors: FieldErrors<Field>, values: Record<string, string>, m: Messages): FormState<Field> {
  return { values: values as Partial<Record<Field, string>>, errors: errors.errors, problem: m.problems.checkFields }
}

export interface NameField {
  readonly max: number
  readonly without?: string
}

/** Undefined: it was wrong, and is told at `field`. */
export function checkName<Field extends string>(
  text: string,
  field: Field,
  { max, without }: NameField,
  errors: FieldErrors<Field>,
  m: Messages,
): string | undefined {
  if (text.trim() === '') return void errors.add(field, m.problems.required)
  if (Array.from(text.trim()).length > max) return void errors.add(field, m.problems.tooLong(max))
  return orError(
    () => parsePlainName(text, { what: field, maxCharacters: max, ...(without !== undefined && { without }) }),
    () => errors.add(field, m.problems.nameCharacters),
  )
}

export function checkNetworks<Field extends string>(lines: readonly string[], field: Field, errors: FieldErrors<Field>, m: Messages): string[] {
  for (const line of lines) {
    try {
      parseCidr(line)
    } catch {
      errors.add(field, m.problems.network(line.slice(0, 60)))
    }
  }
  return [...lines]
}

/** The last moment of a day, as the reader counts days. */
export function checkDay<Field extends string>(text: string, field: Field, errors: FieldErrors<Field>, m: Messages, formats: Formats): number | undefined {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text) || Number.isNaN(Date.parse(text))) return void errors.add(field, m.problems.dateForm)
  const end = endOfDay(text, formats)
  if (end <= formats.now) return void errors.add(field, m.problems.datePast)
  return end
}

const STEP_MS = 15 * 60_000
/** No time zone is further from UTC. */
const MOST_STEPS = (15 * 60 * 60_000) / STEP_MS

/** The first moment of a day; zones differ by quarters of an hour. */
export function startOfDay(isoDay: string, { isoDay: dayOf }: Pick<Formats, 'isoDay'>): number {
  const midnight = Date.parse(`${isoDay}T00:00:00Z`)
  let [low, high] = [-MOST_STEPS, MOST_STEPS]
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2)
    if (dayOf(midnight + middle * STEP_MS) < isoDay) low = middle
    else high = middle
  }
  return midnight + high * STEP_MS
}

export function endOfDay(isoDay: string, formats: Pick<Formats, 'isoDay'>): number {
  const next = new Date(Date.parse(`${isoDay}T00:00:00Z`) + 86_400_000).toISOString().slice(0, 10)
  return startOfDay(next, formats) - 1
}

const SCOPES_OF: Readonly<Record<string, readonly Scope[]>> = { both: ['imap', 'smtp'], read: ['imap'], send: ['smtp'] }

/** Anything else than the three choices is the first of them: the form was not ours. */
export const scopesOf = (choice: string): readonly Scope[] => (Object.hasOwn(SCOPES_OF, choice) ? (SCOPES_OF[choice] ?? []) : ['imap', 'smtp'])

export function scopeChoiceOf(scopes: readonly Scope[]): 'both' | 'read' | 'send' {
  if (scopes.includes('imap')) return scopes.includes('smtp') ? 'both' : 'read'
  return 'send'
}

function orError<Value>(parse: () => Value, refuse: () => void): Value | undefined {
  try {
    return parse()
  } catch (error) {
    if (!(error instanceof MailwicketError) || error.code !== 'BAD_INPUT') throw error
    refuse()
    return undefined
  }
}
