/**
 * What a form makes, it makes once: its token is taken in the transaction that makes the thing. A second request (two clicks, a connection that broke)
 * is led to the page of what the first one made, without a secret.
 */
import type { UseCaseContext } from '../../management/use-case.ts'
import type { OnceKey } from '../../store/sign-in/once.ts'
import { makeFormToken, readFormToken } from '../sign-in/form-token.ts'
import { nowOf, type SignedInRequest } from './page-request.ts'

/** It was sent before. `to`: the page of the result. */
export class DoneBefore extends Error {
  readonly to: string | null

  constructor(to: string | null) {
    super('this form was carried out before')
    this.to = to
  }
}

/** A form without its token, or with one of another place or time. */
export class NoFormToken extends Error {}

/** For the hidden field `once` of a form that is posted to `action`. */
export function onceFor(request: SignedInRequest, action: string): string {
  const { services, session } = request
  return makeFormToken(services.signIn.keyring, { session: session.id, route: action }, nowOf(request))
}

/** Before anything else is looked at: what the first request made would be in the way of the second. Throws NoFormToken, DoneBefore. */
export async function checkOnce(request: SignedInRequest): Promise<void> {
  const { services, actor } = request
  const before = await services.store.as({ name: actor.login, source: actor.source }).once.find(keyOf(request))
  if (before !== undefined) throw new DoneBefore(before.is === 'done' ? before.result : null)
}

function keyOf(request: SignedInRequest): OnceKey {
  const { services, session, form, path } = request
  const key = readFormToken(services.signIn.keyring, form.text('once'), { session: session.id, route: path }, nowOf(request))
  if (key === undefined) throw new NoFormToken()
  return key
}

/** The context of the one change of this request. `where`: the page of what it makes. Throws NoFormToken; the change throws DoneBefore. */
export function onceOnly<Result>(request: SignedInRequest, where: (result: Result) => string): UseCaseContext {
  const { context } = request
  const key = keyOf(request)
  const outer = context.around ?? ((_, act) => act())
  return {
    ...context,
    around: (nouns, act) =>
      outer(nouns, async () => {
        const taken = await nouns.once.take(key)
        if (taken.is !== 'fresh') throw new DoneBefore(taken.is === 'done' ? taken.result : null)
        const result = await act()
        await nouns.once.finish(key.hash, where(result as unknown as Result))
        return result
      }),
  }
}
