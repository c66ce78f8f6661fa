/**
 * `mailwicket completion SHELL`: a script that completes commands, options, their values and names, made from the command tree. Words stand in the
 * script; names of mailboxes, devices and users are asked for at the moment (names-command.ts).
 */
import { Argument, addExamples, type Command, does } from '../../frame/command-frame.ts'
import type { Terminal } from '../../frame/terminal.ts'
import { type CompletionNode, listNodes } from './completion-nodes.ts'

const SHELLS = ['bash', 'zsh', 'fish'] as const

async function formatScript(shell: (typeof SHELLS)[number], nodes: readonly CompletionNode[]): Promise<string> {
  if (shell === 'fish') return (await import('./fish-script.ts')).formatFish(nodes)
  const { formatBash, formatZsh } = await import('./bash-and-zsh-scripts.ts')
  return shell === 'bash' ? formatBash(nodes) : formatZsh(nodes)
}

/** Needs the whole tree declared: see program.ts. */
export function declareCompletion(completion: Command, terminal: Terminal): void {
  completion.addArgument(new Argument('<shell>', 'which shell').choices([...SHELLS]))
  addExamples(
    does(completion, terminal, async (context, [shell]) => {
      const script = await formatScript(shell, listNodes(completion.parent as Command))
      context.answer({ shell, script }, () => script)
    }),
    ['completion bash > /etc/bash_completion.d/mailwicket', 'for everybody, with bash'],
    ['completion zsh > ~/.zfunc/_mailwicket', 'with zsh; ~/.zfunc must be in fpath'],
    ['completion fish > ~/.config/fish/completions/mailwicket.fish', 'with fish'],
  )
}
