/**
 * Clients that speak TLS where plain text begins, or the other way round: somebody has chosen the wrong port, or the wrong kind of security for it.
 * The log says so once in a while for each network; a flood of them writes no more lines than a handful of people.
 */
import type { Log } from '../../base/log.ts'
import type { Connection } from './connection.ts'

export type WrongProtocol = 'speaks-tls' | 'speaks-plain'

const ADVICE: Readonly<Record<WrongProtocol, string>> = {
  'speaks-tls': 'the app begins with SSL/TLS on a port where STARTTLS is spoken: set STARTTLS in it, or the port for SSL/TLS',
  'speaks-plain': 'the app begins in plain text, as for STARTTLS, on a port where SSL/TLS is spoken: set SSL/TLS in it, or the port for STARTTLS',
}

/** A person who sets up an app tries every few seconds. */
const PERIOD_MS = 60_000
const NETWORKS_PER_PERIOD = 20

export interface WrongProtocolFacts {
  readonly protocol: 'imap' | 'submission'
  /** Of the listener. */
  readonly listen: string
  /** Who is told of once. */
  readonly network: string
}

export class WrongProtocolLog {
  readonly #log: Log
  readonly #now: () => number
  readonly #told = new Set<string>()
  #since = Number.NEGATIVE_INFINITY

  constructor(log: Log, now: () => number = () => performance.now()) {
    this.#log = log
    this.#now = now
  }

  tell(reason: WrongProtocol, { ip }: Pick<Connection, 'ip'>, { protocol, listen, network }: WrongProtocolFacts): void {
    if (this.#now() - this.#since >= PERIOD_MS) {
      this.#told.clear()
      this.#since = this.#now()
    }
    const key = `${reason} ${listen} ${network}`
    if (this.#told.size >= NETWORKS_PER_PERIOD || this.#told.has(key)) return
    this.#told.add(key)
    this.#log.info('session.failed', { proto: protocol, remote: ip, listen, reason, advice: ADVICE[reason] })
  }
}
