/**
 * The world a command sees: its streams, environment, clock and signals, as one value.
 * Only `main.ts` makes the real one from `process`; tests make their own and run commands in the same process.
 */
import type { Readable } from 'node:stream'

export interface Screen {
  write(text: string): unknown
  readonly isTTY?: boolean | undefined
  readonly columns?: number | undefined
  /** Bytes that were written and not taken yet. */
  readonly writableLength?: number | undefined
}

export interface Keyboard extends Readable {
  readonly isTTY?: boolean | undefined
  setRawMode?(mode: boolean): unknown
}

export type StopSignal = 'SIGINT' | 'SIGTERM' | 'SIGHUP'

export interface Terminal {
  readonly stdin: Keyboard
  readonly stdout: Screen
  readonly stderr: Screen
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd: string
  /** Who runs the command, for the audit: whoever called sudo, else the owner of the process. */
  readonly operator: string
  /** From where, for the audit: `cli`, then what is known of machine, terminal and client. */
  readonly origin: string
  /** Milliseconds since 1970, UTC. */
  now(): number
  /** Calls `listener` at every such signal instead of dying of it; the result takes the listener away again. */
  onSignal(signal: StopSignal, listener: () => void): () => void
  /** Calls `listener` instead of ending the process when nobody reads stdout any more. */
  onOutputClosed(listener: () => void): void
  /** Calls `listener` instead of ending the process for each write that stdout did not take for another reason: a full disk. */
  onOutputFailed(listener: (error: Error) => void): void
  /** Calls `listener` with an error that nobody caught, before the process ends. */
  onDefect(listener: (error: unknown) => void): void
  /** Ends the process at once: for a second signal, a broken pipe, a defect. */
  exit(code: number): void
}

/** Whether bold and colour may be used on `screen`. */
export function isColourful(terminal: Terminal, screen: Screen): boolean {
  const { NO_COLOR, TERM } = terminal.env
  return screen.isTTY === true && (NO_COLOR === undefined || NO_COLOR === '') && TERM !== 'dumb'
}
