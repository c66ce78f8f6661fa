/**
 * Who asks for something: the operator of the command line, a person of the portal, or a script with a person's API token.
 * Who it is was proved before (by the shell, at the sign-in, by the token); what they may is decided in `permissions.ts`, afresh for every act.
 */
import type { UserId } from '../base/ids.ts'
import type { TokenScope } from '../store/schema/rights-and-scopes.ts'
import type { Actor as AuditActor } from '../store/store-context.ts'

export interface Operator {
  readonly kind: 'operator'
  /** Owner of the process, as the audit calls them. */
  readonly name: string
  /** From where, in the audit's words. */
  readonly source: string
}

export interface Person {
  readonly kind: 'person'
  readonly user: UserId
  readonly login: string
  readonly source: string
}

export interface ApiToken {
  readonly kind: 'token'
  /** Whose token it is: it never does more than they may at that moment. */
  readonly user: UserId
  readonly login: string
  readonly scopes: readonly TokenScope[]
  /** Nothing outside of these; empty: all that the owner may. */
  readonly domains: readonly string[]
  readonly source: string
}

export type Actor = Operator | Person | ApiToken

/** As the audit records it. */
export function auditActorOf(actor: Actor): AuditActor {
  return { name: actor.kind === 'operator' ? actor.name : actor.login, source: actor.source }
}
