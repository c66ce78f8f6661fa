/**
 * Who speaks at the API: the owner of the token in `Authorization: Bearer mwt_…`, for as much as the token says.
 *
 * SECURITY: unknown, ended, revoked, of somebody who is blocked, and from a network that the token does not name: one answer. No cookie counts here.
 */
import { isInNetworks, parseCidr } from '../base/network.ts'
import { Secret } from '../base/secret.ts'
import type { ApiToken as TokenActor } from '../management/actor.ts'
import type { OpenedStore } from '../store/open-store.ts'
import type { RequestRate } from './request-rate.ts'

/** Counts wrong tokens with the wrong passwords of their block. */
export interface TokenLimiter<Attempt extends { readonly retryAfterSeconds: number | undefined }> {
  admit(ip: string, account: undefined): Promise<Attempt>
  wrong(attempt: Attempt, secret: Secret): Promise<number>
}

export interface TokenServices<Attempt extends { readonly retryAfterSeconds: number | undefined }> {
  readonly store: Pick<OpenedStore, 'as'>
  readonly limiter: TokenLimiter<Attempt>
  readonly rate: RequestRate
}

export type TokenAccess =
  | { readonly is: 'token'; readonly actor: TokenActor; readonly id: string }
  /** 401: there is no token, or none that counts here. */
  | { readonly is: 'unknown' }
  /** 429 with Retry-After. */
  | { readonly is: 'limited'; readonly retryAfterSeconds: number }

/** RFC 6750 §2.1: the scheme is compared without case, one space, then the token. */
const BEARER = /^bearer (mwt_[\w-]{43})$/i

/** `authorization` as the request has it. Throws STORE_UNAVAILABLE. */
export async function findTokenActor<Attempt extends { readonly retryAfterSeconds: number | undefined }>(
  { store, limiter, rate }: TokenServices<Attempt>,
  authorization: string | undefined,
  ip: string,
): Promise<TokenAccess> {
  if (authorization === undefined) return { is: 'unknown' }
  const attempt = await limiter.admit(ip, undefined)
  if (attempt.retryAfterSeconds !== undefined) return { is: 'limited', retryAfterSeconds: attempt.retryAfterSeconds }
  const { apiTokens } = store.as({ name: '', source: `api ${ip}` })
  const secret = Secret.fromText(BEARER.exec(authorization)?.[1] ?? authorization)
  const token = BEARER.test(authorization) ? await apiTokens.find(secret) : undefined
  if (token === undefined || !(token.allowFrom.length === 0 || isInNetworks(ip, token.allowFrom.map(parseCidr)))) {
    await limiter.wrong(attempt, secret)
    return { is: 'unknown' }
  }
  const retryAfterSeconds = rate.take(token.id)
  if (retryAfterSeconds !== undefined) return { is: 'limited', retryAfterSeconds }
  await apiTokens.used(token, ip)
  const { id, userId, user, scopes, domains, beginning } = token
  return { is: 'token', id, actor: { kind: 'token', user: userId, login: user, scopes, domains, source: `api ${ip} ${beginning}…` } }
}
