/**
 * The order in which the forms of a login are tried at one server, for both protocols: the next form when the server did not understand, or
 * refused without a clear word; never another one after a clear "wrong password". What worked is remembered per server, in memory.
 */
import { MailwicketError } from '../base/errors.ts'
import type { ReplyClass } from './reply-classes.ts'
import { UpstreamFailure } from './upstream-failure.ts'

export interface LoginTry<Value> {
  readonly outcome: ReplyClass | 'in'
  /** Set when it is `in`. */
  readonly value?: Value
  /** The server's words, for the log. */
  readonly text: string
  /** Whether the secret had left before the reply: one that comes earlier speaks of the form. */
  readonly hasSpoken: boolean
  /** What the kind of reply speaks of by itself: a BAD of the form, a NO of the login. */
  readonly blames: 'form' | 'login'
}

/** The forms, the best first. */
export type LoginTries<Connection, Form extends string, Value> = readonly {
  readonly form: Form
  readonly run: (connection: Connection) => Promise<LoginTry<Value>>
}[]

/** Which form worked last at one server; as long as the configuration is not read anew. */
export interface LoginMemory {
  worked: string | undefined
}

/**
 * The connection that is logged in, and what came with it. `reopen` gives a fresh connection, for a server that leaves after a form that it
 * did not understand; the old one is closed by then. Throws UpstreamFailure `says-unavailable`, `refused-us`, and what a try throws.
 */
export async function tryForms<Connection, Form extends string, Value>(
  tries: LoginTries<Connection, Form, Value>,
  memory: LoginMemory,
  first: Connection,
  reopen: () => Promise<Connection>,
): Promise<{ readonly connection: Connection; readonly value: Value }> {
  const known = memory.worked
  let connection = first
  let hasFailedHere = false
  let refusal: LoginTry<Value> | undefined
  for (const { form, run } of inOrder(tries, known)) {
    let attempt: LoginTry<Value>
    try {
      attempt = await run(connection)
    } catch (error) {
      if (!hasFailedHere || !hasLeft(error)) throw error
      connection = await reopen()
      attempt = await run(connection)
    }
    if (attempt.outcome === 'in') {
      memory.worked = form
      return { connection, value: attempt.value as Value }
    }
    if (attempt.outcome === 'temporary') throw new UpstreamFailure('says-unavailable', attempt.text)
    // Others get in by the form that is known: what is refused now is this login.
    const isClear = attempt.outcome === 'refused' || (form === known && attempt.blames === 'login')
    if (isClear && attempt.hasSpoken) throw new UpstreamFailure('refused-us', attempt.text)
    hasFailedHere = true
    if (refusal === undefined || (refusal.blames === 'form' && attempt.blames === 'login')) refusal = attempt
  }
  throw new UpstreamFailure('refused-us', refusal?.text ?? 'no form of login was tried')
}

function inOrder<Entry extends { readonly form: string }>(tries: readonly Entry[], worked: string | undefined): readonly Entry[] {
  const known = tries.find(({ form }) => form === worked)
  return known === undefined ? tries : [known, ...tries.filter(one => one !== known)]
}

/** It closed the connection, with or without a word. */
function hasLeft(error: unknown): boolean {
  if (error instanceof UpstreamFailure) return error.reason === 'closed' || error.reason === 'says-unavailable'
  return error instanceof MailwicketError && error.code === 'WIRE_CLOSED'
}
