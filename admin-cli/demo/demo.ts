/**
 * The demo: an embedded mail server, a store, a certificate, one mailbox with one device, two people, and the real gateway and portal in front.
 * Listens on 127.0.0.1 only and writes nothing outside its folder, which is removed at the end unless it is to be kept.
 */

import { randomBytes } from 'node:crypto'
import { closeSync, existsSync, mkdtempSync, openSync, readdirSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MailwicketError } from '../../base/errors.ts'
import { makeFolder } from '../../base/files/file-errors.ts'
import { Secret } from '../../base/secret.ts'
import type { Config } from '../../config/config.ts'
import type { Store } from '../../store/open-store.ts'
import { makeInstallation } from '../commands/init-command.ts'
import { runUntilStopped } from '../commands/serve-command.ts'
import type { CommandContext } from '../frame/command-context.ts'
import { withStoreOf } from '../frame/store-access.ts'
import { ADDRESS, DEVICE, HOSTNAME, introduce } from './demo-introduction.ts'
import { addPeople, type DemoPerson, OWNER } from './demo-people.ts'

/** In a kept folder: says that the demo made it, so that it is never mistaken for a real installation. */
const MARKER = 'demo.json'
/** Like 993, 143, 465, 587 and 80, but free to use for everybody; others when taken. */
const PREFERRED_PORTS = { imap: 9930, imapStarttls: 9143, submission: 9465, submissionStarttls: 9587, portal: 9080 } as const

export interface DemoOptions {
  /** In a file of the demo's folder, or on stderr, where it pushes the settings out of sight. */
  readonly log: 'file' | 'shown'
}

/** `keepIn`: folder to keep; undefined: a temporary one. Resolves when the demo was ended. */
export async function playDemo(context: CommandContext, keepIn: string | undefined, options: DemoOptions): Promise<void> {
  const { terminal } = context
  const directory = keepIn ?? mkdtempSync(join(tmpdir(), 'mailwicket-demo-'))
  // A folder that is to be kept is removed only while it is half made: nobody could go on with it.
  let isPassing = keepIn === undefined
  const clean = () => {
    if (isPassing) rmSync(directory, { recursive: true, force: true })
  }
  // Before the gateway runs there is nothing to stop, only the folder to take away.
  const signals = (['SIGINT', 'SIGTERM', 'SIGHUP'] as const).map(signal =>
    terminal.onSignal(signal, () => {
      clean()
      terminal.exit(130)
    }),
  )
  terminal.onDefect(error => {
    clean()
    terminal.stderr.write(`mailwicket: A defect ended the demo: ${error instanceof Error ? error.stack : String(error)}\n`)
  })
  try {
    const isNew = keepIn === undefined || prepareKept(directory)
    isPassing = isNew
    const stage = isNew ? await build(context, directory, keepIn !== undefined) : await reopen(context, directory)
    isPassing = keepIn === undefined
    await play(context, { directory, stage, options }, () => {
      for (const forget of signals) forget()
    })
  } finally {
    clean()
  }
}

/** True when `directory` is still to be filled. Throws BAD_INPUT when it holds something else than a demo. */
function prepareKept(directory: string): boolean {
  makeFolder(directory, 0o700)
  if (readdirSync(directory).length === 0) return true
  if (existsSync(join(directory, MARKER))) return false
  throw new MailwicketError('BAD_INPUT', { message: `--keep: ${directory} is not empty, and no demo made it.`, remedy: 'Name an empty or a new folder.' })
}

interface DemoSecrets {
  /** The device's. */
  readonly password: string
  readonly people: readonly DemoPerson[]
}

interface Stage {
  readonly isKept: boolean
  readonly config: Config
  readonly upstream: { close(): Promise<void> }
  /** What is shown once; undefined in a folder that was kept, where it was shown the first time. */
  readonly secrets: DemoSecrets | undefined
}

async function play(
  context: CommandContext,
  { directory, stage, options }: { readonly directory: string; readonly stage: Stage; readonly options: DemoOptions },
  onRunning: () => void,
): Promise<void> {
  const { terminal } = context
  const file = options.log === 'file' ? openLogFile(directory) : undefined
  try {
    const [{ startSupervisor }, { openJsonLog, openReadableLog }] = await Promise.all([import('../../cluster/supervisor.ts'), import('../../base/log.ts')])
    // The introduction comes first; what the log has to say before it interests nobody.
    let isIntroduced = false
    const sink = file ?? { write: (line: string) => isIntroduced && terminal.stderr.write(line) }
    const isReadable = file === undefined && terminal.stderr.isTTY === true
    const log = isReadable ? await openReadableLog(sink, 'info') : openJsonLog(sink, 'info')
    const config = { ...stage.config, workers: 1, drainSeconds: 0 }
    const gateway = await startSupervisor({ config, env: {}, log, isReadable, logTo: file?.descriptor ?? STDERR, out: { write: () => {} } })
    await introduce(context, { directory, isKept: stage.isKept, config, logFile: file?.path ?? null, ...stage.secrets })
    isIntroduced = true
    const stopped = runUntilStopped(terminal, { stop: () => gateway.stop() })
    // Not before the others listen: a signal that is on its way when nobody listens to it is lost.
    onRunning()
    await stopped
  } finally {
    await stage.upstream.close()
    file?.close()
  }
}

