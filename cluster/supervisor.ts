/**
 * `serve` as one thing. With one worker it is the gateway in this process, and beside it the portal, where there is one, in a process of its own.
 * With several it holds the listening sockets, hands connections to its workers and parses no byte of any peer.
 *
 * With one worker and without a section [portal] it is the gateway alone, and costs nothing.
 */
import { availableParallelism } from 'node:os'
import type { FromProcess } from '../base/process-messages.ts'
import type { Config } from '../config/config.ts'
import { type GatewayOptions, startGateway } from '../gateway/gateway.ts'
import type { PortalObserver } from '../gateway/monitoring/portal-metrics.ts'
import { type Supervisor, startWorkers } from './supervise-workers.ts'
import { SupervisedProcess } from './supervised-process.ts'

export interface SupervisorOptions extends Omit<GatewayOptions, 'companions' | 'observePortal'> {
  /** Lines for a person; else JSON. The log of the other processes follows it. */
  readonly isReadable: boolean
  /** The descriptor that the other processes write their log to; stdout unless told. */
  readonly logTo?: number | undefined
}

/** `.ts` in a checkout, `.js` once built: the portal's main has the ending of this file. */
const PORTAL_MAIN = new URL(`../portal/portal-main${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url)

/** Throws what the gateway and the portal throw when they start; then nothing is left running. */
export async function startSupervisor(options: SupervisorOptions): Promise<Supervisor> {
  let observer: PortalObserver | undefined
  const observePortal = (one: PortalObserver): void => {
    observer = one
  }
  const portal = options.config.portal === undefined ? undefined : await startPortal(options, () => observer)
  try {
    const workers = countWorkers(options.config)
    const companions = portal === undefined ? {} : { portal: portal.facts }
    const common = { ...options, companions, observePortal }
    const gateway = workers === 1 ? await startGateway(common) : await startWorkers({ ...common, workers, portal })
    return {
      reload: async () => {
        const isInForce = await gateway.reload()
        if (isInForce) portal?.reload()
        return isInForce
      },
      stop: async () => {
        await Promise.all([portal?.stop(), gateway.stop()])
      },
      kill: () => {
        portal?.kill()
        if ('kill' in gateway) gateway.kill()
      },
    }
  } catch (error) {
    await portal?.stop()
    throw error
  }
}

/** `auto`: one a core, of those that this process may use. */
export function countWorkers({ workers }: Pick<Config, 'workers'>, cores = availableParallelism()): number {
  return workers === 'auto' ? cores : workers
}

async function startPortal({ config, env, log, isReadable, logTo }: SupervisorOptions, observer: () => PortalObserver | undefined): Promise<SupervisedProcess> {
  const args = [config.path, isReadable ? 'readable' : 'json']
  const on = {
    // It has nothing else to say.
    message: (message: unknown) => observer()?.figures((message as Extract<FromProcess, { kind: 'figures' }>).figures),
    ended: () => observer()?.ended(),
  }
  const portal = new SupervisedProcess({ name: 'portal', main: PORTAL_MAIN, args, env, log, logTo, on })
  await portal.start()
  return portal
}
