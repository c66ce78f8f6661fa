/**
 * The one time an app password is shown, with what a person types into the mail app.
 * SECURITY: the only place in the command line that reveals an app password; nothing keeps or logs what it returns.
 */
import type { Secret } from '../../../base/secret.ts'
import type { AppSettings } from '../../../management/mailboxes/app-settings.ts'
import { formatFields } from '../../frame/table.ts'

/** The password as text, to be shown once. */
export function revealPassword(password: Secret): string {
  return password.reveal().toString('utf8')
}

const PROTOCOL_NAMES = { imap: 'Incoming mail (IMAP)', submission: 'Outgoing mail (SMTP)' } as const
const SECURITY_NAMES = { implicit: 'SSL/TLS', starttls: 'STARTTLS' } as const

/** The settings as lines for a person, one block a listener. */
export function formatAppSettings(settings: readonly AppSettings[], address: string, password: string): string {
  const blocks = settings.map(({ protocol, server, port, security }) => {
    const fields: [string, string][] = [
      ['Server', server],
      ['Port', port === null ? 'see the ready line of `mailwicket serve`' : String(port)],
      ['Security', SECURITY_NAMES[security]],
      ['Sign-in', 'Normal password'],
    ]
    return `${PROTOCOL_NAMES[protocol]}\n${formatFields(fields)}`
  })
  return [
    ...blocks,
    `User name and password\n${formatFields([
      ['User name', address],
      ['Password', password],
    ])}`,
  ].join('\n')
}
