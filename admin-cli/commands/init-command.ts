/**
 * `mailwicket init`: everything a first start needs, in one folder. Looks before it writes, and never overwrites.
 */

import { lstatSync } from 'node:fs'
import { hostname as nameOfMachine } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { MailwicketError } from '../../base/errors.ts'
import { makeFolder } from '../../base/files/file-errors.ts'
import { type Config, placeOf, type StoreConfig } from '../../config/config.ts'
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
    does(init, terminal, (context, _, options) =>
      context.configFile === undefined ? writeInstallation(context, options) : completeInstallation(context, context.configFile, options),
    ),
    ['init --dir /etc/mailwicket --data-dir /var/lib/mailwicket --hostname mail.example.com', 'for a server'],
    ['init --dir /etc/mailwicket --store postgres://mailwicket@db.internal/mailwicket', 'with the store in PostgreSQL; its password stands in ~/.pgpass'],
    ['init --config /etc/mailwicket/mailwicket.toml', 'with a configuration that is there: the key, the certificate and the database that it names'],
    ['init', 'in the working folder, for a try'],
  )
}

interface InitOptions {
  readonly dir?: string
  readonly dataDir?: string
  readonly hostname?: string
  readonly store?: string
}

async function writeInstallation(context: CommandContext, options: InitOptions): Promise<void> {
  const { terminal } = context
  const directory = resolve(terminal.cwd, options.dir ?? '.')
  const dataDir = resolve(terminal.cwd, options.dataDir ?? directory)
  const hostname = await readHostName(options.hostname)
  const storeUrl = options.store === undefined ? undefined : await readStoreUrl(options.store, directory)
  const files = {
    config: join(directory, 'mailwicket.toml'),
    key: join(dataDir, 'keys', 'master.key'),
    ...certificateFiles(dataDir),
    store: storeUrl ?? join(dataDir, 'mailwicket.db'),
  }
  refuseToOverwrite(Object.values(files).filter(file => file !== storeUrl))
  for (const folder of [directory, dataDir]) makeFolder(folder, 0o755)

  const { writeSampleConfig } = await import('../../config/config-sample.ts')
  const sample = { hostname, ...(dataDir === directory ? {} : { dataDir }), ...(storeUrl === undefined ? {} : { storeUrl }) }
  const { store } = await makeInstallation(context, { directory, dataDir }, hostname, path => writeSampleConfig(path, sample))
  await store.close()

  const program = directory === terminal.cwd ? formatCommand(terminal, []) : formatCommand(terminal, ['--config', files.config])
  context.answer({ directory, hostname, files }, () =>
    formatNextSteps(files, hostname, program, { configLine: `  ${files.config}   the configuration\n`, start: `${program} serve` }),
  )
}

/** For the configuration of the Debian package, and one that was written by other means: it is read and not touched. */
async function completeInstallation(context: CommandContext, file: string, options: InitOptions): Promise<void> {
  if (Object.keys(options).length > 0)
    throw new MailwicketError('BAD_INPUT', {
      message: '--config is a configuration that is there: it says where everything is and how this machine is called.',
      remedy: 'Leave the other options away, or --config.',
    })
  const [{ loadConfig, SYSTEM_FILE }, { createKeyFile, keyFilePath }, { createStore }] = await Promise.all([
    import('../../config/config-load.ts'),
    import('../../store/keys/master-key.ts'),
    import('../../store/open-store.ts'),
  ])
  const config = loadConfig({ file, cwd: context.terminal.cwd })
  const { dataDir, hostname, store } = config
  const certificate = certificateFiles(dataDir)
  // Only where the configuration waits for one: a certificate from elsewhere is not ours to make.
  const needsCertificate = config.certificates.some(({ cert, key }) => cert === certificate.certificate && key === certificate.privateKey && !isThere(cert))
  const files = { config: config.path, key: keyFilePath(dataDir), ...(needsCertificate ? certificate : {}), store: placeOf(store) }
  refuseToOverwrite(Object.values(files).filter(path => path !== config.path && path !== store.url))
  if (store.postgres !== undefined) await refuseStoreThere(store)
  makeFolder(dataDir, 0o700)
  if (needsCertificate) await writeCertificate(dataDir, hostname)
  await (await createStore({ config, keyring: createKeyFile(files.key), actor: actorOf(context) })).close()
  const isSystemFile = files.config === SYSTEM_FILE
  const program = formatCommand(context.terminal, isSystemFile ? [] : ['--config', files.config])
  const start = isSystemFile ? 'systemctl start mailwicket   (as root)' : `${program} serve`
  context.answer({ directory: dirname(files.config), hostname, files }, () => formatNextSteps(files, hostname, program, { configLine: '', start }))
}

