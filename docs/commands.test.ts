/** Tries what the pages tell a reader to type: `mailwicket` commands, npm scripts, TOML, links. */
import { spawnSync } from 'node:child_process'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { Readable } from 'node:stream'
import { expect, test } from 'vitest'
import { formatAppSettings } from '../admin-cli/commands/devices/device-password.ts'
import { type Command, CommanderError } from '../admin-cli/frame/command-frame.ts'
import type { Terminal } from '../admin-cli/frame/terminal.ts'
import { buildProgram } from '../admin-cli/program.ts'
import { ERRORS } from '../base/errors.ts'
import { parseConfig } from '../config/config-parse.ts'
import { listAppSettings } from '../management/mailboxes/app-settings.ts'
import { readSources } from './source-files.ts'

const root = join(import.meta.dirname, '..')
const pages = ['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', ...globSync('docs/**/*.md', { cwd: root })].map(path => ({
  path,
  text: readFileSync(join(root, path), 'utf8'),
}))

interface Snippet {
  readonly where: string
  readonly text: string
}

const lineOf = (text: string, at: number): number => text.slice(0, at).split('\n').length

/** Fenced blocks of one language. */
function blocks(language: string): Snippet[] {
  return pages.flatMap(({ path, text }) =>
    Array.from(text.matchAll(/^```(\S*)\n([\s\S]*?)^```/gm))
      .filter(match => match[1] === language)
      .map(match => ({ where: `${path}:${lineOf(text, match.index)}`, text: match[2] ?? '' })),
  )
}

