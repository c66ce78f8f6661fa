/**
 * The fields of forms, checked one by one, so that each is told what is wrong with it in the reader's language. What is good for the store is decided
 * there once more.
 */
import { MailwicketError } from '../../../base/errors.ts'
import { parseCidr } from '../../../base/network.ts'
import { isProblem } from '../../../base/problems.ts'
import { parsePlainName } from '../../../store/accounts/plain-names.ts'
import type { Scope } from '../../../store/schema/login-record.ts'
import type { Messages } from '../../messages/en.ts'
import type { Formats } from '../../messages/formats.ts'
import type { FormState } from '../../views/page-context.ts'
import type { FormValues } from '../../web/form-values.ts'

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

/**
 * One of the choices that the form offers. Anything else, nothing at all too, is told at the field: no form of ours sends it, and what was meant is not
 * guessed. Undefined: it was wrong.
 */
export function checkChoice<Choice extends string, Field extends string>(
  form: FormValues,
  field: Field,
  choices: readonly Choice[],
  errors: FieldErrors<Field>,
  m: Messages,
): Choice | undefined {
  const choice = choices.find(one => one === form.text(field))
  if (choice === undefined) errors.add(field, m.problems.choose)
  return choice
}

/** Who was chosen is not there, or not any more. */
export const isUnknownPerson = (error: MailwicketError): boolean => isProblem(error) && error.reason === 'user.unknown'

/** What becomes of devices of somebody who goes. */
export const DEVICES_LEFT = ['disconnect', 'keep'] as const

/** How a link reaches somebody; by mail where mail is sent at all. */
export const reachChoices = (isMailSent: boolean): readonly ('copy' | 'mail')[] => (isMailSent ? ['copy', 'mail'] : ['copy'])

const SCOPES_OF = { both: ['imap', 'smtp'], read: ['imap'], send: ['smtp'] } as const satisfies Record<string, readonly Scope[]>
export type ScopeChoice = keyof typeof SCOPES_OF
export const SCOPE_CHOICES = Object.keys(SCOPES_OF) as ScopeChoice[]

export const scopesOf = (choice: ScopeChoice): readonly Scope[] => SCOPES_OF[choice]

export function scopeChoiceOf(scopes: readonly Scope[]): ScopeChoice {
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
