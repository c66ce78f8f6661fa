/**
 * `mailwicket init`: everything a first start needs, in one folder. Looks before it writes, and never overwrites.
 */

import { lstatSync } from 'node:fs'
import { hostname as nameOfMachine } from 'node:os'
import { join, resolve } from 'node:path'
import { MailwicketError } from '../../base/errors.ts'
import { makeFolder } from '../../base/files/file-errors.ts'
import type { Config } from '../../config/config.ts'
import type { Store } from '../../store/open-store.ts'
import type { CommandContext } from '../frame/command-context.ts'
import { addExamples, type Command, does } from '../frame/command-frame.ts'
import { formatCommand } from '../frame/shell-words.ts'
import { actorOf } from '../frame/store-access.ts'
import type { Terminal } from '../frame/terminal.ts'

export function declareInit(init: Command, terminal: Terminal): void {
  init.option('--dir <folder>', 'where to (default: the working folder)')
  init.option('--data-dir <folder>', 'where to put key, certificates and database, if not beside the configuration')
  init.option('--hostname <name>', 'the name mail apps will connect to (default: this machine’s full name, else localhost)')
  init.option('--store <url>', 'a PostgreSQL database that is there and empty (default: a SQLite file beside the key)')
  addExamples(
    does(init, terminal, (context, _, options) => writeInstallation(context, options)),
    ['init --dir /etc/mailwicket --data-dir /var/lib/mailwicket --hostname mail.example.com', 'for a server'],
    ['init --dir /etc/mailwicket --store postgres://mailwicket@db.internal/mailwicket', 'with the store in PostgreSQL; its password stands in ~/.pgpass'],
    ['init', 'in the working folder, for a try'],
  )
}

async function writeInstallation(context: CommandContext, options: { dir?: string; dataDir?: string; hostname?: string; store?: string }): Promise<void> {
  const { terminal } = context
  const directory = resolve(terminal.cwd, options.dir ?? '.')
  const dataDir = resolve(terminal.cwd, options.dataDir ?? directory)
  const hostname = await readHostName(options.hostname)
  const storeUrl = options.store === undefined ? undefined : await readStoreUrl(options.store, directory)
  const files = {
    config: join(directory, 'mailwicket.toml'),
    key: join(dataDir, 'keys', 'master.key'),
    ca: join(dataDir, 'certs', 'ca.pem'),
    certificate: join(dataDir, 'certs', 'fullchain.pem'),
    privateKey: join(dataDir, 'certs', 'privkey.pem'),
    store: storeUrl ?? join(dataDir, 'mailwicket.db'),
  }
  refuseToOverwrite(Object.values(files).filter(file => file !== storeUrl))
  for (const folder of [directory, dataDir]) makeFolder(folder, 0o755)

  const { writeSampleConfig } = await import('../../config/config-sample.ts')
  const sample = { hostname, ...(dataDir === directory ? {} : { dataDir }), ...(storeUrl === undefined ? {} : { storeUrl }) }
  const { store } = await makeInstallation(context, { directory, dataDir }, hostname, path => writeSampleConfig(path, sample))
  await store.close()

  const program = directory === terminal.cwd ? formatCommand(terminal, []) : formatCommand(terminal, ['--config', files.config])
  context.answer({ directory, hostname, files }, () => formatNextSteps(files, hostname, program))
}

/** Certificate, master key and database below `dataDir`, the configuration in `directory`; used by `init` and `demo`. The store is open. */
export async function makeInstallation(
  context: CommandContext,
  { directory, dataDir }: { directory: string; dataDir: string },
  hostname: string,
  writeConfig: (path: string) => void,
): Promise<{ config: Config; store: Store }> {
  const [{ writeDevelopmentCertificate }, { loadConfig }, { createKeyFile, keyFilePath }, { createStore }] = await Promise.all([
    import('../../certs/development-ca.ts'),
    import('../../config/config-load.ts'),
    import('../../store/keys/master-key.ts'),
    import('../../store/open-store.ts'),
  ])
  await writeDevelopmentCertificate({ directory: join(dataDir, 'certs'), hostNames: [...new Set([hostname, 'localhost', '127.0.0.1', '::1'])] })
  const keyring = createKeyFile(keyFilePath(dataDir))
  const file = join(directory, 'mailwicket.toml')
  writeConfig(file)
  const config = loadConfig({ file, cwd: directory })
  const actor = actorOf(context)
  return { config, store: (await createStore({ config, keyring, actor })).as(actor) }
}

/** Looks into the database before anything is written. Throws BAD_INPUT, ALREADY_EXISTS, STORE_UNAVAILABLE. */
async function readStoreUrl(text: string, directory: string): Promise<string> {
  const [{ readStoreOption }, { findStore }] = await Promise.all([import('../frame/store-option.ts'), import('../../store/open-store.ts')])
  const store = await readStoreOption('--store', text, directory)
  if (store.postgres === undefined)
    throw new MailwicketError('BAD_INPUT', { message: '--store is for PostgreSQL.', remedy: 'Say with --data-dir where the SQLite file is to be.' })
  if (await findStore(store))
    throw new MailwicketError('ALREADY_EXISTS', {
      message: `Nothing was written: there is a store in ${store.url} already.`,
      remedy: 'For another gateway on it copy mailwicket.toml and keys/master.key of the first.',
    })
  return text
}

async function readHostName(given: string | undefined): Promise<string> {
  // A name without a dot is no name that a phone could find.
  if (given === undefined) return nameOfMachine().includes('.') ? nameOfMachine().toLowerCase() : 'localhost'
  const { findHostName } = await import('../../base/network.ts')
  const name = findHostName(given)
  if (name === undefined)
    throw new MailwicketError('BAD_INPUT', {
      message: `--hostname: “${given.slice(0, 60)}” is no host name.`,
      remedy: 'Give the name mail apps will connect to, for example mail.example.com.',
    })
  return name
}

function refuseToOverwrite(paths: readonly string[]): void {
  const present = paths.filter(path => lstatSync(path, { throwIfNoEntry: false }) !== undefined)
  if (present.length > 0) {
    throw new MailwicketError('ALREADY_EXISTS', {
      message: `Nothing was written: ${present.join(', ')} ${present.length === 1 ? 'exists' : 'exist'} already.`,
      remedy: 'Name another folder with --dir, or go on with what is there.',
    })
  }
}

function formatNextSteps(files: { config: string; key: string; ca: string }, hostname: string, program: string): string {
  const domain = hostname.includes('.') ? hostname.split('.').slice(1).join('.') : 'example.com'
  const address = `anna@${domain.includes('.') ? domain : hostname.includes('.') ? hostname : 'example.com'}`
  return `Written:
  ${files.config}   the configuration
  ${files.key}   the master key (copy it to a safe place: backups do not contain it)
  ${files.ca}   authority of a certificate for trying things out; apps must be told to trust it

Next:
  1. Say where your mail server is: edit [[upstream]] in ${files.config}
  2. ${program} check
  3. ${program} mailbox add ${address}
  4. ${program} device add ${address} phone
  5. ${program} serve
For daily use put a certificate for ${hostname} that apps trust (Let’s Encrypt, for example) in [[certificate]].
`
}
