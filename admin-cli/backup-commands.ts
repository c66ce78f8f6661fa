/**
 * `mailwicket backup FILE` and `restore FILE`. A backup is a whole store without the master key: keep the two apart.
 */
import { resolve } from 'node:path'
import type { CommandContext } from './command-context.ts'
import { addExamples, type Command, does } from './command-frame.ts'
import { formatBytes } from './moment.ts'
import { openProgress } from './progress.ts'
import { actorOf, readConfig, readKeyring, withStore } from './store-access.ts'
import type { Terminal } from './terminal.ts'

export function declareBackup(backup: Command, terminal: Terminal): void {
  backup.argument('<file>')
  addExamples(
    does(backup, terminal, (context, [file]) => backUp(context, file)),
    ['backup /var/backups/mailwicket-2026-11-22.db', 'keep the master key in another safe place: without it a backup cannot be used'],
  )
}

export function declareRestore(restore: Command, terminal: Terminal): void {
  restore.argument('<file>').option('--yes', 'do not ask')
  addExamples(
    does(restore, terminal, (context, [file], options) => bringBack(context, file, options)),
    ['restore /var/backups/mailwicket-2026-11-22.db', 'the store that is replaced is kept beside it'],
  )
}

async function backUp(context: CommandContext, file: string): Promise<void> {
  const target = resolve(context.terminal.cwd, file)
  const progress = await openProgress(context, 'Backup')
  const result = await withStore(context, store => store.backup(target, { onProgress: progress.onProgress })).finally(progress.stop)
  context.answer(
    result,
    () => `Wrote ${result.file} (${formatBytes(result.bytes)}). To restore it, the master key ${result.keyId} is needed; it is not in the file.\n`,
  )
}

async function bringBack(context: CommandContext, file: string, options: { yes?: boolean }): Promise<void> {
  const config = await readConfig(context)
  const keyring = await readKeyring(context, config)
  const { confirm } = await import('./secret-prompt.ts')
  await confirm(context, `Replace the store ${config.store.sqlitePath} with ${file}?`, options)
  const { restoreStore } = await import('../store/backup.ts')
  const progress = await openProgress(context, 'Restore')
  const source = resolve(context.terminal.cwd, file)
  const result = await restoreStore({ config, keyring, actor: actorOf(context), file: source, onProgress: progress.onProgress }).finally(progress.stop)
  context.answer(
    result,
    () => `Restored ${config.store.sqlitePath} from ${source}.\n${result.keptAs === null ? '' : `The store that was there is kept as ${result.keptAs}.\n`}`,
  )
  if (result.revived.length > 0) {
    context.remark(
      `Warning: these devices are active again, though they were revoked or removed after the backup:\n${result.revived.map(name => `  ${name}`).join('\n')}\nRevoke them again: mailwicket device revoke ${result.revived.slice(0, 3).join(' ')}${result.revived.length > 3 ? ' …' : ''}`,
    )
  }
}
