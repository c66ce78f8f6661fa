/**
 * `mailwicket migrate`: brings the store to the form that this version uses, forward only; with `--to` it moves into another database.
 */
import { MailwicketError } from '../../base/errors.ts'
import { placeOf } from '../../config/config.ts'
import type { MoveStep } from '../../store/maintenance/move-store.ts'
import type { CommandContext } from '../frame/command-context.ts'
import { addExamples, type Command, does } from '../frame/command-frame.ts'
import { openProgress } from '../frame/progress.ts'
import { actorOf, readConfig } from '../frame/store-access.ts'
import type { Terminal } from '../frame/terminal.ts'

interface MigrateOptions {
  readonly dryRun?: boolean
  readonly from?: string
  readonly to?: string
}

export function declareMigrate(command: Command, terminal: Terminal): void {
  command.option(
    '--to <url>',
    'move the store into this database, which is there and empty (sqlite:PATH: a file that is not there); killed, it goes on when it is run again',
  )
  command.option('--from <url>', 'with --to: out of this one (default: that of the configuration)')
  command.option('--dry-run', 'say whether there is something to do, and do nothing')
  addExamples(
    does(command, terminal, (context, _, options: MigrateOptions) =>
      options.to === undefined ? migrate(context, options) : move(context, options.to, options),
    ),
    ['migrate', 'after an update of Mailwicket, with the gateway stopped'],
    ['migrate --dry-run', 'whether this version needs it'],
    ['backup before-update.db && mailwicket migrate', 'the careful way'],
    ['migrate --to postgres://mailwicket@db.internal/mailwicket', 'from SQLite to PostgreSQL, while the gateway serves; then change `url` and restart it'],
  )
}

async function migrate(context: CommandContext, options: MigrateOptions): Promise<void> {
  if (options.from !== undefined) throw new MailwicketError('BAD_INPUT', { message: '--from goes with --to.', remedy: 'Say where to move with --to.' })
  const config = await readConfig(context)
  const { migrateStore, readStoreVersion } = await import('../../store/open-store.ts')
  if (options.dryRun === true) {
    const { version, newest } = await readStoreVersion(config)
    context.answer({ from: version, to: newest }, () =>
      version === newest ? `The store is up to date (version ${newest}).\n` : `The store would go from version ${version} to ${newest}.\n`,
    )
    return
  }
  const onStep = ({ version, name }: { version: number; name: string }) => context.remark(`  ${version}: ${name}`)
  const { from, to } = await migrateStore({ config, actor: actorOf(context), onStep })
  context.answer({ from, to }, () => (from === to ? `The store is up to date (version ${to}).\n` : `The store went from version ${from} to ${to}.\n`))
}

async function move(context: CommandContext, target: string, options: MigrateOptions): Promise<void> {
  if (options.dryRun === true)
    throw new MailwicketError('BAD_INPUT', {
      message: '--dry-run does not go with --to.',
      remedy: 'The target must be empty; a move closes the old store at its end.',
    })
  const [{ readStoreOption }, { moveStore }] = await Promise.all([import('../frame/store-option.ts'), import('../../store/maintenance/move-store.ts')])
  const { cwd, now } = context.terminal
  const from = options.from === undefined ? (await readConfig(context)).store : await readStoreOption('--from', options.from, cwd)
  const to = await readStoreOption('--to', target, cwd)
  let progress = await openProgress(context, 'Copying')
  const lastStep = await openProgress(context, 'Last step')
  const onStep = (step: MoveStep): void => {
    if (step === 'resumed') context.remark('A move there was begun before: going on with it.')
    if (step !== 'held') return
    progress.stop()
    progress = lastStep
  }
  const { tables } = await moveStore({ from, to, actor: actorOf(context), now, onProgress: state => progress.onProgress(state), onStep }).finally(() =>
    progress.stop(),
  )
  const rows = tables.reduce((sum, table) => sum + table.rows, 0)
  context.answer({ from: placeOf(from), to: placeOf(to), rows, tables: tables.map(table => ({ table: table.table, rows: table.rows })) }, () =>
    [
      tables.length === 0
        ? `The store had moved to ${placeOf(to)} before.\n`
        : `Moved ${rows} rows of ${tables.length} tables from ${placeOf(from)} to ${placeOf(to)}, and compared them.\n`,
      // With all that reaching the server needs; it holds no password.
      `Now write url = "${to.sqlitePath === undefined ? target : to.url}" below [store] in mailwicket.toml, and restart the gateway: until then it lets nobody in. The old store takes no changes any more; remove it when nobody needs it.\n`,
    ].join(''),
  )
}
