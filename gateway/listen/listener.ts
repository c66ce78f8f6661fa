/**
 * One listening socket. What it accepts goes to whoever serves connections, or hands them to a process that does (`ListenerServices`).
 *
 * A reload may change how it serves; that holds from the next connection on.
 */
import { createServer, type Server, type Socket } from 'node:net'
import type { Log } from '../../base/log.ts'
import { formatEndpoint } from '../../base/network.ts'
import { listen } from '../../base/sockets/bind-server.ts'
import type { ListenConfig } from '../../config/config.ts'
import { LIMITS } from '../limits.ts'

/** Where a connection came in. */
export interface Accepted {
  /** As bound: `127.0.0.1:993`. */
  readonly address: string
  readonly config: ListenConfig
}

export interface ListenerServices {
  readonly log: Log
  readonly onConnection: (socket: Socket, accepted: Accepted) => void
  /** Whether not a byte of a connection is read here. */
  readonly pauseOnConnect?: boolean
}

/** As the ready line tells it. */
export interface ListenFacts {
  readonly protocol: ListenConfig['protocol']
  /** As bound: `127.0.0.1:993`, with the real port where the configuration says 0. */
  readonly address: string
  readonly tls: ListenConfig['tls']
}

/** Throws LISTEN_FAILED. */
export async function openListener(config: ListenConfig, services: ListenerServices): Promise<Listener> {
  const server = makeServer(services)
  const listener = new Listener(server, config, services)
  await listen(server, config, LIMITS.listenBacklog)
  return listener
}

/** A server without a port: for `openListener`, or for a socket that the service manager has opened. */
export function makeServer({ pauseOnConnect = false }: Pick<ListenerServices, 'pauseOnConnect'>): Server {
  return createServer({ noDelay: true, keepAlive: true, keepAliveInitialDelay: LIMITS.keepAliveMs, allowHalfOpen: true, pauseOnConnect })
}

/** Listens on a descriptor that was inherited, at once: its address is known when this returns. */
export function listenOn(server: Server, fd: number): void {
  server.listen({ fd, backlog: LIMITS.listenBacklog })
}

export class Listener {
  /** Who opened its socket: what is not ours stays open when we close it. */
  readonly holder: 'us' | 'service-manager'
  #config: ListenConfig
  readonly #server: Server
  readonly #services: ListenerServices
  #bound: string | undefined

  constructor(server: Server, config: ListenConfig, services: ListenerServices, holder: Listener['holder'] = 'us') {
    this.holder = holder
    this.#server = server
    this.#config = config
    this.#services = services
    server.on('connection', socket => services.onConnection(socket, { address: this.#address, config: this.#config }))
  }

  get config(): ListenConfig {
    return this.#config
  }

  get facts(): ListenFacts {
    return { protocol: this.#config.protocol, address: this.#address, tls: this.#config.tls }
  }

  /** Every connection is told it: the system is asked once. */
  get #address(): string {
    if (this.#bound === undefined) {
      const { address, port } = this.#server.address() as { address: string; port: number }
      this.#bound = formatEndpoint({ host: address, port })
    }
    return this.#bound
  }

  /** Serves the connections to come like this; the address stays what it is. */
  reconfigure(config: ListenConfig): void {
    this.#config = config
  }

  /** To be called once it is bound: from here on an error is told in the log. */
  start(): void {
    this.#server.on('error', error => this.#services.log.error('listener.failed', { address: formatEndpoint(this.#config), err: error.message }))
  }

  /** Accepts no more; connections go on. */
  close(): void {
    this.#server.close()
  }
}
