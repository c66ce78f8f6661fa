/**
 * One process of ours that a supervisor starts, watches and starts again.
 *
 * Invariants: at most one runs at a time; one that dies at every start is started ever more seldom, so that the machine does not spin; one whose
 * loop hangs is killed. Only the first start may fail for good, where nobody else serves: the supervisor then does not start either.
 */
import { type ChildProcess, fork, type StdioOptions } from 'node:child_process'
import type { Socket } from 'node:net'
import { MailwicketError } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import type { FromProcess, ToProcess } from '../base/process-messages.ts'

export interface SupervisedProcessOptions {
  /** As the log names it. */
  readonly name: string
  /** The module to run. */
  readonly main: URL
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
  readonly log: Log
  /** The descriptor that its own log goes to, with what it says on stderr; those of this process unless told. */
  readonly logTo?: number | undefined
  /** It is started again also when its first start fails, of which `start` tells. */
  readonly mayFail?: boolean
  readonly on?: ProcessEvents
  /** Others than `PROCESS_LIMITS`, for tests. */
  readonly limits?: Partial<Record<keyof typeof PROCESS_LIMITS, number>>
}

/** What its owner does at each start of it. */
export interface ProcessEvents {
  /** It was started and listens to nothing yet: what is sent now waits for it. */
  readonly started?: () => void
  readonly ready?: () => void
  /** What it says that every process does not. */
  readonly message?: (message: unknown) => void
  /** It is gone. */
  readonly ended?: () => void
}

export const PROCESS_LIMITS = {
  /** Opening a store and its certificates takes a second or two, on a machine that is just starting some more. */
  startMs: 60_000,
  /** Before the next start; twice as long each time, for a process that does not stay. */
  restartMs: 500,
  longestRestartMs: 30_000,
  /** Who stayed for so long is started again at once. */
  steadyMs: 60_000,
  /** Without a heartbeat for so long its loop hangs. Far longer than any slow query or page. */
  silentMs: 30_000,
  /** After it was asked to stop. */
  stopMs: 15_000,
} as const

export class SupervisedProcess {
  readonly #options: SupervisedProcessOptions
  readonly #limits: Record<keyof typeof PROCESS_LIMITS, number>
  #child: ChildProcess | undefined
  #restart: NodeJS.Timeout | undefined
  #restartMs: number
  #isStopping = false
  #facts: Readonly<Record<string, unknown>> = {}
  #starts = 0
  #isServing = false

  constructor(options: SupervisedProcessOptions) {
    this.#options = options
    this.#limits = { ...PROCESS_LIMITS, ...options.limits }
    this.#restartMs = this.#limits.restartMs
  }

  /** What it said of itself when it last became ready. */
  get facts(): Readonly<Record<string, unknown>> {
    return this.#facts
  }

  /** How often it was started. */
  get starts(): number {
    return this.#starts
  }

  /** It said that it is ready, and has not ended since. */
  get isServing(): boolean {
    return this.#isServing
  }

  get pid(): number | undefined {
    return this.#child?.pid
  }

  /** Resolves when it serves. Throws what it could not start for; then nothing is left running. */
  start(): Promise<void> {
    return this.#run()
  }

  reload(): void {
    this.send({ kind: 'reload' } satisfies ToProcess)
  }

  /** Says something that its program understands. It is lost when the process is not there. */
  send(message: object, socket?: Socket): void {
    // The socket stays ours too: whoever takes it says so.
    if (this.#child?.connected === true) this.#child.send(message, socket, { keepOpen: true }, () => {})
  }

  /** Ends it at once; it is started again. */
  restart(): void {
    this.#child?.kill('SIGKILL')
  }

  /** At once, and for good. */
  kill(): void {
    this.#isStopping = true
    clearTimeout(this.#restart)
    this.#child?.kill('SIGKILL')
  }

  /** Lets it finish what it is at, and kills it when that takes longer than `withinMs`. */
  async stop(withinMs = this.#limits.stopMs): Promise<void> {
    this.#isStopping = true
    clearTimeout(this.#restart)
    const child = this.#child
    if (child === undefined) return
    const ended = new Promise<void>(resolve => child.once('exit', () => resolve()))
    this.send({ kind: 'stop' } satisfies ToProcess)
    const timer = setTimeout(() => child.kill('SIGKILL'), withinMs)
    await ended
    clearTimeout(timer)
  }

  #run(): Promise<void> {
    const { main, args, env, name, log, logTo, mayFail = false, on = {} } = this.#options
    const startedAt = performance.now()
    this.#starts += 1
    return new Promise((resolve, reject) => {
      // By structured clone: JSON has neither bytes nor infinity.
      const stdio: StdioOptions = ['ignore', logTo ?? 'inherit', logTo ?? 'inherit', 'ipc']
      const child = fork(main, [...args], { env: env as NodeJS.ProcessEnv, stdio, serialization: 'advanced' })
      this.#child = child
      let isReady = false
      let failure: Error | undefined
      let patience = setTimeout(() => child.kill('SIGKILL'), this.#limits.startMs)
      const hung = () => {
        log.error('process.hung', { process: name, pid: child.pid, silentMs: this.#limits.silentMs })
        child.kill('SIGKILL')
      }
      child.on('message', (message: FromProcess | { readonly kind: 'other' }) => {
        if (message.kind === 'failed') {
          failure = errorOf(message)
          return
        }
        if (message.kind !== 'ready' && message.kind !== 'alive') return on.message?.(message)
        clearTimeout(patience)
        patience = setTimeout(hung, this.#limits.silentMs)
        if (message.kind !== 'ready') return
        isReady = true
        this.#isServing = true
        this.#facts = message.facts
        log.info('process.started', { process: name, pid: child.pid, ...message.facts })
        on.ready?.()
        resolve()
      })
      child.once('error', error => {
        failure = error
      })
      on.started?.()
      child.once('close', (code, signal) => {
        clearTimeout(patience)
        this.#child = undefined
        this.#isServing = false
        on.ended?.()
        const reason = signal ?? `exit code ${code}`
        const isFirst = Object.keys(this.#facts).length === 0
        if (!isReady && isFirst) {
          reject(failure ?? new Error(`the process ${name} ended with ${reason} before it was ready`))
          if (!mayFail) return
        }
        resolve()
        this.#ended(reason, failure, performance.now() - startedAt)
      })
    })
  }

  #ended(reason: string, failure: Error | undefined, livedMs: number): void {
    if (this.#isStopping) return
    const { name, log } = this.#options
    const waitMs = livedMs > this.#limits.steadyMs ? this.#limits.restartMs : this.#restartMs
    this.#restartMs = Math.min(waitMs * 2, this.#limits.longestRestartMs)
    log.error('process.ended', { process: name, why: reason, ...(failure === undefined ? {} : { err: failure.message }), againInMs: waitMs })
    // What it fails for is told when it has ended.
    this.#restart = setTimeout(() => void this.#run().catch(() => {}), waitMs)
  }
}

function errorOf({ code, message, remedy }: Extract<FromProcess, { kind: 'failed' }>): Error {
  return code === undefined ? new Error(message) : new MailwicketError(code, { message, ...(remedy === undefined ? {} : { remedy }) })
}
