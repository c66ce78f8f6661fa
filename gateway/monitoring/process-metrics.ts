/**
 * The metrics of the process itself, by prom-client's names: CPU, memory, open files, lag of the loop, garbage collection.
 */
import { readdir } from 'node:fs/promises'
import { collectDefaultMetrics, Gauge, type Registry } from 'prom-client'

/** Each asks for every socket one by one, on the loop: with 50,000 sessions that is a pause that they feel. */
const TOO_DEAR = [
  'nodejs_active_resources',
  'nodejs_active_resources_total',
  'nodejs_active_handles',
  'nodejs_active_handles_total',
  'nodejs_active_requests',
  'nodejs_active_requests_total',
  'process_open_fds',
]

/** What it starts observing (the loop, the garbage collector) it observes until the process ends: prom-client has no way back. */
export function addProcessMetrics(register: Registry): void {
  collectDefaultMetrics({ register })
  for (const name of TOO_DEAR) register.removeSingleMetric(name)
  new Gauge({
    name: 'process_open_fds',
    help: 'Number of open file descriptors.',
    registers: [register],
    // In the thread pool, not on the loop.
    async collect() {
      try {
        this.set((await readdir('/proc/self/fd')).length)
      } catch {
        // With no descriptor left this fails, and then the other metrics are wanted most: only this one is missing.
        this.remove()
      }
    },
  })
}
