/**
 * Puts together what watches the gateway: the metrics get their sources, readiness its parts, and the endpoint opens where one is configured.
 */

import type { Log } from '../../base/log.ts'
import type { Endpoint } from '../../base/network.ts'
import { openAdminEndpoint } from './admin-endpoint.ts'
import type { MetricSources, Metrics } from './metrics.ts'
import { Readiness, type ReadinessParts } from './readiness.ts'
import type { StoreHealth } from './store-health.ts'

export interface Monitoring {
  /** Says what only the gateway knows: that it serves, that it drains. */
  readonly readiness: Readiness
  /** Of the endpoint, as bound; undefined: there is none. */
  readonly address: string | undefined
  close(): Promise<void>
}

export type WatchedParts = Omit<MetricSources, 'readiness' | 'storeHealth'> & ReadinessParts & { readonly storeHealth: StoreHealth }

/** Throws LISTEN_FAILED. */
export async function openMonitoring(endpoint: Endpoint | undefined, metrics: Metrics, parts: WatchedParts, log: Log): Promise<Monitoring> {
  const readiness = new Readiness(parts)
  const { storeHealth } = parts
  metrics.watch({ ...parts, readiness })
  await storeHealth.start()
  if (endpoint === undefined) return { readiness, address: undefined, close: async () => storeHealth.stop() }
  metrics.addProcess()
  const { address, close } = await openAdminEndpoint(endpoint, { metrics, readiness, storeHealth, log })
  return {
    readiness,
    address,
    close: async () => {
      storeHealth.stop()
      await close()
    },
  }
}
