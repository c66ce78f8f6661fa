/**
 * The demo: an embedded mail server, a store, a certificate, one mailbox with one device, and the real gateway in front.
 * Listens on 127.0.0.1 only and writes nothing outside its folder, which is removed at the end unless it is to be kept.
 */

import { randomBytes } from 'node:crypto'
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MailwicketError } from '../../base/errors.ts'
import { makeFolder } from '../../base/file-errors.ts'
import { Secret } from '../../base/secret.ts'
import type { Config } from '../../config/config.ts'
import type { AppSettings } from '../../management/app-settings.ts'
import type { Store } from '../../store/open-store.ts'
import { makeInstallation } from '../commands/init-command.ts'
import { runUntilStopped } from '../commands/serve-command.ts'
import type { CommandContext } from '../frame/command-context.ts'
import { formatCommand, quoteWord } from '../frame/shell-words.ts'
import { withStoreOf } from '../frame/store-access.ts'

const ADDRESS = 'ada@example.test'
const DEVICE = 'phone'
const HOSTNAME = 'localhost'
/** In a kept folder: says that the demo made it, so that it is never mistaken for a real installation. */
const MARKER = 'demo.json'
/** Like 993, 143, 465 and 587, but free to use for everybody; others when taken. */
const PREFERRED_PORTS = { imap: 9930, imapStarttls: 9143, submission: 9465, submissionStarttls: 9587 } as const

/** After the five messages of demo-messages.ts. */
const FIRST_SENT_INDEX = 6

/** `keepIn`: folder to keep; undefined: a temporary one. Resolves when the demo was ended. */
export async function playDemo(context: CommandContext, keepIn: string | undefined): Promise<void> {
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
    await play(context, directory, stage, () => {
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

interface Stage {
  readonly isKept: boolean
  readonly config: Config
  readonly upstream: { close(): Promise<void> }
  /** The device's password; undefined in a folder that was kept, where it was shown the first time. */
  readonly password: string | undefined
}

async function play(context: CommandContext, directory: string, stage: Stage, onRunning: () => void): Promise<void> {
  const { terminal } = context
  try {
    const [{ startGateway }, { openJsonLog, openReadableLog }] = await Promise.all([import('../../gateway/gateway.ts'), import('../../base/log.ts')])
    // The introduction comes first; what the log has to say before it interests nobody.
    let isIntroduced = false
    const sink = { write: (line: string) => isIntroduced && terminal.stderr.write(line) }
    const log = terminal.stderr.isTTY === true ? await openReadableLog(sink, 'info') : openJsonLog(sink, 'info')
    const gateway = await startGateway({ config: { ...stage.config, drainSeconds: 0 }, env: {}, log, out: { write: () => {} } })
    await introduce(context, directory, stage)
    isIntroduced = true
    const stopped = runUntilStopped(terminal, { stop: () => gateway.stop() })
    // Not before the others listen: a signal that is on its way when nobody listens to it is lost.
    onRunning()
    await stopped
  } finally {
    await stage.upstream.close()
  }
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
    })
    const text = `# DEMO: made by \`mailwicket demo\`. Never use it for real mail.\n${sample}\n[[listen]]\nprotocol = "imap"\naddress = "127.0.0.1:${ports.imapStarttls}"\ntls = "starttls"\n`
    const { config, store } = await makeInstallation(context, { directory, dataDir: directory }, HOSTNAME, path =>
      writeFileSync(path, text, { flag: 'wx', mode: 0o600 }),
    )
    try {
      const password = await furnish(store, upstreamPassword)
      writeFileSync(join(directory, MARKER), `${JSON.stringify({ demo: true, mailbox: ADDRESS, device: DEVICE })}\n`)
      return { config, upstream, password, isKept }
    } finally {
      await store.close()
    }
  } catch (error) {
    await upstream.close()
    throw error
  }
}

async function furnish(store: Store, upstreamPassword: string): Promise<string> {
  const { revealPassword } = await import('../commands/device-password.ts')
  await store.mailboxes.add({ address: ADDRESS, upstream: 'main', secret: Secret.fromText(upstreamPassword) })
  const { password } = await store.devices.add(ADDRESS, { name: DEVICE })
  return revealPassword(password)
}