const STDERR = 2

function openLogFile(directory: string) {
  const path = join(directory, 'mailwicket.log')
  const descriptor = openSync(path, 'a', 0o600)
  const write = (line: string): void => {
    try {
      writeSync(descriptor, line)
    } catch {
      // A full disk: the demo goes on without its log.
    }
  }
  return { path, descriptor, write, close: () => closeSync(descriptor) }
}

async function build(context: CommandContext, directory: string, isKept: boolean): Promise<Stage> {
  const upstreamPassword = randomBytes(24).toString('base64url')
  const [{ startDemoServers, findPorts }, { formatSampleConfig }] = await Promise.all([import('./demo-servers.ts'), import('../../config/config-sample.ts')])
  const upstream = await startDemoServers({ address: ADDRESS, password: upstreamPassword, ports: { imap: 0, submission: 0 }, now: context.terminal.now() })
  try {
    const ports = await findPorts(PREFERRED_PORTS)
    const sample = formatSampleConfig({
      hostname: HOSTNAME,
      domains: ['example.test'],
      listenAddress: `127.0.0.1:${ports.imap}`,
      submissionAddresses: { starttls: `127.0.0.1:${ports.submissionStarttls}`, implicit: `127.0.0.1:${ports.submission}` },
      upstream: { address: `127.0.0.1:${upstream.imapPort}`, tls: 'none' },
      submissionUpstream: { address: `127.0.0.1:${upstream.submissionPort}`, tls: 'none' },
      portal: { address: `127.0.0.1:${ports.portal}`, url: `http://${HOSTNAME}:${ports.portal}`, secondFactor: 'optional' },
    })
    const text = `# DEMO: made by \`mailwicket demo\`. Never use it for real mail.\n${sample}\n[[listen]]\nprotocol = "imap"\naddress = "127.0.0.1:${ports.imapStarttls}"\ntls = "starttls"\n`
    const { config, store } = await makeInstallation(context, { directory, dataDir: directory }, HOSTNAME, path =>
      writeFileSync(path, text, { flag: 'wx', mode: 0o600 }),
    )
    try {
      const secrets = await furnish(store, upstreamPassword)
      writeFileSync(join(directory, MARKER), `${JSON.stringify({ demo: true, mailbox: ADDRESS, device: DEVICE })}\n`)
      return { config, upstream, secrets, isKept }
    } finally {
      await store.close()
    }
  } catch (error) {
    await upstream.close()
    throw error
  }
}

async function furnish(store: Store, upstreamPassword: string): Promise<DemoSecrets> {
  const { revealPassword } = await import('../commands/devices/device-password.ts')
  await store.mailboxes.add({ address: ADDRESS, upstream: 'main', secret: Secret.fromText(upstreamPassword) })
  const people = await addPeople(store, ADDRESS)
  const { password } = await store.devices.add(ADDRESS, { name: DEVICE, user: OWNER })
  return { password: revealPassword(password), people }
}

/** Starts again what was kept: same ports, same devices; the mail is as it was at the beginning. */
async function reopen(context: CommandContext, directory: string): Promise<Stage> {
  const [{ startDemoServers }, { loadConfig }] = await Promise.all([import('./demo-servers.ts'), import('../../config/config-load.ts')])
  const config = loadConfig({ file: join(directory, 'mailwicket.toml'), cwd: directory })
  if ([...config.listen, config.portal].some(endpoint => endpoint !== undefined && endpoint.host !== '127.0.0.1')) {
    throw new MailwicketError('BAD_INPUT', {
      message: `${config.path} has a listener that is not on 127.0.0.1.`,
      remedy: 'The demo is for this machine only; put 127.0.0.1 back.',
    })
  }
  const upstreamPassword = randomBytes(24).toString('base64url')
  const [behind] = config.upstreams
  const upstream = await startDemoServers({
    address: ADDRESS,
    password: upstreamPassword,
    ports: { imap: behind?.imap?.port ?? 0, submission: behind?.submission?.port ?? 0 },
    now: context.terminal.now(),
  })
  try {
    await withStoreOf(context, config, store => store.mailboxes.set(ADDRESS, { secret: Secret.fromText(upstreamPassword) }))
    return { config, upstream, secrets: undefined, isKept: true }
  } catch (error) {
    await upstream.close()
    throw error
  }
}
