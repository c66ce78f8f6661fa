/**
 * What systemd is told of us (sd_notify(3)): ready, reloading, stopping, and that we are alive. Without NOTIFY_SOCKET nobody is told anything.
 *
 * Node has no datagram sockets of the kind that is needed, so each word costs a `systemd-notify` process; they run one after another, in
 * order. The unit needs NotifyAccess=all, because the sender is a child. Each waits until systemd has taken the word (its barrier):
 * of a sender that is gone by then systemd does not know whose it was.
 */
import { spawn } from 'node:child_process'
import type { Log } from '../base/log.ts'
import type { ServiceManagerLink } from '../gateway/lifecycle/serving.ts'
import { SpareDescriptors } from './spare-descriptors.ts'

export interface ServiceManagerOptions {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly log: Log
  /** For tests: the program and the clock. */
  readonly command?: string
  readonly monotonicUs?: () => bigint
}

/** systemd-notify waits five seconds for the barrier by itself. */
const NOTIFY_MS = 10_000

export class ServiceManager implements ServiceManagerLink {
  readonly #env: Readonly<Record<string, string | undefined>>
  readonly #log: Log
  readonly #command: string
  readonly #monotonicUs: () => bigint
  #last: Promise<void> = Promise.resolve()
  #pending = 0
  #hasFailed = false
  #watchdog: NodeJS.Timeout | undefined
  /** SECURITY: without a heartbeat systemd ends us; who uses up all descriptors for a minute must not bring that about. */
  #spare: SpareDescriptors | undefined

  constructor({ env, log, command = 'systemd-notify', monotonicUs = () => process.hrtime.bigint() / 1000n }: ServiceManagerOptions) {
    this.#env = env
    this.#log = log
    this.#command = command
    this.#monotonicUs = monotonicUs
  }

  ready(): void {
    this.#tell('READY=1', 'STATUS=Serving.')
  }

  /** To be followed by `ready`, also when the reload was refused. */
  reloading(): void {
    this.#tell('RELOADING=1', `MONOTONIC_USEC=${this.#monotonicUs()}`, 'STATUS=Reading the configuration again.')
  }

  /** `mayTakeMs`: asked for, so that systemd's own patience (TimeoutStopSec=) is never shorter than the drain. */
  stopping(sessions: number, mayTakeMs: number): void {
    this.#tell('STOPPING=1', `EXTEND_TIMEOUT_USEC=${mayTakeMs * 1000}`, `STATUS=Stopping, ${sessions} sessions.`)
  }

  /** Says that we are alive for as long as `isAlive` says so, where the unit has WatchdogSec=. Runs on the loop: one that hangs is silent. */
  startWatchdog(isAlive: () => boolean): void {
    const everyMs = watchdogMs(this.#env, process.pid)
    if (everyMs === undefined || this.#env['NOTIFY_SOCKET'] === undefined) return
    this.#spare = new SpareDescriptors()
    // Twice in the time allowed, as sd_watchdog_enabled(3) asks for.
    this.#watchdog = setInterval(() => {
      // A word that waits behind others would be no heartbeat.
      if (this.#pending === 0 && isAlive()) this.#tell('WATCHDOG=1')
    }, everyMs / 2)
    this.#watchdog.unref()
  }

  /** Resolves when everything was told. */
  async close(): Promise<void> {
    clearInterval(this.#watchdog)
    await this.#last
    this.#spare?.close()
    this.#spare = undefined
  }

  #tell(...words: string[]): void {
    const socket = this.#env['NOTIFY_SOCKET']
    if (socket === undefined || socket === '') return
    this.#pending += 1
    this.#last = this.#last.then(async () => {
      const failure = await run(this.#command, words, { NOTIFY_SOCKET: socket, PATH: this.#env['PATH'] }, this.#spare)
      this.#pending -= 1
      if (failure !== undefined && !this.#hasFailed)
        this.#log.warn('notify.failed', {
          told: words[0],
          err: failure,
          advice: 'systemd does not hear of us: it needs systemd-notify, and NotifyAccess=all in the unit',
        })
      this.#hasFailed ||= failure !== undefined
    })
  }
}

/** WATCHDOG_USEC, where it is meant for this process. */
export function watchdogMs(env: Readonly<Record<string, string | undefined>>, pid: number): number | undefined {
  const us = Number(env['WATCHDOG_USEC'])
  const isOurs = env['WATCHDOG_PID'] === undefined || Number(env['WATCHDOG_PID']) === pid
  return isOurs && Number.isFinite(us) && us > 0 ? us / 1000 : undefined
}

/** What went wrong; undefined: nothing. */
function run(command: string, args: readonly string[], env: NodeJS.ProcessEnv, spare: SpareDescriptors | undefined): Promise<string | undefined> {
  return new Promise(resolve => {
    try {
      const start = () => spawn(command, args, { env, stdio: 'ignore', timeout: NOTIFY_MS })
      const child = spare === undefined ? start() : spare.lend(start)
      child.on('error', error => resolve(error.message))
      child.on('exit', (code, signal) => resolve(code === 0 ? undefined : `${command} ended with ${code ?? signal}`))
    } catch (error) {
      // Some failures are thrown, for want of memory for example: no reason to end anybody's session.
      resolve((error as Error).message)
    }
  })
}
