/**
 * The gateway workers of a supervisor: started, fed with connections and news, asked and reloaded together.
 *
 * Invariants: a connection goes only to a worker that says that it serves; a reload is in force in all workers or in none.
 */
import { randomBytes } from 'node:crypto'
import type { Socket } from 'node:net'
import { MailwicketError } from '../base/errors.ts'
import { makeId, type NodeId } from '../base/ids.ts'
import type { Log } from '../base/log.ts'
import { makeTicketKeys, TICKET_KEY_MS } from '../certs/certificates.ts'
import type { Config } from '../config/config.ts'
import { Rejected } from '../gateway/lifecycle/reload.ts'
import type { Accepted } from '../gateway/listen/listener.ts'
import { Dispatcher, type Handing } from './dispatcher.ts'
import { NewsExchange } from './news-exchange.ts'
import { SupervisedProcess, type SupervisedProcessOptions } from './supervised-process.ts'
import type { FromWorker, Report, ToWorker } from './worker-messages.ts'

export interface WorkerPoolOptions {
  readonly config: Config
  readonly workers: number
  readonly env: Readonly<Record<string, string | undefined>>
  readonly log: Log
  readonly isReadable: boolean
  /** As for `SupervisedProcess`. */
  readonly logTo?: number | undefined
  /** The module that workers run; for tests another one. */
  readonly main?: URL
  /** As for `SupervisedProcess`, for tests. */
  readonly limits?: SupervisedProcessOptions['limits']
}

