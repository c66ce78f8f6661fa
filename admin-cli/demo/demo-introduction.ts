/**
 * What the demo says when it runs: curl lines to paste, commands to try, the portal with its people, and last the settings and the password.
 */
import { join } from 'node:path'
import type { Config } from '../../config/config.ts'
import type { AppSettings } from '../../management/mailboxes/app-settings.ts'
import type { CommandContext } from '../frame/command-context.ts'
import { formatCommand, quoteWord } from '../frame/shell-words.ts'
import type { DemoPerson } from './demo-people.ts'

export const ADDRESS = 'ada@example.test'
export const DEVICE = 'phone'
export const HOSTNAME = 'localhost'

/** After the five messages of demo-messages.ts. */
const FIRST_SENT_INDEX = 6

export interface DemoFacts {
  readonly directory: string
  readonly isKept: boolean
  readonly config: Config
  /** Null: the log is shown. */
  readonly logFile: string | null
  /** The device's; absent, as `people` then is, in a folder that was kept, where it was shown the first time. */
  readonly password?: string
  readonly people?: readonly DemoPerson[]
}

export async function introduce(context: CommandContext, facts: DemoFacts): Promise<void> {
  const { directory, config, logFile, password, people = [] } = facts
  const { listAppSettings } = await import('../../management/mailboxes/app-settings.ts')
  const settings = listAppSettings(config, ADDRESS, ['imap', 'smtp'])
  const ca = join(directory, 'certs', 'ca.pem')
  const user = password === undefined ? ADDRESS : `${ADDRESS}:${password}`
  const curl = makeCurlLines(settings, ca, user)
  const portal = config.portal === undefined ? null : { url: config.portal.url, people }
  const value = {
    demo: true,
    directory,
    config: config.path,
    ca,
    mailbox: ADDRESS,
    device: DEVICE,
    password: password ?? null,
    settings,
    curl,
    portal,
    log: logFile,
  }
  context.answer(value, () => formatIntroduction(context, facts, { ca, settings, curl }))
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

interface Lines {
  readonly ca: string
  readonly settings: readonly AppSettings[]
  readonly curl: CurlLines
}

function formatIntroduction(context: CommandContext, facts: DemoFacts, { ca, settings, curl }: Lines): string {
  const { directory, isKept, config, logFile, password } = facts
  const command = (...args: string[]) => formatCommand(context.terminal, ['--config', config.path, ...args])
  const sending = curl.send === undefined ? '' : `\nSend a message to yourself (it goes to nobody else), and read it\n  ${curl.send}\n  ${curl.sent}\n`
  const secret = password ?? `the one shown when this demo was made (a new one: ${command('device', 'password', `${ADDRESS}/${DEVICE}`)})`
  return `
  ***  DEMO  ***  Everything here is made up and reachable from this machine only. Not for real mail.

Look into the mailbox: paste in another terminal
  ${curl.list}
  ${curl.fetch}
${sending}
Then look at it from the other side
  ${command('device', 'list')}
  ${command('session', 'list')}
  ${command('activity', '--follow')}
  ${command('device', 'revoke', `${ADDRESS}/${DEVICE}`)}
The app is out within a second, and the curl lines no longer get in. Let it in again with a new device:
  ${command('device', 'add', ADDRESS, 'tablet')}
${formatPortal(command, facts)}${logFile === null ? '' : `\nWhat the gateway says of it all\n  tail -f ${quoteWord(logFile)}\n`}
Ctrl-C ends the demo${isKept ? ` and keeps ${directory}.` : ` and removes ${directory}.`}

Settings for a mail app
${formatServers(settings)}  Authority    ${ca}   (let the app trust it, or accept its warning)
  User name    ${ADDRESS}
  Password     ${secret}

`
}

function formatPortal(command: (...args: string[]) => string, { config, people }: DemoFacts): string {
  if (config.portal === undefined) return ''
  const who = (people ?? []).map(
    ({ login, name, is, password }) => `  ${is === 'administrator' ? 'Administrator' : 'Own devices  '}  ${login.padEnd(5)}  ${password}   (${name})\n`,
  )
  const lost = `  with the passwords shown when this demo was made (a new start: ${command('user', 'reset-sign-in', 'admin')})\n`
  return `
The same in the browser: what is disconnected there is out of the terminal, too
  ${config.portal.url}
${people === undefined ? lost : who.join('')}`
}

function formatServers(settings: readonly AppSettings[]): string {
  return settings
    .map(
      ({ protocol, server, port, security }) =>
        `  ${protocol === 'imap' ? 'IMAP' : 'SMTP'} server  ${server}, port ${port}, ${security === 'implicit' ? 'SSL/TLS' : 'STARTTLS'}\n`,
    )
    .join('')
}
