/**
 * `mailwicket migrate`: brings the store to the form that this version uses. Forward only.
 */
import type { CommandContext } from '../frame/command-context.ts'
import { addExamples, type Command, does } from '../frame/command-frame.ts'
import { actorOf, readConfig } from '../frame/store-access.ts'
import type { Terminal } from '../frame/terminal.ts'

export function declareMigrate(command: Command, terminal: Terminal): void {
  addExamples(
    does(command, terminal, context => migrate(context)),
    ['migrate', 'after an update of Mailwicket, with the gateway stopped'],
    ['backup before-update.db && mailwicket migrate', 'the careful way'],
  )
}

async function migrate(context: CommandContext): Promise<void> {
  const config = await readConfig(context)
  const { migrateStore } = await import('../../store/open-store.ts')
  const onStep = ({ version, name }: { version: number; name: string }) => context.remark(`  ${version}: ${name}`)
  const { from, to } = await migrateStore({ config, actor: actorOf(context), onStep })
  context.answer({ from, to }, () => (from === to ? `The store is up to date (version ${to}).\n` : `The store went from version ${from} to ${to}.\n`))
}