/** `.ts` in a checkout, `.js` once built: the worker's main has the ending of this file. */
const WORKER_MAIN = new URL(`./worker-main${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url)
/** A worker whose loop turns answers within milliseconds. */
const REPORT_MS = 1_000
/** Reading certificates and secrets from a slow disk. */
const PREPARE_MS = 15_000

type Ask = { readonly kind: 'report' } | { readonly kind: 'prepare'; readonly config: Config }

/** One worker, whichever process it is at the moment. */
export interface PooledWorker {
  readonly number: number
  readonly process: SupervisedProcess
  state: 'down' | 'starting' | 'serving' | 'draining'
  /** What it told last. */
  last: Report | undefined
}

export class WorkerPool {
  readonly node = makeId<NodeId>()
  readonly workers: readonly PooledWorker[]
  readonly #options: WorkerPoolOptions
  readonly #dispatcher = new Dispatcher()
  readonly #news = new NewsExchange<PooledWorker>((worker, news) => say(worker, { kind: 'news', news }))
  readonly #receivers = new Map<PooledWorker, { hand(handing: Handing): void }>()
  readonly #asked = new Map<number, { readonly of: PooledWorker; readonly answer: (message: FromWorker | undefined) => void }>()
  readonly #key = randomBytes(32)
  readonly #rotation: NodeJS.Timeout
  #ticketKeys = makeTicketKeys()
  #lastId = 0
  #cut = 0
  #config: Config
  /** Told of what a worker counted that is no more. */
  onEnded: (last: Report) => void = () => {}

  constructor(options: WorkerPoolOptions) {
    this.#options = options
    this.#config = options.config
    this.workers = Array.from({ length: options.workers }, (_, index) => this.#make(index + 1))
    this.#rotation = setInterval(() => this.#changeTicketKeys(), TICKET_KEY_MS).unref()
  }

  /** Resolves when at least one serves and none of the others is still at its first start. Throws what the first of them fails for when all fail. */
  async start(): Promise<void> {
    const results = await Promise.allSettled(this.workers.map(({ process }) => process.start()))
    if (results.some(({ status }) => status === 'fulfilled')) return
    this.kill()
    throw (results[0] as PromiseRejectedResult).reason
  }

  connected(socket: Socket, accepted: Accepted): void {
    this.#dispatcher.connected({ socket, accepted })
  }

  /** What each worker tells, or told last; undefined: nothing yet. `isFresh`: it has just told it. */
  async report(): Promise<{ readonly worker: PooledWorker; readonly isFresh: boolean; readonly report: Report | undefined }[]> {
    return Promise.all(
      this.workers.map(async worker => {
        const answer = worker.state === 'serving' ? await this.#ask(worker, { kind: 'report' }, REPORT_MS) : undefined
        if (answer?.kind === 'reported') worker.last = answer
        return { worker, isFresh: answer !== undefined, report: worker.last }
      }),
    )
  }

  /** Throws Rejected when a worker cannot do with it; then it is in force nowhere. What it gives puts it in force in all. */
  async prepareReload(config: Config): Promise<() => void> {
    const serving = this.workers.filter(({ state }) => state === 'serving')
    const answers = await Promise.all(serving.map(async worker => ({ worker, answer: await this.#ask(worker, { kind: 'prepare', config }, PREPARE_MS) })))
    const prepared = answers.flatMap(({ worker, answer }) => (answer?.kind === 'prepared' ? [{ worker, problems: answer.problems }] : []))
    const problems = prepared.flatMap(({ problems }) => problems)
    if (problems.length > 0) {
      this.abandonReload()
      throw new Rejected(problems.map(message => new MailwicketError('CONFIG_INVALID', { message })))
    }
    return () => {
      this.#config = config
      for (const worker of this.workers) {
        if (prepared.some(one => one.worker === worker)) say(worker, { kind: 'commit' })
        // It began with what was in force before, or hangs.
        else if (worker.state !== 'draining') worker.process.restart()
      }
    }
  }

  abandonReload(): void {
    for (const worker of this.workers) say(worker, { kind: 'abandon' })
  }

  /** Lets the sessions of all go; gives how many were cut at the end. */
  async stop(withinMs: number): Promise<number> {
    clearInterval(this.#rotation)
    await Promise.all(this.workers.map(({ process }) => process.stop(withinMs)))
    this.#dispatcher.close()
    return this.#cut
  }

  /** At once. */
  kill(): void {
    clearInterval(this.#rotation)
    for (const { process } of this.workers) process.kill()
  }

  #make(number: number): PooledWorker {
    const { env, log, logTo, main = WORKER_MAIN, limits = {} } = this.#options
    const on = {
      started: () => this.#begin(worker),
      ready: () => this.#serves(worker),
      message: (message: unknown) => this.#heard(worker, message as FromWorker),
      ended: () => this.#ended(worker),
    }
    const name = `worker-${number}`
    const process = new SupervisedProcess({ name, main, args: [], env, log, logTo, mayFail: true, on, limits })
    const worker: PooledWorker = { number, process, state: 'down', last: undefined }
    this.#receivers.set(worker, { hand: ({ socket, accepted }) => say(worker, { kind: 'connection', accepted }, socket) })
    return worker
  }

  #begin(worker: PooledWorker): void {
    const { number, process } = worker
    worker.state = 'starting'
    const { workers, isReadable } = this.#options
    say(worker, {
      kind: 'begin',
      worker: number,
      workers,
      config: this.#config,
      node: `${this.node}-${number}` as NodeId,
      // One look through the store is enough.
      isFirst: number === 1 && process.starts === 1,
      key: this.#key,
      ticketKeys: this.#ticketKeys,
      news: this.#news.join(worker),
      isReadable,
    })
  }

  #serves(worker: PooledWorker): void {
    worker.state = 'serving'
    // What changed while it started.
    say(worker, { kind: 'ticket-keys', keys: this.#ticketKeys })
    const receiver = this.#receivers.get(worker)
    if (receiver !== undefined) this.#dispatcher.join(receiver)
  }

  #heard(worker: PooledWorker, message: FromWorker): void {
    const receiver = this.#receivers.get(worker)
    switch (message.kind) {
      case 'taken':
        return receiver && this.#dispatcher.taken(receiver)
      case 'draining':
        worker.state = 'draining'
        return receiver && this.#dispatcher.pause(receiver)
      case 'drained':
        this.#cut += message.cut
        return
      case 'news':
        return this.#news.heard(worker, message.news)
      case 'prepared':
      case 'reported':
        return this.#asked.get(message.id)?.answer(message)
    }
  }

  #ended(worker: PooledWorker): void {
    const receiver = this.#receivers.get(worker)
    worker.state = 'down'
    if (receiver !== undefined) this.#dispatcher.leave(receiver)
    this.#news.leave(worker)
    for (const { of, answer } of [...this.#asked.values()]) if (of === worker) answer(undefined)
    if (worker.last !== undefined) this.onEnded(worker.last)
    worker.last = undefined
  }

  #ask(worker: PooledWorker, ask: Ask, withinMs: number): Promise<FromWorker | undefined> {
    const id = ++this.#lastId
    return new Promise(resolve => {
      const answer = (message: FromWorker | undefined) => {
        clearTimeout(timer)
        this.#asked.delete(id)
        resolve(message)
      }
      const timer = setTimeout(() => answer(undefined), withinMs)
      this.#asked.set(id, { of: worker, answer })
      say(worker, { ...ask, id })
    })
  }

  #changeTicketKeys(): void {
    this.#ticketKeys = makeTicketKeys()
    for (const worker of this.workers) say(worker, { kind: 'ticket-keys', keys: this.#ticketKeys })
  }
}

function say({ process }: PooledWorker, message: ToWorker, socket?: Socket): void {
  process.send(message, socket)
}
