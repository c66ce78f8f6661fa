/**
 * The process behind `bin/mailwicket`: makes the Terminal from `process`, runs the command, sets the exit code.
 * One of the mains: only here in admin-cli are `process.env` and `process.exit` used.
 */
import { readlinkSync } from 'node:fs'
import { hostname, userInfo } from 'node:os'
import { setTimeout as wait } from 'node:timers/promises'
import { VERSION } from '../base/version.ts'
import { findOperator } from './frame/operator.ts'
import type { StopSignal, Terminal } from './frame/terminal.ts'
import { formatError, runCommand } from './run-command.ts'

/** Longer than any reader that reads needs for a pipe full. */
const LAST_WORDS_MS = 2_000

const args = process.argv.slice(2)

// `mailwicket device list | head`: the reader has seen enough. That is no failure, and there is nobody left to tell.
let onOutputClosed = (): void => process.exit(0)
let onOutputFailed = (error: Error): void => {
  process.stderr.write(`mailwicket: The answer could not be written: ${error.message}\n`)
  process.exit(1)
}
let goesOnWithoutOutput = false
process.stdout.on('error', (error: NodeJS.ErrnoException) => (error.code === 'EPIPE' ? onOutputClosed() : onOutputFailed(error)))
process.stderr.on('error', () => {})

let onDefect = (error: unknown) => {
  process.stderr.write(formatError(error, args.includes('--json')))
}
// A rejection that nobody handled comes here too.
process.on('uncaughtException', error => {
  onDefect(error)
  process.exit(1)
})

const terminal: Terminal = {
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
  cwd: process.cwd(),
  ...findOperator({ user: nameOfUser(), host: hostname(), tty: findTty(), env: process.env }),
  now: Date.now,
  onSignal(signal: StopSignal, listener: () => void) {
    process.on(signal, listener)
    return () => void process.off(signal, listener)
  },
  onOutputClosed(listener) {
    onOutputClosed = listener
  },
  onOutputFailed(listener) {
    onOutputFailed = listener
    goesOnWithoutOutput = true
  },
  onDefect(listener) {
    onDefect = listener
  },
  exit: code => process.exit(code),
}

function nameOfUser(): string {
  try {
    return userInfo().username
  } catch {
    // A container may run under a number that has no name.
    return `uid ${process.getuid?.() ?? 'unknown'}`
  }
}

/** The terminal behind any of the standard streams, as Linux names it. */
function findTty(): string | undefined {
  for (const fd of [0, 1, 2]) {
    try {
      const path = readlinkSync(`/proc/self/fd/${fd}`)
      if (/^\/dev\/(pts\/|tty)/.test(path)) return path.slice('/dev/'.length)
    } catch {
      // Another system: the audit does without.
    }
  }
  return undefined
}

const exitCode = await runCommand(args, terminal, VERSION)
// A full disk is told of after the write: an answer that did not arrive is a failure, so its outcome is waited for.
// A log is no answer: a reader that hangs must not keep a gateway from ending.
const isTaken = new Promise(resolve => process.stdout.write('', resolve))
await (goesOnWithoutOutput ? Promise.race([isTaken, wait(LAST_WORDS_MS)]) : isTaken)
process.exit(exitCode)
