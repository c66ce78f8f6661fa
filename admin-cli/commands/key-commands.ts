/**
 * `mailwicket key …`: the master key under which upstream secrets and the pepper are sealed. The key itself is never shown.
 */
import type { Keyring } from '../../store/keys/master-key.ts'
import type { CommandContext } from '../frame/command-context.ts'
import { addExamples, type Command, does } from '../frame/command-frame.ts'
import { openProgress } from '../frame/progress.ts'
import { readConfig, readKeyring, withStore, withStoreOf } from '../frame/store-access.ts'
import type { Terminal } from '../frame/terminal.ts'

export function declareKey(key: Command, terminal: Terminal): void {
  addExamples(key, ['key rotate', 'when somebody may have read the old one'])
  addExamples(
    does(key.command('show').description('show the ID of the master key and where it comes from; never the key'), terminal, context => showKey(context)),
    ['key show', 'which key a backup made now would need'],
  )
  addExamples(
    does(key.command('rotate').description('seal everything under a new master key; app passwords stay as they are'), terminal, context => rotateKey(context)),
    ['key rotate', 'then copy the new key file to a safe place; older backups still need the old key'],
  )
}

function formatSource(source: Keyring['source']): string {
  switch (source.kind) {
    case 'file':
      return source.path
    case 'credential':
      return `${source.path} (systemd credential)`
    case 'environment':
      return '$MAILWICKET_MASTER_KEY'
  }
}

async function showKey(context: CommandContext): Promise<void> {
  const config = await readConfig(context)
  const keyring = await readKeyring(context, config)
  const status = await withStoreOf(context, config, store => store.keys.status())
  const { formatFields } = await import('../frame/table.ts')
  const value = { keyId: keyring.currentId, keyIds: keyring.ids, source: keyring.source, storeKeyId: status.storeKeyId, rotating: status.rotating }
  const fields: [string, string][] = [
    ['Key ID', keyring.currentId],
    ['Comes from', formatSource(keyring.source)],
    ['Store sealed under', status.storeKeyId],
  ]
  if (keyring.ids.length > 1) fields.push(['Older keys kept', keyring.ids.filter(id => id !== keyring.currentId).join(', ')])
  if (status.rotating) fields.push(['Rotation', 'not finished: run `mailwicket key rotate` again'])
  context.answer(value, () => formatFields(fields))
}

async function rotateKey(context: CommandContext): Promise<void> {
  const progress = await openProgress(context, 'Sealing')
  const result = await withStore(context, store => store.keys.rotate({ onProgress: progress.onProgress })).finally(progress.stop)
  context.answer(
    result,
    () =>
      `Master key ${result.from} is replaced by ${result.to}; ${result.resealed} sealed values were written again.\nCopy the new key to a safe place. Backups made before still need ${result.from}.\n`,
  )
}