/** Starts again what was kept: same ports, same devices; the mail is as it was at the beginning. */
async function reopen(context: CommandContext, directory: string): Promise<Stage> {
  const [{ startDemoServers }, { loadConfig }] = await Promise.all([import('./demo-servers.ts'), import('../../config/config-load.ts')])
  const config = loadConfig({ file: join(directory, 'mailwicket.toml'), cwd: directory })
  if (config.listen.some(({ host }) => host !== '127.0.0.1')) {
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
    return { config, upstream, password: undefined, isKept: true }
  } catch (error) {
    await upstream.close()
    throw error
  }
}

async function introduce(context: CommandContext, directory: string, { config, password, isKept }: Stage): Promise<void> {
  const { listAppSettings } = await import('../../management/app-settings.ts')
  const settings = listAppSettings(config, ADDRESS, ['imap', 'smtp'])
  const ca = join(directory, 'certs', 'ca.pem')
  const user = password === undefined ? ADDRESS : `${ADDRESS}:${password}`
  const lines = makeCurlLines(settings, ca, user)
  const value = { demo: true, directory, config: config.path, ca, mailbox: ADDRESS, device: DEVICE, password: password ?? null, settings, curl: lines }
  context.answer(value, () => formatIntroduction(context, { directory, isKept, config, ca, password, settings, lines }))
}

interface CurlLines {
  readonly list: string
  readonly fetch: string
  /** Sends a message to the demo's own mailbox. */
  readonly send?: string
  /** Reads it. */
  readonly sent?: string
}

function makeCurlLines(settings: readonly AppSettings[], ca: string, user: string): CurlLines {
  const portOf = (protocol: AppSettings['protocol']) => settings.find(one => one.protocol === protocol && one.security === 'implicit')?.port
  const curl = `curl --cacert ${quoteWord(ca)} --user ${quoteWord(user)}`
  const read = (path: string) => `${curl} 'imaps://${HOSTNAME}:${portOf('imap')}/${path}'`
  const message = `From: ${ADDRESS}\\r\\nTo: ${ADDRESS}\\r\\nSubject: Hello\\r\\n\\r\\nSent through Mailwicket.\\r\\n`
  const send = `printf '${message}' | ${curl} --silent --show-error --mail-from ${ADDRESS} --mail-rcpt ${ADDRESS} --upload-file - smtps://${HOSTNAME}:${portOf('submission')}`
  // A demo that was kept from before it could send has no listener for it.
  const canSend = portOf('submission') !== undefined
  return {
    list: read(''),
    fetch: read('INBOX;MAILINDEX=2'),
    ...(canSend ? { send, sent: read(`INBOX;MAILINDEX=${FIRST_SENT_INDEX}`) } : {}),
  }
}

interface Introduction {
  readonly directory: string
  readonly isKept: boolean
  readonly config: Config
  readonly ca: string
  readonly password: string | undefined
  readonly settings: readonly AppSettings[]
  readonly lines: CurlLines
}

function formatIntroduction(context: CommandContext, { directory, isKept, config, ca, password, settings, lines }: Introduction): string {
  const command = (...args: string[]) => formatCommand(context.terminal, ['--config', config.path, ...args])
  const servers = settings
    .map(
      ({ protocol, server, port, security }) =>
        `  ${protocol === 'imap' ? 'IMAP' : 'SMTP'} server  ${server}, port ${port}, ${security === 'implicit' ? 'SSL/TLS' : 'STARTTLS'}\n`,
    )
    .join('')
  const sending = lines.send === undefined ? '' : `\nSend a message to yourself (it goes to nobody else), and read it\n  ${lines.send}\n  ${lines.sent}\n`
  const secret = password ?? `the one shown when this demo was made (a new one: ${command('device', 'password', `${ADDRESS}/${DEVICE}`)})`
  return `
  ***  DEMO  ***  Everything here is made up and reachable from this machine only. Not for real mail.

Settings for a mail app
${servers}  User name    ${ADDRESS}
  Password     ${secret}
  Authority    ${ca}   (let the app trust it, or accept its warning)

Look into the mailbox: paste in another terminal
  ${lines.list}
  ${lines.fetch}
${sending}
Then look at it from the other side
  ${command('device', 'list')}
  ${command('session', 'list')}
  ${command('activity', '--follow')}
  ${command('device', 'revoke', `${ADDRESS}/${DEVICE}`)}
The app is out within a second, and the curl lines no longer get in. Let it in again with a new device:
  ${command('device', 'add', ADDRESS, 'tablet')}

Ctrl-C ends the demo${isKept ? ` and keeps ${directory}.` : ` and removes ${directory}.`}

`
}
