/** The fields of a form as they came: text, bounded in number and length; nothing here trusts a browser to send what the page offered. */
import { MailwicketError } from '../../base/errors.ts'
import type { FormFields } from '../sign-in/sealed-values.ts'

/** The largest form is the table of rights of a person. */
const MAX_FIELDS = 2_000

/** SECURITY: what is never kept, sealed or not. */
const SECRETS: ReadonlySet<string> = new Set(['password', 'repeated', 'current', 'secret', 'code'])

export class FormValues {
  static readonly none = new FormValues([])
  readonly #pairs: readonly (readonly [name: string, value: string])[]

  constructor(pairs: readonly (readonly [name: string, value: string])[]) {
    this.#pairs = pairs
  }

  /** Undefined: more than any form has. */
  static parse(body: string): FormValues | undefined {
    const pairs = [...new URLSearchParams(body)]
    return pairs.length > MAX_FIELDS ? undefined : new FormValues(pairs)
  }

  static fromSealed(fields: FormFields): FormValues {
    return new FormValues(
      Object.entries(fields).flatMap(([name, value]) => (Array.isArray(value) ? value : [value]).map(one => [name, one as string] as const)),
    )
  }

  /** '' when there is none. */
  text(name: string): string {
    return this.#pairs.find(([field]) => field === name)?.[1] ?? ''
  }

  has(name: string): boolean {
    return this.#pairs.some(([field]) => field === name)
  }

  /** Of a box: ticked, or not there. Throws BAD_INPUT for what no box sends: off is not guessed. */
  isOn(name: string): boolean {
    if (!this.has(name)) return false
    if (this.text(name) !== 'on') throw new MailwicketError('BAD_INPUT', { message: `a box of the form says neither on nor off` })
    return true
  }

  all(name: string): string[] {
    return this.#pairs.filter(([field]) => field === name).map(([, value]) => value)
  }

  /** One thing a line, or with commas between; empty ones are none. */
  list(name: string): string[] {
    return this.text(name)
      .split(/[\n,]/)
      .map(line => line.trim())
      .filter(line => line !== '')
  }

  get isEmpty(): boolean {
    return this.#pairs.length === 0
  }

  get hasSecret(): boolean {
    return this.#pairs.some(([name, value]) => SECRETS.has(name) && value !== '')
  }

  /** For a form that comes back: every field but the secret ones. */
  shown(): Record<string, string> {
    return Object.fromEntries(this.#pairs.filter(([name]) => !SECRETS.has(name)))
  }

  /** For sealing: with those that have several values. */
  sealable(): FormFields {
    const fields: Record<string, string[]> = {}
    for (const [name, value] of this.#pairs)
      if (!SECRETS.has(name)) (Object.hasOwn(fields, name) ? fields : Object.assign(fields, { [name]: [] }))[name]?.push(value)
    return fields
  }
}
