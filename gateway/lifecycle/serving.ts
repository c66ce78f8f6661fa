/**
 * What `serve` does alike as one process and as a supervisor with workers: the ready line, reloads in turn, the words for the service manager.
 */
import type { LogSink } from '../../base/log.ts'

/** What a service manager is told of this process. */
export interface ServiceManagerLink {
  ready(): void
  /** To be followed by `ready`, also when the reload was refused. */
  reloading(): void
  stopping(sessions: number, mayTakeMs: number): void
  /** Says that we are alive for as long as `isAlive` says so. */
  startWatchdog(isAlive: () => boolean): void
  /** Resolves when everything was told. */
  close(): Promise<void>
}

/** For what comes after the drain: last replies, the last batch, the database. */
export const STOP_MARGIN_MS = 30_000

/** Not by the log: whoever waits for this line waits at every log level. */
export function writeReadyLine(out: LogSink, facts: Readonly<Record<string, unknown>>): void {
  out.write(`${JSON.stringify({ event: 'ready', level: 'info', time: new Date().toISOString(), ...facts, pid: process.pid })}\n`)
}

/** Two reloads at a time would each bind what the other does; one that has not begun yet will read the newest file. */
export function oneAfterAnother(act: () => Promise<boolean>): { ask(): Promise<boolean>; settled(): Promise<unknown> } {
  let last: Promise<boolean> = Promise.resolve(false)
  let isAsked = false
  return {
    ask: () => {
      if (isAsked) return last
      isAsked = true
      last = last.then(() => {
        isAsked = false
        return act()
      })
      return last
    },
    settled: () => last,
  }
}
