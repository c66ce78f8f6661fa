/**
 * Migration password (architecture §3): a secret that is no device's is tried at the upstream, as the mailbox's own password there.
 *
 * Whether it is right, only the upstream says, anew at every login; the connection that it accepted becomes the session's.
 * SECURITY: our own credentials are never used here, and nothing that looks like one of our app passwords leaves for the upstream.
 * Every refusal costs the upstream a failed login from our address, so the same wrong secret is not repeated and few are on their way at a time.
 */

import { MailwicketError } from '../../base/errors.ts'
import type { Endpoint } from '../../base/network.ts'
import { orAborted } from '../../base/or-aborted.ts'
import type { Secret } from '../../base/secret.ts'
import { resemblesGenerated } from '../../store/passwords/app-password.ts'
import type { LoginDevice, LoginMailbox } from '../../store/schema/login-record.ts'
import { isDeadline, UpstreamFailure } from '../../upstream/upstream-failure.ts'
import { LIMITS, type Limits } from '../limits.ts'
import { Machine, type MigrationAnswer } from '../machine/machine.ts'
import type { MigrationOffer } from './authenticate.ts'
import { MigrationGate } from './migration-gate.ts'
import { MigrationMemory, type MigrationMemoryKey } from './migration-memory.ts'
import { UNMATCHABLE } from './sasl.ts'

/** What became of the offer. */
export type MigrationProof<Upstream> =
  /** The upstream let it in: nobody has to log in there once more. */
  | { readonly device: LoginDevice; readonly mailbox: LoginMailbox; readonly generation: number; readonly upstream: Upstream }
  /** `migrationRefusal`: for the log, why the secret was not accepted as the migration password either. */
  | { readonly refused: 'wrong-secret'; readonly device?: undefined; readonly migrationRefusal: string }

/** An upstream connection, as far as we may have to get rid of it. */
export interface Closable {
  readonly socket: { destroy(): unknown }
}

export interface MigrationTry<Upstream> {
  readonly protocol: 'imap' | 'submission'
  /** Who says whether it is right; a reload may name another one. */
  readonly server: Endpoint | undefined
  readonly signal: AbortSignal
  /** `onSent` is to be called when the secret leaves for the upstream. */
  readonly connect: (signal: AbortSignal, onSent: () => void) => Promise<Upstream>
  /** The secret has left for the upstream, which refused it or told nothing. Called also when nobody waits for it any more. */
  readonly onTried: (outcome: 'refused' | 'unknown') => Promise<void>
}

type Deadlines = Pick<Limits, 'upstreamLoginMs' | 'migrationAnswerMs'>

export interface MigrationLoginsOptions {
  readonly memory?: MigrationMemory
  readonly limits?: Deadlines
  readonly machine?: Machine
}

export class MigrationLogins {
  readonly #memory: MigrationMemory
  readonly #limits: Deadlines
  readonly #unproved: MigrationGate
  /** Guesses must not keep those waiting whose secret was right a moment ago. */
  readonly #proved: MigrationGate
  /** Unproved secrets that are being tried; the same secret again waits for the answer. */
  readonly #pending = new Map<MigrationMemoryKey, Promise<void>>()

  constructor({ memory, limits = LIMITS, machine = new Machine() }: MigrationLoginsOptions = {}) {
    const onRecorded = (...answer: MigrationAnswer) => machine.answered(answer)
    this.#memory = memory ?? new MigrationMemory({ key: machine.keyFor('migration passwords'), onRecorded })
    machine.onMigration(answers => {
      for (const [key, answer] of answers) this.#memory.learn(key as MigrationMemoryKey, answer)
    })
    this.#unproved = new MigrationGate(LIMITS.migrationTries, 'migration tries', machine.counts)
    this.#proved = new MigrationGate(LIMITS.migrationLogins, 'migration logins', machine.counts)
    this.#limits = limits
  }

