/**
 * The one time an app password is shown, with what a person types into the mail app.
 * SECURITY: the only place in the command line that reveals an app password; nothing keeps or logs what it returns.
 */

import type { Secret } from '../../base/secret.ts'
import type { Config, ListenConfig } from '../../config/config.ts'
import type { Scope } from '../../store/schema/login-record.ts'
import { formatFields } from '../frame/table.ts'

/** How a mail app reaches one listener. */
export interface AppSettings {
  readonly protocol: 'imap' | 'submission'
  readonly server: string
  /** null: the listener picks a port when it starts and says it in its ready line. */
  readonly port: number | null
  readonly security: 'implicit' | 'starttls'
  readonly userName: string
}

const SCOPE_OF = { imap: 'imap', submission: 'smtp' } as const satisfies Record<ListenConfig['protocol'], Scope>

/** The listeners that a device may use, the ones with TLS from the first byte before STARTTLS (RFC 8314 §3). */
export function listAppSettings(config: Config, address: string, scopes: readonly Scope[]): readonly AppSettings[] {
  const usable = config.listen.filter(listener => scopes.includes(SCOPE_OF[listener.protocol]))
  const best = [...usable].sort((one, other) => rank(one) - rank(other))
  return best.map(({ protocol, port, tls }) => ({ protocol, server: config.hostname, port: port === 0 ? null : port, security: tls, userName: address }))
}

function rank(listener: ListenConfig): number {
  return (listener.protocol === 'imap' ? 0 : 2) + (listener.tls === 'implicit' ? 0 : 1)
}

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
