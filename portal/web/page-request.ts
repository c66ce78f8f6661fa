/**
 * A request as a page sees it: read, bounded and, behind the sign-in, with who it is and what they can get at. Plain data: a form that waited for a
 * confirmation is the same request once more.
 */
import type { Secret } from '../../base/secret.ts'
import type { Person } from '../../management/actor.ts'
import type { Reach } from '../../management/permissions.ts'
import type { UseCaseContext } from '../../management/use-case.ts'
import type { SignedIn } from '../../store/sign-in/portal-sessions.ts'
import type { Messages } from '../messages/en.ts'
import type { Client } from '../sign-in/sign-in-services.ts'
import type { PageContext } from '../views/page-context.ts'
import type { RequestCookies } from './cookies.ts'
import type { FormValues } from './form-values.ts'
import type { PortalServices } from './portal-services.ts'

export interface PageRequest {
  readonly services: PortalServices
  readonly method: 'GET' | 'POST'
  /** As it was asked: percent-encoded, without the query. */
  readonly path: string
  /** Decoded; a name that the route does not have is ''. */
  param(name: string): string
  readonly query: URLSearchParams
  readonly form: FormValues
  /** Of a request whose body is JSON: the passkey ceremonies. */
  readonly json: Readonly<Record<string, unknown>>
  /** What a browser sends by itself when a button is pressed. */
  readonly isForm: boolean
  /** What a script of ours asked for. */
  readonly accept: 'html' | 'json'
  /** A page of ours led here, or somebody typed the address. */
  readonly isOwnPage: boolean
  readonly client: Client
  readonly cookies: RequestCookies
  readonly m: Messages
  readonly page: PageContext
  /** Carries out what waited for a confirmation, as this request. */
  readonly resume: (request: SignedInRequest, waiting: Waiting) => Promise<Response>
  /** Where the form that waits is shown. */
  readonly formOf: (waiting: Waiting) => string
  /** What was typed into this page's form before the session was over. */
  readonly kept?: FormValues | undefined
}

/** Of somebody who is signed in, whose turn it is. */
export interface SignedInRequest extends PageRequest {
  readonly session: SignedIn
  readonly token: Secret
  readonly actor: Person
  readonly reach: Reach
  readonly context: UseCaseContext
}

/** The request that a confirmation holds up. */
export interface Waiting {
  readonly method: 'GET' | 'POST'
  /** With its query. */
  readonly path: string
  readonly form: FormValues
}

export type VisitorHandler = (request: PageRequest) => Promise<Response>
export type Handler = (request: SignedInRequest) => Promise<Response>

/** As it was asked, with its query. */
export const askedAt = ({ path, query }: PageRequest): string => (query.size === 0 ? path : `${path}?${query}`)

/** The times by which a request is judged. */
export const nowOf = ({ services }: PageRequest): number => services.signIn.now()
