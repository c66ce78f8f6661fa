/**
 * What a person types into the mail app of a device: where the listeners are that it may use.
 */
import type { Config, ListenConfig } from '../../config/config.ts'
import type { Scope } from '../../store/schema/login-record.ts'

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
