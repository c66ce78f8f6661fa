/** The command tree as completion scripts need it: what may follow each command. */
import type { Command } from '../../frame/command-frame.ts'
import { type Values, valuesOfArguments, valuesOfOption } from './completion-values.ts'

export interface CompletionOption {
  readonly flag: string
  readonly description: string
  readonly takesValue: boolean
  readonly values: Values
}

export interface CompletionNode {
  /** Words that lead to it: `` for the program, `device add`. */
  readonly path: string
  /** Commands below it. */
  readonly words: readonly (readonly [word: string, description: string])[]
  readonly options: readonly CompletionOption[]
  readonly arguments: readonly { readonly values: Values; readonly isRepeated: boolean }[]
}

export function listNodes(program: Command): readonly CompletionNode[] {
  const nodes: CompletionNode[] = []
  const globals = program.options.filter(option => option.long !== '--version')
  const visit = (command: Command, path: string) => {
    const own = command === program ? program.options : [...command.options, ...globals]
    const options = own.map(option => ({
      flag: option.long ?? option.short ?? '',
      description: option.description,
      takesValue: option.required || option.optional,
      values: valuesOfOption(path, option),
    }))
    const help = { flag: '--help', description: 'print help', takesValue: false, values: undefined }
    const words = command.commands.map(one => [one.name(), one.description()] as const)
    nodes.push({ path, words, options: [...options, help], arguments: valuesOfArguments(path, command) })
    for (const one of command.commands) visit(one, `${path} ${one.name()}`.trim())
  }
  visit(program, '')
  return nodes
}

/** One word for a shell. */
export function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`
}
