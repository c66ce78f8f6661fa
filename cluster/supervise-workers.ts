/**
 * The gateway as a supervisor and its workers: what gateway/gateway.ts is for one process. The sockets are opened here, the reload is decided here,
 * the service manager and the monitoring hear of all as of one.
 */

import { configInvalid } from '../config/config-problems.ts'
import type { Gateway, GatewayOptions } from '../gateway/gateway.ts'
import { findFixedChanges } from '../gateway/lifecycle/config-changes.ts'
import { reloadConfig } from '../gateway/lifecycle/reload.ts'
import { oneAfterAnother, STOP_MARGIN_MS, writeReadyLine } from '../gateway/lifecycle/serving.ts'
import { openListeners } from '../gateway/listen/listeners.ts'
import { openAdminEndpoint } from '../gateway/monitoring/admin-endpoint.ts'
import { PoolMonitoring } from './pool-monitoring.ts'
import type { SupervisedProcess } from './supervised-process.ts'
import { WorkerPool, type WorkerPoolOptions } from './worker-pool.ts'

export interface Supervisor extends Pick<Gateway, 'reload' | 'stop'> {
  /** Ends all processes that were started, at once. */
  kill(): void
}

export interface SuperviseOptions extends Omit<GatewayOptions, 'limits'>, Pick<WorkerPoolOptions, 'workers' | 'isReadable' | 'logTo' | 'main'> {
  readonly portal: SupervisedProcess | undefined
}

/** Throws what the workers throw, when all do; LISTEN_FAILED. Then nothing is left running. */
export async function startWorkers(options: SuperviseOptions): Promise<Supervisor> {
  const pool = new WorkerPool(options)
  try {
    await pool.start()
    return await listenFor(pool, options)
  } catch (error) {
    pool.kill()
    throw error
  }
}

async function listenFor(
  pool: WorkerPool,
  { config, env, log, out, companions, serviceManager: manager, portal, observePortal }: SuperviseOptions,
): Promise<Supervisor> {
  let inForce = config
  let phase: 'serving' | 'draining' = 'serving'
  const monitoring = new PoolMonitoring({ pool, portal, isDraining: () => phase === 'draining' })
  observePortal?.(monitoring.portal)
  const admin = config.admin && (await openAdminEndpoint(config.admin, { ...monitoring.services, log }))
  const services = { log, pauseOnConnect: true, onConnection: pool.connected.bind(pool) }
  const listeners = await openListeners({ listen: config.listen, env, services }).catch(async error => {
    await admin?.close()
    throw error
  })
  // This loop turns; workers whose loop does not are found by their silence.
  manager?.startWatchdog(() => true)
  const { node, workers } = pool
  writeReadyLine(out, { listen: listeners.facts, admin: admin?.address, ...companions, hostname: config.hostname, node, workers: workers.length })
  manager?.ready()
  const reload = oneAfterAnother(async () => {
    if (phase !== 'serving') return false
    manager?.reloading()
    const after = await reloadConfig({
      before: inForce,
      log,
      prepare: async next => {
        const fixed = findFixedChanges(inForce, next)
        if (fixed.length > 0) throw configInvalid(next.path, fixed)
        const commit = await pool.prepareReload(next)
        // Last of all that can fail: a port that was bound takes connections.
        const ports = await listeners.prepare(next.listen).catch(error => {
          pool.abandonReload()
          throw error
        })
        return () => {
          commit()
          ports.commit()
        }
      },
      facts: async () => ({ listen: listeners.facts, ...(await certificateFacts(pool)) }),
    })
    inForce = after ?? inForce
    manager?.ready()
    return after !== undefined
  })
  return {
    reload: reload.ask,
    kill: () => pool.kill(),
    stop: async () => {
      phase = 'draining'
      await reload.settled()
      const { drainSeconds } = inForce
      listeners.close()
      const reports = await pool.report()
      const sessions = reports.reduce((sum, { report }) => sum + (report?.sessions ?? 0), 0)
      const withinMs = drainSeconds * 1000 + STOP_MARGIN_MS
      log.info('stopping', { sessions, drainSeconds })
      manager?.stopping(sessions, withinMs)
      const cut = await pool.stop(withinMs)
      await manager?.close()
      await admin?.close()
      log.info('stopped', { cut })
    },
  }
}

/** By those that answer: all of them have read the same files. */
async function certificateFacts(pool: WorkerPool): Promise<{ certificateDaysLeft?: number }> {
  const days = (await pool.report()).flatMap(({ isFresh, report }) => (isFresh && report !== undefined ? [report.certificateDaysLeft] : []))
  return days.length === 0 ? {} : { certificateDaysLeft: Math.min(...days) }
}
