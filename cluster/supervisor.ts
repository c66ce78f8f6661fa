/**
 * `serve` as one thing: the gateway in this process, and beside it the portal in a process of its own, so that a page, a slow query or a flaw
 * in it never touches a mail session. It parses no byte of the portal's peers.
 *
 * Without a section [portal] it is the gateway alone, and costs nothing.
 */
import { type Gateway, type GatewayOptions, startGateway } from '../gateway/gateway.ts'
import { SupervisedProcess } from './supervised-process.ts'

export interface SupervisorOptions extends Omit<GatewayOptions, 'companions'> {
  /** Lines for a person; else JSON. The log of the other processes follows it. */
  readonly isReadable: boolean
  /** The descriptor that the other processes write their log to; stdout unless told. */
  readonly logTo?: number | undefined
}

export type Supervisor = Pick<Gateway, 'reload' | 'stop'>

/** `.ts` in a checkout, `.js` once built: the portal's main has the ending of this file. */
const PORTAL_MAIN = new URL(`../portal/portal-main${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url)

/** Throws what the gateway and the portal throw when they start; then nothing is left running. */
export async function startSupervisor(options: SupervisorOptions): Promise<Supervisor> {
  const { config } = options
  if (config.portal === undefined) return startGateway(options)
  const portal = await startPortal(options)
  try {
    const gateway = await startGateway({ ...options, companions: { portal: portal.facts } })
    return {
      reload: async () => {
        const isInForce = await gateway.reload()
        if (isInForce) portal.reload()
        return isInForce
      },
      stop: async () => {
        await Promise.all([portal.stop(), gateway.stop()])
      },
    }
  } catch (error) {
    await portal.stop()
    throw error
  }
}

async function startPortal({ config, env, log, isReadable, logTo }: SupervisorOptions): Promise<SupervisedProcess> {
  const portal = new SupervisedProcess({ name: 'portal', main: PORTAL_MAIN, args: [config.path, isReadable ? 'readable' : 'json'], env, log, logTo })
  await portal.start()
  return portal
}
