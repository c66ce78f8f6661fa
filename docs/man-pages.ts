/** The man pages mailwicket(1) and mailwicket.toml(5), from the declarations that `--help` and the parser of the configuration use. */
import { type Command, examplesOf } from '../admin-cli/frame/command-frame.ts'
import { VERSION } from '../base/version.ts'
import type { Key } from '../config/config-kinds.ts'
import { SECTIONS, type Section } from '../config/config-table.ts'

/** Of the form of these pages: a man page without a date is a warning. */
const DATE = '2026-11-26'

const EXIT_CODES: readonly (readonly [string, string])[] = [
  ['0', 'Done.'],
  ['1', 'Failed.'],
  ['2', 'Bad usage or input; nothing was done.'],
  ['3', 'No such mailbox, device, user, session or file.'],
  ['4', 'Temporarily unavailable: try again.'],
]

const FILES: readonly (readonly [string, string])[] = [
  ['/etc/mailwicket/mailwicket.toml', 'The configuration, where neither `--config`, `$MAILWICKET_CONFIG` nor `./mailwicket.toml` is another one.'],
  ['keys/master.key', 'In the data directory: the master key that opens the sealed upstream passwords. It is in no backup.'],
  ['mailwicket.db', 'In the data directory: the database, unless it is PostgreSQL.'],
]

/** `program` with every command declared. */
export function formatManPage(program: Command): string {
  const globals = program.options.filter(option => option.long !== '--version')
  const commands = [...listCommands(program)].filter(({ command }) => command.commands.length === 0 && command.name() !== 'help')
  return page('MAILWICKET', 1, [
    section('NAME', 'mailwicket \\- one password per device in front of a mail server that already exists\n'),
    section('SYNOPSIS', `.B mailwicket\n[\\fB\\-\\-config\\fR \\fIfile\\fR]\n[\\fB\\-\\-json\\fR]\n.I command\n[\\fIarguments\\fR]\n`),
    section(
      'DESCRIPTION',
      line(
        'Mailwicket checks a password of its own for every device and then logs in to the real mail server with credentials that the app never sees. A device is named by its ID, the beginning of one, or ADDR/NAME. What cannot be undone asks at a terminal; without one it needs `--yes`, or a whole ID among the arguments, or nothing is done and the exit status is 2.',
      ),
    ),
    section('OPTIONS', globals.map(({ flags, description }) => entry(flags, description)).join('')),
    section('COMMANDS', commands.map(({ path, command }) => formatCommand(path, command)).join('')),
    section('EXIT STATUS', EXIT_CODES.map(([code, means]) => entry(code, means)).join('')),
    section('ENVIRONMENT', entry('MAILWICKET_CONFIG', 'The configuration file.') + entry('NO_COLOR', 'When it is set, nothing is bold or coloured.')),
    section('FILES', FILES.map(([file, means]) => entry(file, means)).join('')),
    section('SEE ALSO', '.BR mailwicket.toml (5)\n'),
  ])
}

export function formatConfigManPage(): string {
  return page('MAILWICKET.TOML', 5, [
    section('NAME', 'mailwicket.toml \\- configuration of Mailwicket\n'),
    section(
      'DESCRIPTION',
      line(
        'One file in TOML. `mailwicket init` writes one to start from, `mailwicket check` tells whether it works. Relative paths start at the directory of the file. Unknown and wrong keys are errors, all of them reported at once, with exit status 2.',
      ),
    ),
    ...SECTIONS.map(formatSection),
    section('SEE ALSO', '.BR mailwicket (1)\n'),
  ])
}

function* listCommands(command: Command, path = ''): Generator<{ readonly path: string; readonly command: Command }> {
  for (const one of command.commands) {
    const own = `${path} ${one.name()}`.trim()
    yield { path: own, command: one }
    yield* listCommands(one, own)
  }
}

function formatCommand(path: string, command: Command): string {
  const usage = command.usage().replace('[options]', '').trim()
  const examples = examplesOf(command).map(([words, does]) => `.PP\n${line(`${does}:`)}.RS\n.nf\n${line(`mailwicket ${words}`)}.fi\n.RE\n`)
  return [
    `.SS ${quoteArgument(`${path}${usage === '' ? '' : ` ${usage}`}`)}\n`,
    line(`${sentence(command.description())}`),
    ...command.options.map(({ flags, description }) => entry(flags, description)),
    ...examples,
  ].join('')
}

function formatSection({ name, form, meaning, keys }: Section): string {
  const [parent, key] = name.split('.')
  const heading = { top: 'Before the first section', single: `[${name}]`, many: `[[${name}]]`, inline: `${key} of [[${parent}]]` }[form]
  const rows = Object.entries(keys).map(([key, facts]) => entry(`${key} = ${facts.example}`, `${facts.meaning} ${formatKind(facts)}`))
  return section(heading, line(meaning) + rows.join(''))
}

function formatKind({ kind, presence, fallback }: Key<unknown>): string {
  const values = kind.values === undefined ? '' : `One of ${kind.values.map(value => `"${value}"`).join(', ')}. `
  if (presence === 'required') return `${values}Required.`
  return `${values}${fallback === undefined ? 'Optional.' : `Default: ${fallback}.`}`
}

function page(title: string, volume: number, sections: readonly string[]): string {
  return `.\\" Made from the code by \`npm run docs\`. Edits here are lost.\n.TH ${title} ${volume} ${DATE} "Mailwicket ${VERSION}" Mailwicket\n${sections.join('')}`
}

function section(heading: string, body: string): string {
  return `.SH ${quoteArgument(heading)}\n${body}`
}

/** A tagged paragraph. */
function entry(tag: string, means: string): string {
  return `.TP\n\\fB${escapeRoff(tag)}\\fR\n${line(sentence(means))}`
}

/** One line of roff: what begins with a dot or an apostrophe would be a request. */
function line(body: string): string {
  const escaped = escapeRoff(body.replace(/\[([^\]]+)\]\([^)]+\)/g, '$1')).replace(/`([^`]+)`/g, '\\fB$1\\fR')
  return `${escaped.replace(/^([.'])/, '\\&$1')}\n`
}

function escapeRoff(body: string): string {
  return body.replaceAll('\\', '\\e').replaceAll('-', '\\-').replaceAll('\n', ' ')
}

function quoteArgument(body: string): string {
  return `"${escapeRoff(body).replaceAll('"', '\\(dq')}"`
}

function sentence(body: string): string {
  const begun = `${body.charAt(0).toUpperCase()}${body.slice(1)}`
  return /[.!?]$/.test(begun) ? begun : `${begun}.`
}
