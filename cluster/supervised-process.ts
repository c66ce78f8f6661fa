/**
 * One process of ours that a supervisor starts, watches and starts again.
 *
 * Invariants: at most one runs at a time; one that dies at every start is started ever more seldom, so that the machine does not spin; one whose
 * loop hangs is killed. Only the first start may fail for good: the supervisor then does not start either.
 */
import { type ChildProcess, fork } from 'node:child_process'
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
  /** Others than `PROCESS_LIMITS`, for tests. */
  readonly limits?: Partial<Record<keyof typeof PROCESS_LIMITS, number>>
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

  constructor(options: SupervisedProcessOptions) {
    this.#options = options
    this.#limits = { ...PROCESS_LIMITS, ...options.limits }
    this.#restartMs = this.#limits.restartMs
  }

  /** What it said of itself when it last became ready. */
  get facts(): Readonly<Record<string, unknown>> {
    return this.#facts
  }

  get pid(): number | undefined {
    return this.#child?.pid
  }

  /** Resolves when it serves. Throws what it could not start for; then nothing is left running. */
  start(): Promise<void> {
    return this.#run()
  }

  reload(): void {
    this.#tell({ kind: 'reload' })
  }

  /** Lets it finish what it is at, and kills it when that takes too long. */
  async stop(): Promise<void> {
    this.#isStopping = true
    clearTimeout(this.#restart)
    const child = this.#child
    if (child === undefined) return
    const ended = new Promise<void>(resolve => child.once('exit', () => resolve()))
    this.#tell({ kind: 'stop' })
    const timer = setTimeout(() => child.kill('SIGKILL'), this.#limits.stopMs)
    await ended
    clearTimeout(timer)
  }

  #tell(message: ToProcess): void {
    if (this.#child?.connected === true) this.#child.send(message, () => {})
  }

  #run(): Promise<void> {
    const { main, args, env, name, log, logTo } = this.#options
    const startedAt = performance.now()
    return new Promise((resolve, reject) => {
      const child = fork(main, [...args], { env: env as NodeJS.ProcessEnv, stdio: ['ignore', logTo ?? 'inherit', logTo ?? 'inherit', 'ipc'] })
      this.#child = child
      let isReady = false
      let failure: Error | undefined
      let patience = setTimeout(() => child.kill('SIGKILL'), this.#limits.startMs)
      const hung = () => {
        log.error('process.hung', { process: name, pid: child.pid, silentMs: this.#limits.silentMs })
        child.kill('SIGKILL')
      }
      child.on('message', (message: FromProcess) => {
        if (message.kind === 'failed') {
          failure = errorOf(message)
          return
        }
        clearTimeout(patience)
        patience = setTimeout(hung, this.#limits.silentMs)
        if (message.kind !== 'ready') return
        isReady = true
        this.#facts = message.facts
        log.info('process.started', { process: name, pid: child.pid, ...message.facts })
        resolve()
      })
      child.once('error', error => {
        failure = error
      })
      child.once('close', (code, signal) => {
        clearTimeout(patience)
        this.#child = undefined
        const reason = signal ?? `exit code ${code}`
        const isFirst = Object.keys(this.#facts).length === 0
        if (!isReady && isFirst) return reject(failure ?? new Error(`the process ${name} ended with ${reason} before it was ready`))
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
    this.#restart = setTimeout(() => void this.#run(), waitMs)
  }
}

function errorOf({ code, message, remedy }: Extract<FromProcess, { kind: 'failed' }>): Error {
  return code === undefined ? new Error(message) : new MailwicketError(code, { message, ...(remedy === undefined ? {} : { remedy }) })
}