/** Certificate, master key and database below `dataDir`, the configuration in `directory`; used by `init` and `demo`. The store is open. */
export async function makeInstallation(
  context: CommandContext,
  { directory, dataDir }: { directory: string; dataDir: string },
  hostname: string,
  writeConfig: (path: string) => void,
): Promise<{ config: Config; store: Store }> {
  const [{ loadConfig }, { createKeyFile, keyFilePath }, { createStore }] = await Promise.all([
    import('../../config/config-load.ts'),
    import('../../store/keys/master-key.ts'),
    import('../../store/open-store.ts'),
  ])
  await writeCertificate(dataDir, hostname)
  const keyring = createKeyFile(keyFilePath(dataDir))
  const file = join(directory, 'mailwicket.toml')
  writeConfig(file)
  const config = loadConfig({ file, cwd: directory })
  const actor = actorOf(context)
  return { config, store: (await createStore({ config, keyring, actor })).as(actor) }
}

function certificateFiles(dataDir: string): { readonly ca: string; readonly certificate: string; readonly privateKey: string } {
  const certs = join(dataDir, 'certs')
  return { ca: join(certs, 'ca.pem'), certificate: join(certs, 'fullchain.pem'), privateKey: join(certs, 'privkey.pem') }
}

async function writeCertificate(dataDir: string, hostname: string): Promise<void> {
  const { writeDevelopmentCertificate } = await import('../../certs/development-ca.ts')
  await writeDevelopmentCertificate({ directory: join(dataDir, 'certs'), hostNames: [...new Set([hostname, 'localhost', '127.0.0.1', '::1'])] })
}

/** Looks into the database before anything is written. Throws BAD_INPUT, ALREADY_EXISTS, STORE_UNAVAILABLE. */
async function readStoreUrl(text: string, directory: string): Promise<string> {
  const { readStoreOption } = await import('../frame/store-option.ts')
  const store = await readStoreOption('--store', text, directory)
  if (store.postgres === undefined)
    throw new MailwicketError('BAD_INPUT', { message: '--store is for PostgreSQL.', remedy: 'Say with --data-dir where the SQLite file is to be.' })
  await refuseStoreThere(store)
  return text
}

async function refuseStoreThere(store: StoreConfig): Promise<void> {
  const { findStore } = await import('../../store/open-store.ts')
  if (await findStore(store))
    throw new MailwicketError('ALREADY_EXISTS', {
      message: `Nothing was written: there is a store in ${store.url} already.`,
      remedy: 'For another gateway on it copy mailwicket.toml and keys/master.key of the first.',
    })
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

function isThere(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined
}

function refuseToOverwrite(paths: readonly string[]): void {
  const present = paths.filter(isThere)
  if (present.length > 0) {
    throw new MailwicketError('ALREADY_EXISTS', {
      message: `Nothing was written: ${present.join(', ')} ${present.length === 1 ? 'exists' : 'exist'} already.`,
      remedy: 'Name another folder with --dir, or go on with what is there.',
    })
  }
}

function formatNextSteps(
  files: { readonly config: string; readonly key: string; readonly ca?: string },
  hostname: string,
  program: string,
  { configLine, start }: { readonly configLine: string; readonly start: string },
): string {
  const domain = hostname.includes('.') ? hostname.split('.').slice(1).join('.') : 'example.com'
  const address = `anna@${domain.includes('.') ? domain : hostname.includes('.') ? hostname : 'example.com'}`
  return `Written:
${configLine}  ${files.key}   the master key (copy it to a safe place: backups do not contain it)
${files.ca === undefined ? '' : `  ${files.ca}   authority of a certificate for trying things out; apps must be told to trust it\n`}
Next:
  1. Say where your mail server is: edit [[upstream]] in ${files.config}
  2. ${program} check
  3. ${program} mailbox add ${address}
  4. ${program} device add ${address} phone
  5. ${start}
For daily use put a certificate for ${hostname} that apps trust (Let’s Encrypt, for example) in [[certificate]].
`
}
