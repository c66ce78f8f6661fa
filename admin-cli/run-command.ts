/**
 * One command line from arguments to exit code: the frame around every command.
 * Errors are reported here and only here: `mailwicket: what happened` and what to do, or JSON under `--json`, on stderr.
 */
import { type ErrorCode, MailwicketError } from '../base/errors.ts'
import { fileFailure, isFileError } from '../base/files/file-errors.ts'
import { type Command, CommanderError } from './frame/command-frame.ts'
import { exitCodeOf } from './frame/exit-codes.ts'
import { Interrupted } from './frame/interrupted.ts'
import { remedyFor } from './frame/remedies.ts'
import type { Terminal } from './frame/terminal.ts'
import { buildProgram } from './program.ts'

/** Runs `args` (without node and script) and resolves to the exit code (architecture §10). Never throws. */
export async function runCommand(args: readonly string[], terminal: Terminal, version: string): Promise<number> {
  const program = await buildProgram(args, terminal, version)
  try {
    await program.parseAsync(spellHelp(args), { from: 'user' })
    return 0
  } catch (error) {
    if (error instanceof Interrupted) return 130
    if (error instanceof CommanderError && error.exitCode === 0) return 0
    const json = program.opts<{ json?: boolean }>().json === true || args.includes('--json')
    // Commander has just printed the help of a group that was called without a command.
    if (error instanceof CommanderError && error.code === 'commander.help' && !json) return 2
    const known = toKnown(error, program, args)
    terminal.stderr.write(formatError(known, json))
    return exitCodeOf(known)
  }
}

/** What the arguments or a file that they name are the reason of; anything else stays what it is. */
function toKnown(error: unknown, program: Command, args: readonly string[]): unknown {
  if (error instanceof CommanderError) return toUsageError(error, findCommand(program, args))
  return isFileError(error) ? fileFailure(error, error.path, 'used') : error
}

/** Commander's `help` takes one word: `help device add` would be the help of `device`. */
function spellHelp(args: readonly string[]): string[] {
  return args[0] === 'help' && args.length > 2 ? [...args.slice(1), '--help'] : [...args]
}

/** The text or JSON line of an error, ending in a newline. */
export function formatError(error: unknown, json: boolean): string {
  const { code, message, remedy } = describeError(error)
  if (json) return `${JSON.stringify({ error: { code, message, remedy } })}\n`
  return `mailwicket: ${message}\n${remedy === '' ? '' : `${remedy.replace(/^/gm, '  ')}\n`}`
}

function describeError(error: unknown): { code: ErrorCode | 'BUG'; message: string; remedy: string } {
  if (error instanceof MailwicketError) return { code: error.code, message: error.message, remedy: remedyFor(error) }
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
  return { code: 'BUG', message: `A defect in Mailwicket: ${text}`, remedy: 'Please report it with these lines.' }
}

/** The deepest command that `args` name, for its usage line. */
function findCommand(program: Command, args: readonly string[]): Command {
  let command = program
  for (const word of args) {
    const next = command.commands.find(one => one.name() === word || one.aliases().includes(word))
    if (next !== undefined) command = next
  }
  return command
}

function toUsageError(error: CommanderError, command: Command): MailwicketError {
  const path = command.createHelp().commandUsage(command)
  const name = path.replace(/ [[<].*$/, '')
  const [first = '', ...rest] = error.message.replace(/^error: /, '').split('\n')
  const suggestion = /Did you mean (.*)\?\)$/.exec(rest.join(' '))?.[1]
  const remedy = `Usage: ${path}\nHelp:  ${name} --help`
  switch (error.code) {
    case 'commander.excessArguments':
      // SECURITY: the words are not repeated; one of them may be a password that does not belong there.
      return new MailwicketError('BAD_INPUT', {
        message: 'Too many arguments.',
        remedy: `${remedy}\nA secret is never an argument: it goes in at a prompt or by a --…-stdin option.`,
      })
    case 'commander.help':
      return new MailwicketError('BAD_INPUT', { message: `${name}: a command is missing.`, remedy })
    default: {
      const sentence = `${first.charAt(0).toUpperCase()}${first.slice(1).replace(/\.$/, '')}.`
      const message = suggestion === undefined ? sentence : `${sentence} Did you mean ${suggestion.replace(/^one of /, '')}?`
      return new MailwicketError('BAD_INPUT', { message, remedy })
    }
  }
}
