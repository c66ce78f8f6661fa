/**
 * `mailwicket backup FILE` and `restore FILE`. A backup is a whole store without the master key: keep the two apart.
 */
import { resolve } from 'node:path'
import { MailwicketError } from '../../base/errors.ts'
import { placeOf } from '../../config/config.ts'
import type { Restoration } from '../../store/maintenance/restoration.ts'
import type { DeviceNames, RestorePlan } from '../../store/maintenance/restore-plan.ts'
import type { CommandContext } from '../frame/command-context.ts'
import { addExamples, type Command, does } from '../frame/command-frame.ts'
import { formatBytes } from '../frame/moment.ts'
import { openProgress, type Progress } from '../frame/progress.ts'
import { actorOf, readConfig, readKeyring, withStore } from '../frame/store-access.ts'
import type { Terminal } from '../frame/terminal.ts'

interface RestoreOptions {
  readonly yes?: boolean
  readonly asBackedUp?: boolean
}

/** As many names as a person reads before saying yes. */
const SHOWN_NAMES = 20

export function declareBackup(backup: Command, terminal: Terminal): void {
  backup.argument('<file>')
  addExamples(
    does(backup, terminal, (context, [file]) => backUp(context, file)),
    ['backup /var/backups/mailwicket-2026-11-22.db', 'keep the master key in another safe place: without it a backup cannot be used'],
  )
}

export function declareRestore(restore: Command, terminal: Terminal): void {
  restore.argument('<file>').option('--yes', 'do not ask, also when devices would get in again')
  restore.option('--as-backed-up', 'give back every right as the backup has it: also to devices that were revoked or disabled since')
  addExamples(
    does(restore, terminal, (context, [file], options) => bringBack(context, file, options)),
    ['restore /var/backups/mailwicket-2026-11-22.db', 'while gateways run; the store that is replaced is kept beside it'],
    ['restore /var/backups/mailwicket-2026-11-22.db --as-backed-up', 'when the revocations since were a mistake'],
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

async function bringBack(context: CommandContext, file: string, options: RestoreOptions): Promise<void> {
  const config = await readConfig(context)
  const keyring = await readKeyring(context, config)
  const { prepareRestore } = await import('../../store/maintenance/restore.ts')
  const source = resolve(context.terminal.cwd, file)
  const rights = options.asBackedUp === true ? 'undo' : 'keep'
  const { now } = context.terminal
  let progress = await openProgress(context, 'Checking')
  const onProgress: Progress['onProgress'] = state => progress.onProgress(state)
  const prepared = await prepareRestore({ config, keyring, actor: actorOf(context), file: source, rights, now, onProgress }).finally(() => progress.stop())
  try {
    await agree(context, placeOf(config.store), source, prepared.plan, options)
    progress = await openProgress(context, 'Keeping what was there')
    const result = await prepared.apply().finally(() => progress.stop())
    const { kept, revived, lost, movedBack, ...facts } = result
    const counts = { revivedCount: revived.count, keptOutCount: kept.count, lostCount: lost.count, movedBackCount: movedBack.count }
    const names = { revived: revived.names, keptOut: kept.names, lost: lost.names, movedBack: movedBack.names }
    context.answer({ ...facts, ...counts, ...names }, () => formatRestoration(placeOf(config.store), source, result))
    if (prepared.plan === undefined) context.remark(UNKNOWN_PAST)
  } finally {
    await prepared.close()
  }
}

const UNKNOWN_PAST =
  'There was no sound store to compare with: devices that were revoked after the backup was made get in again. Look through `mailwicket device list`, and start the gateway.'

/** Says what will happen; whatever gives rights back needs a yes, also from a script. */
async function agree(context: CommandContext, path: string, source: string, plan: RestorePlan | undefined, options: RestoreOptions): Promise<void> {
  if (plan !== undefined) context.remark(formatPlan(plan))
  const revived = plan?.revived.count ?? 0
  if (revived > 0 && options.yes !== true && context.terminal.stdin.isTTY !== true) {
    throw new MailwicketError('BAD_INPUT', {
      message: `${countDevices(revived)} would get in again that cannot now: ${plan?.revived.names.slice(0, SHOWN_NAMES).join(', ')}`,
      remedy: 'Nothing was changed. Give --yes if that is meant.',
    })
  }
  // What gives nobody access can be undone: the store that was there is kept.
  if (context.terminal.stdin.isTTY !== true) return
  const { confirm } = await import('../frame/confirm.ts')
  await confirm(context, `Replace the store ${path} with ${source}?`, options)
}

function formatPlan({ kept, revived, lost, movedBack }: RestorePlan): string {
  return [
    formatNames(revived, 'Warning: would get in again, though they cannot now'),
    formatNames(kept, 'Stay locked out or bound as they are now, against the backup'),
    formatNames(lost, 'Made after the backup, and gone with it'),
    formatNames(movedBack, 'Warning: mailboxes that get an earlier upstream or login back', countMailboxes),
  ].join('')
}

function formatRestoration(path: string, source: string, { keptAs, kept, revived, lost, movedBack }: Restoration): string {
  const count = (devices: DeviceNames, what: string) => (devices.count === 0 ? '' : `${countDevices(devices.count)} ${what}.\n`)
  return [
    `Restored ${path} from ${source}. Running gateways follow within a second.\n`,
    keptAs === null ? '' : `The store that was there is kept as ${keptAs}; it holds sealed secrets like a backup: remove it when nobody needs it.\n`,
    count(revived, 'got in again'),
    count(kept, 'stayed locked out or bound as before'),
    count(lost, lost.count === 1 ? 'was made after the backup and is gone' : 'were made after the backup and are gone'),
    movedBack.count === 0 ? '' : `${countMailboxes(movedBack.count)} got an earlier upstream or login back.\n`,
  ].join('')
}

function formatNames({ count, names }: DeviceNames, what: string, describe = countDevices): string {
  if (count === 0) return ''
  const shown = names.slice(0, SHOWN_NAMES)
  const more = count > shown.length ? `  … and ${count - shown.length} more\n` : ''
  return `${what} (${describe(count)}):\n${shown.map(name => `  ${name}\n`).join('')}${more}`
}

function countDevices(count: number): string {
  return count === 1 ? '1 device' : `${count} devices`
}

function countMailboxes(count: number): string {
  return count === 1 ? '1 mailbox' : `${count} mailboxes`
}
