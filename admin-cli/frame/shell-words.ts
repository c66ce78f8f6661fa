/**
 * Command lines that work as pasted: this program's own name as the shell finds it, arguments quoted where needed.
 */
import { dirname, resolve } from 'node:path'
import type { Terminal } from './terminal.ts'

/** One word for a POSIX shell. */
export function quoteWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`
}

/** `mailwicket …` when that is in the PATH, else with the launcher's whole path. */
export function formatCommand(terminal: Terminal, args: readonly string[]): string {
  return [nameOfProgram(terminal), ...args].map(quoteWord).join(' ')
}

function nameOfProgram({ env, cwd }: Terminal): string {
  // Set by bin/mailwicket: how it was called.
  const launcher = env.MAILWICKET_LAUNCHER
  if (launcher === undefined || launcher === '') return 'mailwicket'
  const path = resolve(cwd, launcher)
  return (env.PATH ?? '').split(':').includes(dirname(path)) && path.endsWith('/mailwicket') ? 'mailwicket' : path
}
