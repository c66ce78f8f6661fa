/** The completion script of fish: a line for every command, option and argument, each with the condition under which it may come. */
import { type CompletionNode, quote } from './completion-nodes.ts'
import type { Values } from './completion-values.ts'

/** Words, names or files as fish's `complete` takes them; `-f`: no files. */
function formatValues(values: Values): string {
  if (values === undefined) return '-f'
  if ('files' in values) return '-F'
  return 'words' in values ? `-f -a ${quote(values.words.join(' '))}` : `-f -a '(__mailwicket_names ${values.names})'`
}

export function formatFish(nodes: readonly CompletionNode[]): string {
  const valued = [...new Set(nodes.flatMap(node => node.options.filter(option => option.takesValue).map(option => option.flag)))]
  const paths = nodes.filter(node => node.path !== '').map(node => quote(node.path))
  const lines = nodes.flatMap(({ path, words, options, arguments: all }) => {
    const here = (count?: string) => `-n ${quote(`__mailwicket_at ${quote(path)}${count === undefined ? '' : ` ${count}`}`)}`
    return [
      ...words.map(([word, description]) => `complete -c mailwicket ${here('0')} -f -a ${quote(word)} -d ${quote(description)}`),
      ...options.map(
        ({ flag, description, takesValue, values }) =>
          `complete -c mailwicket ${here()} -l ${flag.replace(/^--/, '')}${takesValue ? ` -r ${formatValues(values)}` : ''} -d ${quote(description)}`,
      ),
      ...all.map(({ values, isRepeated }, place) => `complete -c mailwicket ${here(isRepeated ? '' : String(place)).trim()} ${formatValues(values)}`),
    ]
  })
  return `# fish completion for mailwicket
# Sets at (the command), count (its arguments) and config from the words before the cursor.
function __mailwicket_read
  set -g __mailwicket_path ''
  set -g __mailwicket_count 0
  set -g __mailwicket_config
  set -l skip ''
  for word in (commandline -opc)[2..-1]
    if test -n "$skip"
      test "$skip" = --config; and set -g __mailwicket_config --config $word
      set skip ''
      continue
    end
    if contains -- $word ${valued.join(' ')}
      set skip $word
      continue
    end
    string match -q -- '-?*' $word; and continue
    set -l next (string trim -- "$__mailwicket_path $word")
    if contains -- $next ${paths.join(' ')}
      set -g __mailwicket_path $next
    else
      set -g __mailwicket_count (math $__mailwicket_count + 1)
    end
  end
end
function __mailwicket_at
  __mailwicket_read
  test "$__mailwicket_path" = "$argv[1]"; or return 1
  test (count $argv) -lt 2; or test "$__mailwicket_count" = "$argv[2]"
end
function __mailwicket_names
  __mailwicket_read
  set -l program (commandline -opc)[1]
  $program $__mailwicket_config complete-names $argv[1] (commandline -ct | string unescape) 2>/dev/null </dev/null
end
complete -c mailwicket -f
${lines.join('\n')}
`
}
