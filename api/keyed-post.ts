/**
 * A POST that makes something: with an `Idempotency-Key` it is done once, and whoever sends it again is answered with what was made, without the secret.
 *
 * Invariant: the key is taken in the transaction of the change, so that of two requests at once one makes the thing and the other sees it.
 */
import type { Context } from 'hono'
import { type ApiToken, auditActorOf } from '../management/actor.ts'
import type { UseCaseContext } from '../management/use-case.ts'
import type { OnceKey } from '../store/sign-in/once.ts'
import { RequestProblem } from './answer-problem.ts'
import type { ApiEnv } from './api-services.ts'
import { readIdempotencyKey } from './idempotency-key.ts'

export interface KeyedPost<Made, Body> {
  readonly make: (useCases: UseCaseContext) => Promise<Made>
  /** Names what was made, for `again`. */
  readonly where: (made: Made) => string
  readonly body: (made: Made) => Body
  /** What was made before, as it is now, without its secret; asked as somebody who may see what they made. */
  readonly again: (where: string, actor: ApiToken) => Promise<Body>
}

export async function makeOnce<Made, Body>(context: Context<ApiEnv>, post: KeyedPost<Made, Body>): Promise<Body> {
  const useCases = context.get('useCases')
  const key = await readKey(context)
  if (key === undefined) return post.body(await post.make(useCases))
  const actor = context.get('actor')
  const { once } = context.get('services').store.as(auditActorOf(actor))
  const before = async (): Promise<Body | undefined> => {
    const found = await once.find(key)
    if (found === undefined) return undefined
    if (found.is === 'other' || found.result === null) throw new RequestProblem(422, 'BAD_INPUT', 'keyUsed')
    return post.again(found.result, { ...actor, scopes: [...actor.scopes, 'read'] })
  }
  const known = await before()
  if (known !== undefined) return known
  try {
    return post.body(await post.make(aroundOnce(useCases, key, post.where as (made: unknown) => string)))
  } catch (error) {
    // The same request was faster: what it made is in the way of this one.
    const meanwhile = await before()
    if (meanwhile === undefined) throw error
    return meanwhile
  }
}

function aroundOnce(useCases: UseCaseContext, key: OnceKey, where: (made: unknown) => string): UseCaseContext {
  const outer = useCases.around ?? ((_, act) => act())
  return {
    ...useCases,
    around: (nouns, act) =>
      outer(nouns, async () => {
        const taken = await nouns.once.take(key)
        if (taken.is !== 'fresh') throw new RequestProblem(422, 'BAD_INPUT', 'keyUsed')
        const made = await act()
        await nouns.once.finish(key.hash, where(made))
        return made
      }),
  }
}

async function readKey(context: Context<ApiEnv>): Promise<OnceKey | undefined> {
  const header = context.req.header('idempotency-key')
  if (header === undefined) return undefined
  const { method, path } = context.req
  const body = Buffer.from(await context.req.text())
  const key = readIdempotencyKey(header, { token: context.get('token'), method, path, body })
  if (key === undefined) throw new RequestProblem(400, 'BAD_INPUT', 'key')
  return key
}
