/**
 * The completion scripts of bash and zsh: which command the words before the cursor lead to, how many arguments it has already, and what may come next.
 */
import { type CompletionNode, quote } from './completion-nodes.ts'
import type { Values } from './completion-values.ts'

/** Sets `at` to the command, `count` to the number of its arguments, `config` to what is needed to ask for names. */
function formatPathSearch(nodes: readonly CompletionNode[], words: string): string {
  const paths = nodes.filter(node => node.path !== '').map(node => quote(node.path))
  const flags = [...new Set(nodes.flatMap(node => node.options.filter(option => option.takesValue).map(option => option.flag)))]
  return `  local at='' next word skip='' count=0
  local -a config
  for word in ${words}; do
    if [ "$skip" = --config ]; then config=(--config "$word"); fi
    if [ -n "$skip" ]; then skip=''; continue; fi
    case $word in
      ${flags.join('|')}) skip=$word; continue ;;
      -?*) continue ;;
    esac
    next="$at\${at:+ }$word"
    case $next in
      ${paths.join('|')}) at=$next ;;
      *) count=$((count + 1)) ;;
    esac
  done`
}

/** Lines of a shell's case: what to do with `values`. */
function formatCases(nodes: readonly CompletionNode[], act: (values: Values) => string): string {
  const options = nodes.flatMap(({ path, options }) =>
    options.filter(option => option.values !== undefined).map(option => `    ${quote(`${path} ${option.flag}`.trim())}) ${act(option.values)} ;;`),
  )
  return options.join('\n')
}

function formatArgumentCases(nodes: readonly CompletionNode[], act: (values: Values) => string): string {
  return nodes
    .flatMap(({ path, arguments: all }) =>
      all.flatMap(({ values, isRepeated }, place) => (values === undefined ? [] : [`    ${quote(path)}\\ ${isRepeated ? '*' : place}) ${act(values)} ;;`])),
    )
    .join('\n')
}

const formatAct =
  (prefix: string) =>
  (values: Values): string => {
    if (values === undefined) return ':'
    if ('words' in values) return `${prefix}_words ${quote(values.words.join(' '))}`
    return 'names' in values ? `${prefix}_names ${values.names}` : `${prefix}_files`
  }

export function formatBash(nodes: readonly CompletionNode[]): string {
  const act = formatAct('_mailwicket')
  const words = nodes
    .filter(node => node.words.length > 0)
    .map(node => `    ${quote(node.path)}) words=${quote(node.words.map(([word]) => word).join(' '))} ;;`)
  const flags = nodes.map(({ path, options }) => `    ${quote(path)}) words=${quote(options.map(({ flag }) => flag).join(' '))} ;;`)
  return `# bash completion for mailwicket
# An address is one word.
COMP_WORDBREAKS=\${COMP_WORDBREAKS//@/}
_mailwicket_words() {
  COMPREPLY=($(compgen -W "$1" -- "$current"))
}
_mailwicket_files() {
  compopt -o filenames 2>/dev/null
  local IFS=$'\\n'
  COMPREPLY=($(compgen -f -- "$current"))
}
_mailwicket_names() {
  local name IFS=$'\\n'
  for name in $("$program" "\${config[@]}" complete-names "$1" "\${current//\\\\/}" 2>/dev/null </dev/null); do
    COMPREPLY+=("$(printf %q "$name")")
  done
}
_mailwicket() {
  local words='' current=\${COMP_WORDS[COMP_CWORD]} program=\${COMP_WORDS[0]}
${formatPathSearch(nodes, '"${COMP_WORDS[@]:1:COMP_CWORD-1}"')}
  COMPREPLY=()
  if [ -n "$skip" ]; then
    case "$at\${at:+ }$skip" in
${formatCases(nodes, act)}
    esac
    case $skip in --config) _mailwicket_files ;; esac
    return
  fi
  if [[ $current == -* ]]; then
    case $at in
${flags.join('\n')}
    esac
    _mailwicket_words "$words"
    return
  fi
  case $at in
${words.join('\n')}
  esac
  if [ -n "$words" ]; then _mailwicket_words "$words"; return; fi
  case "$at $count" in
${formatArgumentCases(nodes, act)}
  esac
}
complete -F _mailwicket mailwicket
`
}

export function formatZsh(nodes: readonly CompletionNode[]): string {
  const act = formatAct('_mailwicket')
  // In a _describe array a colon ends the word.
  const describe = (list: readonly (readonly [string, string])[]) =>
    list.map(([word, description]) => quote(`${word}:${description.replaceAll(':', '\\:')}`)).join(' ')
  const words = nodes.filter(node => node.words.length > 0).map(node => `    ${quote(node.path)}) list=(${describe(node.words)}) ;;`)
  const flags = nodes.map(({ path, options }) => `    ${quote(path)}) list=(${describe(options.map(({ flag, description }) => [flag, description]))}) ;;`)
  return `#compdef mailwicket
_mailwicket_words() {
  compadd -- \${=1}
}
_mailwicket_files() {
  _files
}
_mailwicket_names() {
  local -a found
  found=("\${(@f)$("$program" $config complete-names "$1" "\${(Q)PREFIX}" 2>/dev/null </dev/null)}")
  compadd -- \${found:#}
}
_mailwicket() {
  local program=$words[1]
  local -a list
${formatPathSearch(nodes, '"${(Q)words[@]:1:$((CURRENT - 2))}"')}
  if [ -n "$skip" ]; then
    case "$at\${at:+ }$skip" in
${formatCases(nodes, act)}
    esac
    case $skip in --config) _mailwicket_files ;; esac
    return
  fi
  if [[ $PREFIX == -* ]]; then
    case $at in
${flags.join('\n')}
    esac
    _describe -o -t options option list
    return
  fi
  case $at in
${words.join('\n')}
  esac
  if (( $#list )); then _describe -t commands command list; return; fi
  case "$at $count" in
${formatArgumentCases(nodes, act)}
  esac
}
if [ "$funcstack[1]" = _mailwicket ]; then _mailwicket "$@"; else compdef _mailwicket mailwicket; fi
`
}
