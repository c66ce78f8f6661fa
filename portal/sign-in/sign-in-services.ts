/**
 * What signing in works with. Nothing here knows HTTP: a route hands in what it read, and shows what it gets.
 */
import type { SecondFactorPolicy } from '../../config/config.ts'
import type { Keyring } from '../../store/keys/master-key.ts'
import type { OpenedStore } from '../../store/open-store.ts'
import type { PasswordHasher } from '../../store/passwords/password-hash.ts'
import type { SignInLimiter } from './sign-in-limiter.ts'

export interface SignInServices {
  readonly store: Pick<OpenedStore, 'as'>
  readonly keyring: Keyring
  readonly hasher: Pick<PasswordHasher, 'hash' | 'verify'>
  readonly limiter: SignInLimiter
  readonly policy: () => SecondFactorPolicy
  /** The origin that people type. */
  readonly url: string
  /** Milliseconds since 1970, UTC. */
  readonly now: () => number
  readonly wait: (ms: number) => Promise<void>
}

/** Where a request came from. */
export interface Client {
  readonly ip: string
  readonly agent: string
  /** When the request was there, by the clock of the services. */
  readonly receivedAt: number
}

/** `limited`: too many wrong ones; nothing was checked. */
export interface Limited {
  readonly is: 'limited'
  readonly retryAfterSeconds: number
}

/** SECURITY: one answer, after the same time, for a wrong password, an unknown login, a blocked person. */
export interface Wrong {
  readonly is: 'wrong'
}

export function sourceOf({ ip }: Pick<Client, 'ip'>): string {
  return `portal ${ip}`
}
