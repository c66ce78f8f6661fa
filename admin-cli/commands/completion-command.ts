/**
 * `mailwicket completion SHELL`: a script that completes commands and options, made from the command tree.
 * Names of mailboxes and devices are not completed: that would open the store at every press of Tab.
 */
import { Argument, addExamples, type Command, does } from '../frame/command-frame.ts'
import type { Terminal } from '../frame/terminal.ts'

const SHELLS = { bash: formatBash, zsh: formatZsh, fish: formatFish } as const

/** Needs the whole tree declared: see program.ts. */
export function declareCompletion(completion: Command, terminal: Terminal): void {
  completion.addArgument(new Argument('<shell>', 'which shell').choices(Object.keys(SHELLS)))
  addExamples(
    does(completion, terminal, (context, [shell]) => {
      const script = SHELLS[shell as keyof typeof SHELLS](listNodes(completion.parent as Command))
      context.answer({ shell, script }, () => script)
    }),
    ['completion bash > /etc/bash_completion.d/mailwicket', 'for everybody, with bash'],
    ['completion zsh > ~/.zfunc/_mailwicket', 'with zsh; ~/.zfunc must be in fpath'],
    ['completion fish > ~/.config/fish/completions/mailwicket.fish', 'with fish'],
  )
}

/** One command: what may follow it. */
interface Node {
  /** Words that lead to it: `` for the program, `device add`. */
  readonly path: string
  readonly words: readonly (readonly [word: string, description: string])[]
  readonly options: readonly (readonly [flag: string, description: string, takesValue: boolean])[]
}

function listNodes(program: Command): readonly Node[] {
  const nodes: Node[] = []
  const globals = program.options.filter(option => option.long !== '--version')
  const visit = (command: Command, path: string) => {
    const own = command === program ? program.options : [...command.options, ...globals]
    const options = own.map(option => [option.long ?? option.short ?? '', option.description, option.required || option.optional] as const)
    const choices = command.registeredArguments.flatMap(argument => argument.argChoices ?? [])
    const words = [...command.commands.map(one => [one.name(), one.description()] as const), ...choices.map(choice => [choice, ''] as const)]
    nodes.push({ path, words, options: [...options, ['--help', 'print help', false]] })
    for (const one of command.commands) visit(one, `${path} ${one.name()}`.trim())
  }
  visit(program, '')
  return nodes
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`
}

/** Shell lines common to bash and zsh: which command the words before the cursor lead to. */
function formatPathSearch(nodes: readonly Node[], words: string): string {
  const paths = nodes.filter(node => node.path !== '').map(node => `      ${quote(node.path)}) at=$next ;;`)
  const values = [...new Set(nodes.flatMap(node => node.options.filter(([, , takesValue]) => takesValue).map(([flag]) => flag)))]
  return `  local at='' next word skip=''
  for word in ${words}; do
    if [ -n "$skip" ]; then skip=''; continue; fi
    case $word in
      ${values.join('|')}) skip=1; continue ;;
      -*) continue ;;
    esac
    next="$at\${at:+ }$word"
    case $next in
${paths.join('\n')}
    esac
  done`
}

function formatBash(nodes: readonly Node[]): string {
  const cases = nodes.map(({ path, words, options }) => `    ${quote(path)}) words=${quote([...words, ...options].map(([word]) => word).join(' '))} ;;`)
  return `# bash completion for mailwicket
_mailwicket() {
  local words='' current=\${COMP_WORDS[COMP_CWORD]}
${formatPathSearch(nodes, '"${COMP_WORDS[@]:1:COMP_CWORD-1}"')}
  case $at in
${cases.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _mailwicket mailwicket
`
}

function formatZsh(nodes: readonly Node[]): string {
  // In a _describe array a colon ends the word.
  const describe = (list: readonly (readonly [string, string, ...unknown[]])[]) =>
    list.map(([word, description]) => quote(`${word}:${description.replaceAll(':', '\\:')}`)).join(' ')
  const cases = nodes.map(({ path, words, options }) => `    ${quote(path)})\n      subcommands=(${describe(words)})\n      flags=(${describe(options)}) ;;`)
  return `#compdef mailwicket
_mailwicket() {
  local -a subcommands flags
${formatPathSearch(nodes, '"${words[@]:1:$((CURRENT - 2))}"')}
  case $at in
${cases.join('\n')}
  esac
  if [[ $PREFIX == -* ]]; then _describe -o -t options option flags
  elif (( $#subcommands )); then _describe -t commands command subcommands
  else _files; fi
}
if [ "$funcstack[1]" = _mailwicket ]; then _mailwicket "$@"; else compdef _mailwicket mailwicket; fi
`
}

function formatFish(nodes: readonly Node[]): string {
  const lines = nodes.flatMap(({ path, words, options }) => {
    const parts = path === '' ? [] : path.split(' ')
    const children = words.map(([word]) => word).join(' ')
    const seen = parts.map(part => `__fish_seen_subcommand_from ${part}`)
    const condition = quote(
      [...(path === '' ? ['__fish_use_subcommand'] : seen), ...(children !== '' && path !== '' ? [`not __fish_seen_subcommand_from ${children}`] : [])].join(
        '; and ',
      ),
    )
    return [
      ...words.map(([word, description]) => `complete -c mailwicket -n ${condition} -f -a ${quote(word)} -d ${quote(description)}`),
      ...options.map(
        ([flag, description, takesValue]) =>
          `complete -c mailwicket -n ${condition} -l ${flag.replace(/^--/, '')}${takesValue ? ' -r' : ''} -d ${quote(description)}`,
      ),
    ]
  })
  return `# fish completion for mailwicket\n${lines.join('\n')}\n`
}
