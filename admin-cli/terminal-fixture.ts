/**
 * A terminal for tests: keeps what is written, reads what it is given, and answers the clock with a fixed time unless told otherwise.
 */
import { PassThrough, Writable } from 'node:stream'
import { expectShape } from '../docs/json-shapes.ts'
import type { Keyboard, StopSignal, Terminal } from './frame/terminal.ts'
import { runCommand } from './run-command.ts'

export interface TestTerminal extends Terminal {
  readonly out: () => string
  readonly err: () => string
  /** Sends a signal to the listeners of the command. */
  send(signal: StopSignal): void
}

export interface TestTerminalOptions {
  readonly input?: string | Buffer
  readonly isTTY?: boolean
  readonly env?: Readonly<Record<string, string | undefined>>
  readonly cwd?: string
  readonly now?: number
}

export function makeTestTerminal({ input = '', isTTY = false, env = {}, cwd = '/nonexistent', now }: TestTerminalOptions = {}): TestTerminal {
  const stdin: Keyboard = Object.assign(new PassThrough(), { isTTY, setRawMode: () => {} })
  ;(stdin as unknown as PassThrough).end(input)
  const listeners = new Map<StopSignal, Set<() => void>>()
  let out = ''
  let err = ''
  const stderr = new Writable({
    decodeStrings: false,
    write(text, _, done) {
      err += text
      done()
    },
  })
  return {
    stdin,
    stdout: { write: text => (out += text), isTTY },
    // A stream: questions are asked there.
    stderr: Object.assign(stderr, { isTTY }),
    env,
    cwd,
    operator: 'tester',
    origin: 'cli',
    now: () => now ?? Date.now(),
    onSignal(signal, listener) {
      const set = listeners.get(signal) ?? new Set()
      listeners.set(signal, set.add(listener))
      return () => void set.delete(listener)
    },
    onOutputClosed: () => {},
    onOutputFailed: () => {},
    onDefect: () => {},
    exit(code) {
      throw new Error(`exit ${code}`)
    },
    out: () => out,
    err: () => err,
    send: signal => {
      for (const listener of listeners.get(signal) ?? []) listener()
    },
  }
}

export interface Ran {
  readonly code: number
  readonly out: string
  readonly err: string
}

/** Runs one command line in this process. What it prints under `--json` is held against docs/json.md. */
export async function runHere(args: readonly string[], options: TestTerminalOptions = {}): Promise<Ran> {
  const terminal = makeTestTerminal(options)
  const code = await runCommand(args, terminal, '0.0.0-test')
  if (code === 0 && args.includes('--json') && terminal.out() !== '') expectShape(args, terminal.out())
  return { code, out: terminal.out(), err: terminal.err() }
}
