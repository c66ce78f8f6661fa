/**
 * How commands reach configuration and store: found, checked, opened, and closed again whatever happens.
 * Everything is imported when it is needed: help and completion load none of it.
 */
import type { Config } from '../../config/config.ts'
import type { Operator } from '../../management/actor.ts'
import type { UseCaseContext } from '../../management/use-case.ts'
import type { Keyring } from '../../store/keys/master-key.ts'
import type { Store } from '../../store/open-store.ts'
import type { Actor } from '../../store/store-context.ts'
import type { CommandContext } from './command-context.ts'

/** The configuration of `--config`, `$MAILWICKET_CONFIG`, the working folder or /etc. Throws CONFIG_NOT_FOUND, CONFIG_INVALID. */
export async function readConfig(context: CommandContext): Promise<Config> {
  const { loadConfig } = await import('../../config/config-load.ts')
  return loadConfig(configPlaces(context))
}

/** What config/config-load.ts looks at. */
export function configPlaces(context: CommandContext): { file?: string; environmentFile?: string; cwd: string } {
  const { configFile, terminal } = context
  const environmentFile = terminal.env.MAILWICKET_CONFIG
  return { cwd: terminal.cwd, ...(configFile === undefined ? {} : { file: configFile }), ...(environmentFile === undefined ? {} : { environmentFile }) }
}

/** Who the audit says it was. */
export function actorOf(context: CommandContext): Actor {
  return { name: context.terminal.operator, source: context.terminal.origin }
}

/** Runs use cases as the operator; the store is closed afterwards. */
export async function manage<T>(context: CommandContext, act: (useCases: UseCaseContext, operator: Operator) => Promise<T>): Promise<T> {
  return withStore(context, async (store, config) => {
    try {
      return await act({ store, config }, { kind: 'operator', ...actorOf(context) })
    } catch (error) {
      const { withSuggestion } = await import('./suggest-name.ts')
      throw await withSuggestion(store.names, error)
    }
  })
}

/** The master key of this configuration. Throws KEY_UNREADABLE, KEY_EXPOSED. */
export async function readKeyring(context: CommandContext, config: Config): Promise<Keyring> {
  const { loadKeyring } = await import('../../store/keys/master-key.ts')
  return loadKeyring({ dataDir: config.dataDir, env: context.terminal.env })
}

/** Opens the store for `use` and closes it afterwards. The key is read only when something sealed is touched. */
export async function withStore<T>(context: CommandContext, use: (store: Store, config: Config) => Promise<T>): Promise<T> {
  const config = await readConfig(context)
  return withStoreOf(context, config, store => use(store, config))
}

export async function withStoreOf<T>(context: CommandContext, config: Config, use: (store: Store) => Promise<T>): Promise<T> {
  const [{ openStore }, { loadKeyring }] = await Promise.all([import('../../store/open-store.ts'), import('../../store/keys/master-key.ts')])
  const keyring = () => loadKeyring({ dataDir: config.dataDir, env: context.terminal.env })
  const store = await openStore({ config, keyring, now: context.terminal.now })
  try {
    return await use(store.as(actorOf(context)))
  } finally {
    await store.close()
  }
}
