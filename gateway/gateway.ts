/**
 * The gateway as one process: the mail service, its listeners, the monitoring endpoint, the service manager.
 * It serves as soon as the `ready` line is out, which is after every listener is bound.
 */

import type { LevelledLog, LogSink } from '../base/log.ts'
import type { Config } from '../config/config.ts'
import { reloadConfig } from './lifecycle/reload.ts'
import { oneAfterAnother, type ServiceManagerLink, STOP_MARGIN_MS, writeReadyLine } from './lifecycle/serving.ts'
import type { Limits } from './limits.ts'
import type { ListenFacts } from './listen/listener.ts'
import { openListeners } from './listen/listeners.ts'
import { Machine } from './machine/machine.ts'
import { type MailService, openMailService } from './mail-service.ts'
import { openAdminEndpoint } from './monitoring/admin-endpoint.ts'
import type { PortalObserver } from './monitoring/portal-metrics.ts'

export interface Gateway {
  /** As bound now. */
  readonly listen: readonly ListenFacts[]
  /** `draining`: no new connections are taken, those that there are come to their end. */
  readonly phase: 'serving' | 'draining'
  /** SIGHUP: reads the configuration and its files again; bad ones are logged and the old ones stay: false. Never rejects. */
  reload(): Promise<boolean>
  /** Takes no more connections, lets every session go within the drain time, and closes everything. To be called once. */
  stop(): Promise<void>
}

export interface GatewayOptions {
  readonly config: Config
  /** The environment, for the master key and for sockets that were opened for us. */
  readonly env: Readonly<Record<string, string | undefined>>
  readonly log: LevelledLog
  /** Where the ready line goes. */
  readonly out: LogSink
  /** What serves beside it, by name, for the ready line. */
  readonly companions?: Readonly<Record<string, unknown>> | undefined
  /** Where the portal runs: the metrics hear of it. */
  readonly observePortal?: ((observer: PortalObserver) => void) | undefined
  /** Other ones than `LIMITS`, for tests. */
  readonly limits?: Limits
  /** Undefined: nobody is told. */
  readonly serviceManager?: ServiceManagerLink | undefined
}

/** Throws what the parts throw: CONFIG_INVALID, KEY_…, STORE_…, CERTIFICATE_INVALID, LISTEN_FAILED. Then nothing is left open. */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const { config, env, log, limits } = options
  const service = await openMailService({ config, env, log, limits, machine: new Machine() })
  const closers: (() => unknown)[] = [() => service.close()]
  try {
    return await listenFor(service, options, closers)
  } catch (error) {
    for (const close of closers.reverse()) await close()
    throw error
  }
}

async function listenFor(service: MailService, options: GatewayOptions, closers: (() => unknown)[]): Promise<Gateway> {
  const { config, env, log, out, companions, serviceManager: manager } = options
  options.observePortal?.(service.metrics.portal)
  // Before the listeners, so that it is closed after them: who asks meanwhile hears that this node goes away.
  if (config.admin !== undefined) service.metrics.addProcess()
  const admin = config.admin && (await openAdminEndpoint(config.admin, { metrics: service.metrics, health: service.health, log }))
  closers.push(() => admin?.close())
  const listeners = await openListeners({ listen: config.listen, env, services: { log, onConnection: service.serveConnection } })
  service.start()
  manager?.startWatchdog(service.isAlive)
  writeReadyLine(out, { listen: listeners.facts, admin: admin?.address, ...companions, hostname: config.hostname, node: service.node })
  manager?.ready()
  let phase: Gateway['phase'] = 'serving'
  const reload = oneAfterAnother(async () => {
    if (phase !== 'serving') return false
    manager?.reloading()
    const inForce = await reloadConfig({
      before: service.config,
      log,
      prepare: async config => {
        const commit = await service.prepareReload(config)
        // Last of all that can fail: a port that was bound takes connections.
        const ports = await listeners.prepare(config.listen)
        return () => {
          commit()
          ports.commit()
        }
      },
      facts: async () => ({ listen: listeners.facts, certificateDaysLeft: service.certificates.daysLeft() }),
    })
    manager?.ready()
    return inForce !== undefined
  })
  return {
    get listen() {
      return listeners.facts
    },
    get phase() {
      return phase
    },
    reload: reload.ask,
    stop: async () => {
      phase = 'draining'
      service.stopAdmitting()
      await reload.settled()
      const { drainSeconds } = service.config
      listeners.close()
      log.info('stopping', { sessions: service.sessions, drainSeconds })
      manager?.stopping(service.sessions, drainSeconds * 1000 + STOP_MARGIN_MS)
      const cut = await service.drain()
      await service.close()
      await manager?.close()
      await admin?.close()
      log.info('stopped', { cut })
    },
  }
}
