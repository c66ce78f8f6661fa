/**
 * The whole command tree. The order here is the order in the help.
 * Only the commands that the command line names are declared in full: reading the files of the others would cost every command time.
 */
import { Command } from './frame/command-frame.ts'
import type { Terminal } from './frame/terminal.ts'

interface Branch {
  readonly name: string
  readonly summary: string
  readonly load: () => Promise<(command: Command, terminal: Terminal) => void>
}

const BRANCHES: Readonly<Record<string, readonly Branch[]>> = {
  'Begin:': [
    {
      name: 'demo',
      summary: 'a look around without any set-up: a mail server with a few messages, a gateway, one device; all on this machine, gone afterwards',
      load: async () => (await import('./demo/demo-command.ts')).declareDemo,
    },
    {
      name: 'init',
      summary: 'write mailwicket.toml, the master key, a development certificate and the database; never overwrites',
      load: async () => (await import('./commands/init-command.ts')).declareInit,
    },
    {
      name: 'check',
      summary: 'check configuration, keys, certificates, store and upstreams; exit code 1 when something must be done',
      load: async () => (await import('./check/check-command.ts')).declareCheck,
    },
    {
      name: 'serve',
      summary: 'run the gateway in the foreground: log on stdout, SIGTERM or Ctrl-C stops, SIGHUP reads the configuration again',
      load: async () => (await import('./commands/serve-command.ts')).declareServe,
    },
  ],
  'Mailboxes, devices and users:': [
    {
      name: 'mailbox',
      summary: 'put mailboxes behind the gateway, list and remove them',
      load: async () => (await import('./commands/mailbox-commands.ts')).declareMailbox,
    },
    {
      name: 'device',
      summary: 'give a device its own password, list devices, revoke them',
      load: async () => (await import('./commands/devices/device-commands.ts')).declareDevice,
    },
    {
      name: 'user',
      summary: 'name the persons behind devices and say who may send',
      load: async () => (await import('./commands/people/user-commands.ts')).declareUser,
    },
    {
      name: 'invite',
      summary: 'make links by which people make the passwords of their devices themselves',
      load: async () => (await import('./commands/people/invite-commands.ts')).declareInvite,
    },
    { name: 'token', summary: 'make and revoke tokens of the HTTP API', load: async () => (await import('./commands/people/token-commands.ts')).declareToken },
  ],
  'What happens:': [
    { name: 'session', summary: 'list live sessions, end them', load: async () => (await import('./commands/session-commands.ts')).declareSession },
    {
      name: 'limits',
      summary: 'show who is held back for too many wrong passwords, let go of it',
      load: async () => (await import('./commands/limits-commands.ts')).declareLimits,
    },
    {
      name: 'activity',
      summary: 'show logins and refusals, oldest first (kept 30 days)',
      load: async () => (await import('./commands/activity-commands.ts')).declareActivity,
    },
    {
      name: 'audit',
      summary: 'show who changed what: mailboxes, devices, users, keys',
      load: async () => (await import('./commands/activity-commands.ts')).declareAudit,
    },
  ],
  'Operation:': [
    {
      name: 'backup',
      summary: 'copy the store to a file while the gateway runs; the master key is not in it',
      load: async () => (await import('./commands/backup-commands.ts')).declareBackup,
    },
    {
      name: 'restore',
      summary: 'put a backup in the place of the store, while the gateway runs; what was revoked since stays revoked',
      load: async () => (await import('./commands/backup-commands.ts')).declareRestore,
    },
    {
      name: 'import',
      summary: 'take mailboxes and devices from a CSV or JSON file',
      load: async () => (await import('./import/import-command.ts')).declareImport,
    },
    {
      name: 'export',
      summary: 'write mailboxes and devices to a CSV or JSON file; no passwords',
      load: async () => (await import('./import/export-command.ts')).declareExport,
    },
    {
      name: 'dns',
      summary: 'print the DNS records by which mail apps find the settings of a domain',
      load: async () => (await import('./commands/dns-command.ts')).declareDns,
    },
    { name: 'key', summary: 'show which master key is used, change it', load: async () => (await import('./commands/key-commands.ts')).declareKey },
    {
      name: 'migrate',
      summary: 'bring the store to the form this version uses, after an update; there is no way back but a backup',
      load: async () => (await import('./commands/migrate-command.ts')).declareMigrate,
    },
    {
      name: 'completion',
      summary: 'print a script that completes commands and options in your shell',
      load: async () => (await import('./commands/completion/completion-command.ts')).declareCompletion,
    },
  ],
}

/** What a completion script asks; in no help and no script. */
const NAMES = 'complete-names'

/** `version` is that of the package; `args` are those of the command line. */
export async function buildProgram(args: readonly string[], terminal: Terminal, version: string): Promise<Command> {
  const program = makeRoot(terminal, version, args.includes('--json') ? () => {} : text => terminal.stderr.write(text))
  // The completion script tells of every command.
  const isNamed = (branch: Branch) => args.includes(branch.name) || args.includes('completion')
  for (const [heading, branches] of Object.entries(BRANCHES)) {
    for (const branch of branches) {
      const command = program.command(branch.name).description(branch.summary).helpGroup(heading).helpCommand(false)
      if (isNamed(branch)) (await branch.load())(command, terminal)
    }
  }
  if (args.includes(NAMES)) {
    const { declareNames } = await import('./commands/completion/names-command.ts')
    declareNames(program.command(NAMES, { hidden: true }).helpCommand(false), terminal)
  }
  program.addHelpCommand(new Command('help').argument('[command]').description('print the help of a command').helpGroup('Operation:'))
  return program
}

/** Columns of the help where there is no terminal to ask. */
const HELP_WIDTH = 100

/** `writeHelpAsError` takes the help of a group that was called without a command: nothing of it may stand beside a JSON error. */
function makeRoot(terminal: Terminal, version: string, writeHelpAsError: (text: string) => unknown): Command {
  return new Command('mailwicket')
    .description('One password per device in front of a mail server that already exists.')
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .option('--config <file>', 'configuration file (else $MAILWICKET_CONFIG, ./mailwicket.toml, /etc/mailwicket/mailwicket.toml)')
    .option('--json', 'one JSON value on stdout; errors as JSON on stderr')
    .configureHelp({ showGlobalOptions: true, commandUsage: formatUsage, subcommandTerm: command => command.name() })
    .configureOutput({
      writeOut: text => void terminal.stdout.write(text),
      writeErr: text => void writeHelpAsError(text),
      // An error is reported once, by run-command.ts, in the form that was asked for.
      outputError: () => {},
      getOutHelpWidth: () => terminal.stdout.columns ?? HELP_WIDTH,
      getErrHelpWidth: () => terminal.stderr.columns ?? HELP_WIDTH,
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
    .exitOverride()
    .addHelpText(
      'after',
      '\nExit codes: 0 done, 1 failed, 2 bad usage or input, 3 no such thing, 4 temporarily unavailable.\nEvery command has its own help with examples: mailwicket device add --help',
    )
}

function formatUsage(command: Command): string {
  const names: string[] = []
  for (let one: Command | null = command; one !== null; one = one.parent) names.unshift(one.name())
  return `${names.join(' ')} ${command.usage()}`
}
