/** What every view gets beside its own model: who reads, in which language and zone, what stands around the page. Plain data, made once a request. */

import type { Html } from '../html.ts'
import type { Formats } from '../messages/formats.ts'
import type { Language } from '../messages/languages.ts'
import type { AssetName } from './asset-names.ts'

export interface PageContext {
  readonly language: Language
  readonly formats: Formats
  /** The address of a style sheet or script of ours, with its hash. */
  asset(name: AssetName): string
  /** The name that apps connect to, at the foot of every page: mail.example.test */
  readonly host: string
  /** Path and query of this page: where the choice of another language comes back to. Undefined: it has a token in it, and chooses by its own query. */
  readonly path: string | undefined
  /** The pages for those who get a device. Undefined: no link. */
  readonly helpUrl?: string | undefined
  /** Undefined: nobody is signed in (these pages are drawn without the frame). */
  readonly reader?: Reader | undefined
  /** What the last form did; shown once, at the top. */
  readonly flash?: Flash | undefined
}

export interface Reader {
  readonly name: string
  readonly login: string
  /** In this order; only what the reader may open. */
  readonly navigation: readonly NavigationEntry[]
}

export type Place = 'services' | 'mailboxes' | 'people' | 'invitations' | 'activity' | 'account'

export interface NavigationEntry {
  readonly place: Place
  /** Left out where counting would be slow, or says nothing. */
  readonly count?: number | undefined
}

export interface Flash {
  readonly tone: 'ok' | 'warn' | 'bad'
  /** From `messages.done` or `messages.problems`. */
  readonly text: Html | string
}

/**
 * A form as it is shown again: what was typed, what was wrong with it, and what guards it. Empty (`{}`) for one that is shown first.
 *
 * Passwords never come back.
 */
export interface FormState<Field extends string = string> {
  readonly values?: Partial<Readonly<Record<Field, string>>> | undefined
  /** By field, in the reader's language, from `messages.problems`. */
  readonly errors?: Partial<Readonly<Record<Field, string>>> | undefined
  /** What is wrong with all of it, from `messages.problems`: another one changed the row meanwhile, the server said no. */
  readonly problem?: Html | string | undefined
  /** Token that lets the form be carried out once; hidden field `once`. */
  readonly once?: string | undefined
  /** Version of the row that the form shows; hidden field `version`. */
  readonly version?: string | number | undefined
  /** This reader has not confirmed within five minutes: the next page asks. Buttons stay what they are, a line under them says it. */
  readonly confirmNeeded?: boolean | undefined
}
