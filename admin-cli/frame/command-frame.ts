/**
 * How commands are declared: commander with examples in every help, and an action that gets a CommandContext.
 * The only adapter for commander. Declaring a command loads nothing else; its action imports what it needs.
 */
import { Argument, Command, CommanderError, Option } from 'commander'
import { type CommandContext, type GlobalOptions, makeContext } from './command-context.ts'
import type { Terminal } from './terminal.ts'

export { Argument, Command, CommanderError, Option }

/** `[command line without the program's name, what it does]` */
export type Example = readonly [line: string, does: string]

const PROGRAM = 'mailwicket'

const EXAMPLES = new WeakMap<Command, readonly Example[]>()

/** For the man page. */
export function examplesOf(command: Command): readonly Example[] {
  return EXAMPLES.get(command) ?? []
}

/** Adds the examples to the end of the help; every command has at least one. */
export function addExamples(command: Command, ...examples: readonly [Example, ...Example[]]): Command {
  EXAMPLES.set(command, examples)
  const text = examples.map(([line, does]) => `  # ${does}\n  ${PROGRAM} ${line}`).join('\n')
  return command.addHelpText('after', `\nExamples:\n${text}`)
}

// biome-ignore lint/suspicious/noExplicitAny: the options of a command are whatever it declared; each action names their shape
type Options = any

/** Declares what a command does: arguments as text, then its options, then the context. */
export function does(command: Command, terminal: Terminal, run: (context: CommandContext, args: Options[], options: Options) => Promise<void> | void): Command {
  return command.action(async (...given: unknown[]) => {
    const self = given.pop() as Command
    const options = given.pop() as object
    await run(makeContext(terminal, self.optsWithGlobals<GlobalOptions>()), given as Options[], options)
  })
}

/** For options that may be given several times. */
export function collect(value: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), value]
}
