/**
 * A place for log lines whose reader may hang (a pipe to a logger that stopped reading, a stalled journal): what waits for it in memory is bounded.
 * Lines beyond that are lost, and counted; the count is the first line that goes through again.
 */
import type { LogSink } from './log.ts'

/** Streams of Node tell how many bytes wait; others wait for none. */
export interface Sink extends LogSink {
  readonly writableLength?: number | undefined
}

/** A busy gateway's log of half a minute. */
const MAX_WAITING_BYTES = 8 * 1024 * 1024

export class BoundedSink implements LogSink {
  readonly #sink: Sink
  #lost = 0

  constructor(sink: Sink) {
    this.#sink = sink
  }

  write(line: string): void {
    if ((this.#sink.writableLength ?? 0) > MAX_WAITING_BYTES) {
      this.#lost += 1
      return
    }
    if (this.#lost > 0) this.#sink.write(`${JSON.stringify({ level: 'error', time: new Date().toISOString(), event: 'log.lost', lines: this.#lost })}\n`)
    this.#lost = 0
    this.#sink.write(line)
  }
}
