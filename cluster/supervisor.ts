/**
 * `serve` as one thing. With one worker it is the gateway in this process, and beside it the portal, where there is one, in a process of its own.
 * With several it holds the listening sockets, hands connections to its workers and parses no byte of any peer.
 *
 * With one worker and without a section [portal] it is the gateway alone, and costs nothing.
 */
import type { FromProcess } from '../base/process-messages.ts'
import type { GatewayOptions } from '../gateway/gateway.ts'
import type { PortalObserver } from '../gateway/monitoring/portal-metrics.ts'
import type { SuperviseOptions, Supervisor } from './supervise-workers.ts'
import { SupervisedProcess } from './supervised-process.ts'
import { countWorkers } from './worker-count.ts'

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
    const gateway = workers === 1 ? await startAlone(common) : await startSeveral({ ...common, workers, portal })
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

/** A supervisor need not have in its memory what serves mail, nor a gateway what supervises. */
async function startAlone(options: GatewayOptions) {
  const { startGateway } = await import('../gateway/gateway.ts')
  return startGateway(options)
}

async function startSeveral(options: SuperviseOptions): Promise<Supervisor> {
  const { startWorkers } = await import('./supervise-workers.ts')
  return startWorkers(options)
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
