/**
 * A gateway worker: the mail service over connections that the supervisor accepted, in the supervisor's words (worker-messages.ts).
 */
import type { Socket } from 'node:net'
import type { LevelledLog } from '../base/log.ts'
import { findProblems } from '../gateway/lifecycle/reload.ts'
import type { Limits } from '../gateway/limits.ts'
import { Machine } from '../gateway/machine/machine.ts'
import { type MailService, openMailService } from '../gateway/mail-service.ts'
import type { Begin, FromWorker, ToWorker } from './worker-messages.ts'

export interface WorkerOptions {
  readonly begin: Begin
  /** The environment, for the master key. */
  readonly env: Readonly<Record<string, string | undefined>>
  readonly log: LevelledLog
  /** To the supervisor. */
  readonly tell: (message: FromWorker) => void
  /** Other ones than `LIMITS`, for tests. */
  readonly limits?: Limits
}

export class Worker {
  readonly #service: MailService
  readonly #machine: Machine
  readonly #log: LevelledLog
  readonly #tell: (message: FromWorker) => void
  #prepared: (() => void) | undefined
  #stopped: Promise<number> | undefined

  private constructor(service: MailService, machine: Machine, { log, tell }: WorkerOptions) {
    this.#service = service
    this.#machine = machine
    this.#log = log
    this.#tell = tell
  }

  /** Throws what the mail service throws. */
  static async start(options: WorkerOptions): Promise<Worker> {
    const { begin, env, log, tell, limits } = options
    const { workers, key, ticketKeys, node, isFirst } = begin
    const machine = new Machine({ workers, key, ticketKeys: Buffer.from(ticketKeys), send: news => tell({ kind: 'news', news }) })
    machine.hear(begin.news)
    const service = await openMailService({ config: begin.config, env, log, limits, machine, node: { node, isFirst } })
    service.metrics.addProcess()
    service.start()
    return new Worker(service, machine, options)
  }

  /** Whether it does what it is there for; a loop that hangs does not even say so. */
  isAlive(): boolean {
    return this.#service.isAlive()
  }

  hear(message: ToWorker, socket?: Socket): void {
    switch (message.kind) {
      case 'connection':
        this.#tell({ kind: 'taken' })
        // The client may have gone on its way here.
        if (socket === undefined) return
        socket.allowHalfOpen = true
        return this.#service.serveConnection(socket, message.accepted)
      case 'news':
        return this.#machine.hear(message.news)
      case 'ticket-keys':
        return this.#service.certificates.useTicketKeys(Buffer.from(message.keys))
      case 'prepare':
        return void this.#prepare(message)
      case 'commit':
        this.#prepared?.()
        this.#prepared = undefined
        return this.#log.setLevel(this.#service.config.logLevel)
      case 'abandon':
        this.#prepared = undefined
        return
      case 'report':
        return void this.#report(message.id)
    }
  }

  /** Lets every session go within the drain time and closes everything; gives how many were cut at its end. */
  stop(): Promise<number> {
    this.#stopped ??= this.#drain()
    return this.#stopped
  }

  async #drain(): Promise<number> {
    const service = this.#service
    this.#tell({ kind: 'draining' })
    service.stopAdmitting()
    this.#log.info('stopping', { sessions: service.sessions, drainSeconds: service.config.drainSeconds })
    const cut = await service.drain()
    await service.close()
    this.#log.info('stopped', { cut })
    return cut
  }

  async #prepare({ id, config }: Extract<ToWorker, { kind: 'prepare' }>): Promise<void> {
    try {
      this.#prepared = await this.#service.prepareReload(config)
      this.#tell({ kind: 'prepared', id, problems: [] })
    } catch (error) {
      this.#tell({ kind: 'prepared', id, problems: findProblems(error, this.#log) })
    }
  }

  async #report(id: number): Promise<void> {
    const metrics = await this.#service.metrics.figures()
    const { sessions, certificates } = this.#service
    this.#tell({ kind: 'reported', id, metrics, health: this.#service.health(), sessions, certificateDaysLeft: certificates.daysLeft() })
  }
}