/** Code between single backquotes, outside of fenced blocks. */
function spans({ path, text }: { path: string; text: string }): Snippet[] {
  const prose = text.replace(/^```[\s\S]*?^```/gm, block => block.replace(/[^\n]/g, ' '))
  return Array.from(prose.matchAll(/`([^`\n]+)`/g), match => ({ where: `${path}:${lineOf(prose, match.index)}`, text: match[1] ?? '' }))
}

const isRedirection = (word: string): boolean => /^[<>|]$/.test(word)

/** The simple commands of a shell text, each as its words. Redirections and what follows a pipe are left out. */
function shellCommands(text: string): string[][] {
  return text
    .replace(/\\\n/g, ' ')
    .split(/\n|&&|;/)
    .map(line => Array.from(line.replace(/(^|\s)#.*$/, '').matchAll(/"([^"]*)"|'([^']*)'|[<>|]|[^\s<>|]+/g), match => match[1] ?? match[2] ?? match[0]))
    .map(words => (words.some(isRedirection) ? words.slice(0, words.findIndex(isRedirection)) : words))
    .filter(words => words.length > 0)
}

const terminal: Terminal = {
  stdin: Readable.from([]),
  stdout: { write: () => true },
  stderr: { write: () => true },
  env: {},
  cwd: root,
  operator: 'reader',
  origin: 'cli',
  now: () => Date.UTC(2026, 10, 22),
  onSignal: () => () => {},
  onOutputClosed: () => {},
  onOutputFailed: () => {},
  onDefect: () => {},
  exit: () => {},
}

/** The whole command tree: for its completion script the program declares every command in full. */
const declareAll = (): Promise<Command> => buildProgram(['completion'], terminal, '0')

function* withAll(command: Command): Generator<Command> {
  yield command
  for (const child of command.commands) yield* withAll(child)
}

/** Parses a command line as the program does, but runs nothing. Undefined: it is accepted. */
async function complaintOf(args: readonly string[]): Promise<string | undefined> {
  const program = await declareAll()
  for (const command of withAll(program)) {
    command.exitOverride()
    if (command.commands.length === 0) command.action(() => {})
  }
  try {
    await program.parseAsync([...args], { from: 'user' })
    return undefined
  } catch (error) {
    if (error instanceof CommanderError && (error.exitCode === 0 || error.code === 'commander.help')) return undefined
    return error instanceof Error ? error.message : String(error)
  }
}

const commands = (await declareAll()).commands
const groups = commands.filter(command => command.commands.length > 0)

/** A span such as `mailwicket device add …` or `device list`: its words after the program's name; undefined: something else. */
function commandInSpan(text: string): { readonly args: string[]; readonly isCut: boolean } | undefined {
  const words = shellCommands(text.replace('…', ''))[0] ?? []
  const isCut = text.includes('…')
  if (words[0] === 'mailwicket') return { args: words.slice(1), isCut }
  const group = groups.find(command => command.name() === words[0])
  // In prose a command is often only named: `device list`.
  return group !== undefined && words.length === 2 ? { args: words, isCut: true } : undefined
}

function isKnown(args: readonly string[]): boolean {
  const names = args.filter(word => !word.startsWith('-'))
  const command = commands.find(child => child.name() === names[0])
  if (command === undefined) return names.length === 0
  return command.commands.length === 0 || names.length < 2 || command.commands.some(child => child.name() === names[1])
}

test('every mailwicket command in a shell block is one that the program accepts', async () => {
  const lines = blocks('sh').flatMap(({ where, text }) =>
    shellCommands(text)
      .filter(words => words[0] === 'mailwicket')
      .map(words => ({ where, words })),
  )
  expect(lines.length).toBeGreaterThan(20)
  const complaints: string[] = []
  for (const { where, words } of lines) {
    const complaint = await complaintOf(words.slice(1))
    if (complaint !== undefined) complaints.push(`${where}: ${words.join(' ')}: ${complaint}`)
  }
  expect(complaints).toEqual([])
})

test('every shell block is shell', () => {
  for (const { where, text } of blocks('sh')) expect(spawnSync('sh', ['-n'], { input: text, encoding: 'utf8' }).stderr, where).toBe('')
})

test('every command that a sentence or a remedy names exists', async () => {
  const remedies = Object.entries(ERRORS).flatMap(([code, { means, remedy }]) => spans({ path: code, text: `${means} ${remedy}` }))
  const complaints: string[] = []
  for (const { where, text } of [...pages.flatMap(spans), ...remedies]) {
    const named = commandInSpan(text)
    if (named === undefined) continue
    const complaint = named.isCut ? (isKnown(named.args) ? undefined : 'no such command') : await complaintOf(named.args)
    if (complaint !== undefined) complaints.push(`${where}: ${text}: ${complaint}`)
  }
  expect(complaints).toEqual([])
})

test('every npm script and every file that a page names exists', () => {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: Readonly<Record<string, string>> }
  const lines = [
    ...blocks('sh').flatMap(({ where, text }) => shellCommands(text).map(words => ({ where, words }))),
    ...pages.flatMap(spans).map(({ where, text }) => ({ where, words: text.split(' ') })),
  ]
  const missing = lines.filter(({ words: [npm, run, script] }) => npm === 'npm' && run === 'run' && !Object.hasOwn(scripts, script ?? ''))
  expect(missing).toEqual([])
  const dead = pages.flatMap(({ path, text }) =>
    Array.from(text.matchAll(/\]\((?!https?:)([^)#]+)[^)]*\)/g), match => match[1] ?? '')
      .filter(target => !existsSync(join(root, dirname(path), target)))
      .map(target => `${path} → ${target}`),
  )
  expect(dead).toEqual([])
})

test('docs/README.md leads to every page', () => {
  const leads = (from: string): readonly string[] =>
    Array.from((pages.find(({ path }) => path === from)?.text ?? '').matchAll(/\]\((?!https?:)([^)#]+)/g), match =>
      normalize(join(dirname(from), match[1] ?? '')),
    )
  const reached = new Set([...leads('docs/README.md'), ...leads('docs/decisions/README.md'), 'docs/README.md', 'docs/decisions/README.md'])
  expect(pages.map(({ path }) => path).filter(path => path.startsWith('docs/') && !reached.has(path))).toEqual([])
})

test('every source file that a page names exists', () => {
  const paths = readSources(root).map(({ path }) => `/${path}`)
  const dead = pages
    .flatMap(spans)
    .flatMap(({ where, text }) => (/^[\w./-]+\.ts$/.test(text) && !/(^|\/)x[.-]/.test(text) ? [{ where, text }] : []))
    .filter(({ text }) => !paths.some(path => path.endsWith(`/${text}`)))
  expect(dead).toEqual([])
})

test('every section of architecture.md that a comment or a page cites exists', () => {
  const page = pages.find(({ path }) => path === 'docs/architecture.md')?.text ?? ''
  const sections = new Set(Array.from(page.matchAll(/^## (\d+)\. /gm), match => match[1]))
  const cited = [...readSources(root), ...pages].flatMap(({ path, text }) =>
    Array.from(text.matchAll(/architecture §(\d+)(?: and §(\d+))?/g), ([, first, second]) => ({ path, sections: [first, second] })),
  )
  expect(cited.length).toBeGreaterThan(20)
  expect(cited.filter(({ sections: numbers }) => numbers.some(number => number !== undefined && !sections.has(number)))).toEqual([])
})

/** What a fragment leaves out, so that it can be loaded by itself. */
const REST: readonly (readonly [marker: RegExp, toml: string])[] = [
  [/^hostname\b/m, 'hostname = "mail.example.com"\n'],
  [/^\[\[certificate\]\]/m, '[[certificate]]\ncert = "a.pem"\nkey = "b.pem"\n'],
  [/^\[\[listen\]\]/m, '[[listen]]\nprotocol = "imap"\naddress = "0.0.0.0:993"\ntls = "implicit"\n'],
  [
    /^\[\[upstream\]\]/m,
    '[[upstream]]\nname = "rest"\nimap = { address = "imap.internal:993", tls = "implicit" }\nsubmission = { address = "smtp.internal:587", tls = "starttls" }\n',
  ],
]

test('every TOML block is a configuration, or a part of one, that this version serves', () => {
  const snippets = blocks('toml')
  expect(snippets.length).toBeGreaterThan(0)
  for (const { where, text } of snippets) {
    const [top = '', ...sections] = REST.map(([marker, toml]) => (marker.test(text) ? '' : toml))
    const whole = [top, text, ...sections].join('\n')
    expect(() => parseConfig(whole, join(root, 'mailwicket.toml')), where).not.toThrow()
  }
})

test('the tables of settings say what `device add` prints for the configuration of the README', () => {
  const toml = blocks('toml').find(({ where }) => where.startsWith('README.md'))?.text ?? ''
  const settings = listAppSettings(parseConfig(toml, join(root, 'mailwicket.toml')), 'anna@example.com', ['imap', 'smtp'])
  const values = Array.from(
    formatAppSettings(settings, 'anna@example.com', 'k7mq-x2pd-9rtf-h4wz-c8nb').matchAll(/^ {2}\S.*? {2,}(\S.*)$/gm),
    match => match[1] ?? '',
  )
  expect(values).toEqual(expect.arrayContaining(['993', '465', '587']))
  for (const path of ['README.md', 'docs/clients.md']) {
    const text = pages.find(page => page.path === path)?.text.toLowerCase() ?? ''
    expect(
      values.filter(value => !text.includes(value.toLowerCase())),
      path,
    ).toEqual([])
  }
})