  async tryLogin<Upstream extends Closable>(
    { device, mailbox, generation, secret }: MigrationOffer,
    attempt: MigrationTry<Upstream>,
  ): Promise<MigrationProof<Upstream>> {
    const unfit = findUnfit(secret)
    if (unfit !== undefined) return { refused: 'wrong-secret', migrationRefusal: unfit }
    const key = this.#memory.keyOf(attempt, mailbox, secret)
    try {
      const upstream = await this.#connect(key, mailbox, attempt)
      return upstream === undefined
        ? { refused: 'wrong-secret', migrationRefusal: 'refused by the upstream a moment ago' }
        : { device, mailbox, generation, upstream }
    } catch (error) {
      // The upstream spoke of the user's password, not of ours: no reason to call the administrator.
      if (!isRefusal(error)) throw error
      return { refused: 'wrong-secret', migrationRefusal: `the upstream says: ${error.detail}` }
    }
  }

  /** Undefined: it is known to be wrong. No await between the look at what is pending and the entry there. */
  async #connect<Upstream extends Closable>(key: MigrationMemoryKey, { id }: LoginMailbox, attempt: MigrationTry<Upstream>): Promise<Upstream | undefined> {
    const { signal } = attempt
    const connect = () => this.#recording(key, attempt)
    const drop = (late: Promise<Upstream>) =>
      void late.then(
        ({ socket }) => socket.destroy(),
        () => {},
      )
    for (;;) {
      const known = this.#memory.recall(key)
      if (known === 'refused') return undefined
      if (known === 'accepted') return orAborted(this.#proved.run(id, signal, connect), signal, drop)
      const pending = this.#pending.get(key)
      if (pending === undefined)
        return orAborted(
          this.#alone(key, () => this.#unproved.run(id, signal, connect)),
          signal,
          drop,
        )
      await orAborted(pending, signal, () => {})
    }
  }

  async #alone<Upstream>(key: MigrationMemoryKey, connect: () => Promise<Upstream>): Promise<Upstream> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#pending.set(key, promise)
    try {
      return await connect()
    } finally {
      this.#pending.delete(key)
      resolve()
    }
  }

  /**
   * SECURITY: it goes on when the client leaves, and keeps its place in the gate; and behind the login's deadline, once the secret is on its way.
   * What the upstream says must be known, or guesses could be sent there without end by not waiting for a server that takes its time to refuse them.
   */
  async #recording<Upstream>(key: MigrationMemoryKey, { signal, connect, onTried }: MigrationTry<Upstream>): Promise<Upstream> {
    const controller = new AbortController()
    let wasSent = false
    const abort = (reason: unknown) => {
      if (isClientGone(reason) || (isDeadline(reason) && wasSent)) return
      controller.abort(reason)
    }
    const onAbort = () => abort(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
    // Also where the client is gone, and its login's deadline with it.
    const deadline = setTimeout(() => abort(new UpstreamFailure('timeout', 'no login in time')), this.#limits.upstreamLoginMs)
    const lastCall = setTimeout(() => controller.abort(new UpstreamFailure('timeout', 'no answer to a login')), this.#limits.migrationAnswerMs)
    try {
      const upstream = await connect(controller.signal, () => {
        wasSent = true
      })
      this.#memory.record(key, 'accepted')
      return upstream
    } catch (error) {
      if (isRefusal(error)) this.#memory.record(key, 'refused')
      if (wasSent) await onTried(isRefusal(error) ? 'refused' : 'unknown')
      throw error
    } finally {
      clearTimeout(deadline)
      clearTimeout(lastCall)
      signal.removeEventListener('abort', onAbort)
    }
  }
}

/** The client left, and nothing failed. */
function isClientGone(error: unknown): boolean {
  return error instanceof MailwicketError && error.kind === 'client'
}

function isRefusal(error: unknown): error is UpstreamFailure {
  return error instanceof UpstreamFailure && error.reason === 'refused-us'
}

/** What is never tried at an upstream, and why. */
function findUnfit(secret: Secret): string | undefined {
  if (secret === UNMATCHABLE || secret.byteLength === 0) return 'not tried: it is empty or no text'
  // RFC 4616 §2: a server must take 255 octets; what is longer, no server promises to take.
  if (secret.byteLength > LIMITS.migrationSecretBytes) return 'not tried: it is too long'
  return resemblesGenerated(secret) ? 'not tried: it looks like an app password' : undefined
}
