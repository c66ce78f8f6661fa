/** docs/configuration.md, from the table that the parser uses. */
import type { Key } from '../config/config-kinds.ts'
import { formatSampleConfig } from '../config/config-sample.ts'
import { SECTIONS, type Section } from '../config/config-table.ts'
import { formatTable, generatedNotice } from './markdown.ts'

const INTRODUCTION = `# Configuration: \`mailwicket.toml\`

One file in [TOML](https://toml.io). Mailwicket reads the first of these:

1. the file that \`--config FILE\` names,
2. the file that the environment variable \`MAILWICKET_CONFIG\` names,
3. \`mailwicket.toml\` in the current directory,
4. \`/etc/mailwicket/mailwicket.toml\`.

A file that is named and absent is an error: no other one is taken in its place. Relative paths start at the directory of
the file. \`mailwicket init\` writes a file to start from, \`mailwicket check\` tells whether it works.

Unknown and wrong keys are errors, all of them reported at once, with exit code 2:

\`\`\`
/etc/mailwicket/mailwicket.toml has 2 problems:
  hostnam is an unknown key; did you mean "hostname"?
  listen[1].tls (in the second [[listen]]) is "ssl", but must be "implicit" or "starttls"
\`\`\`

The file holds no passwords: it names files that do, and what upstream logins Mailwicket needs for single mailboxes lies
sealed in its database.
`

const RULES = `## Rules across keys

* There is at least one \`[[certificate]]\`, one \`[[listen]]\` and one \`[[upstream]]\`.
* Names of upstreams, their domains, certificates and addresses to listen on are given once only.
* Every protocol that is listened for has an upstream that speaks it.
* \`method = "master"\` needs \`user\`, \`secret_file\` and \`style\`; \`style = "suffix"\` needs \`separator\`.
* \`serve\` does not start with what is marked "not in this version"; it is never silently ignored.
`

export function formatConfigurationPage(): string {
  const sections = SECTIONS.map(formatSection)
  const sample = `## The file that \`init\` writes\n\n\`\`\`toml\n${formatSampleConfig({ hostname: 'mail.example.com' })}\`\`\`\n`
  return [generatedNotice('`config/config-table.ts`'), INTRODUCTION, ...sections, RULES, sample].join('\n')
}

function formatSection(section: Section): string {
  const rows = Object.entries(section.keys).map(([name, key]) => [`\`${name}\``, formatKind(key), formatDefault(key), key.meaning, `\`${key.example}\``])
  return `## ${formatHeading(section)}\n\n${section.meaning}\n\n${formatTable(['key', 'value', 'default', 'meaning', 'example'], rows)}`
}

function formatHeading({ name, form }: Section): string {
  switch (form) {
    case 'top':
      return 'Before the first section'
    case 'single':
      return `\`[${name}]\``
    case 'many':
      return `\`[[${name}]]\``
    case 'inline': {
      const [parent, key] = name.split('.')
      return `\`${key}\` of \`[[${parent}]]\``
    }
  }
}

function formatKind({ kind }: Key<unknown>): string {
  return kind.values === undefined ? kind.name : kind.values.map(value => `\`"${value}"\``).join(', ')
}

function formatDefault({ presence, fallback }: Key<unknown>): string {
  if (presence === 'required') return '**required**'
  return fallback === undefined ? 'none' : `\`${fallback}\``
}
