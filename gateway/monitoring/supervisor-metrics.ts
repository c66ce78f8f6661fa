/**
 * What a supervisor knows of the processes that it started, and the metrics of its own process.
 */
import { Counter, Gauge, Registry } from 'prom-client'
import type { MetricFigures } from './aggregate-metrics.ts'
import { METRICS } from './metrics-table.ts'
import { PortalMetrics } from './portal-metrics.ts'
import { addProcessMetrics } from './process-metrics.ts'

export class SupervisorMetrics {
  readonly #registry = new Registry()
  readonly #serving = new Gauge({ name: 'mailwicket_process_serving', ...settingsOf('mailwicket_process_serving', this.#registry) })
  readonly #starts = new Counter({ name: 'mailwicket_process_starts_total', ...settingsOf('mailwicket_process_starts_total', this.#registry) })

  /** What the portal tells of itself: it is started here. */
  readonly portal = new PortalMetrics(this.#registry)

  constructor() {
    addProcessMetrics(this.#registry)
  }

  process(process: string, { isServing, starts }: { readonly isServing: boolean; readonly starts: number }): void {
    this.#serving.set({ process }, isServing ? 1 : 0)
    this.#starts.remove({ process })
    this.#starts.inc({ process }, starts)
  }

  async figures(): Promise<readonly MetricFigures[]> {
    return (await this.#registry.getMetricsAsJSON()) as unknown as readonly MetricFigures[]
  }
}

function settingsOf(name: 'mailwicket_process_serving' | 'mailwicket_process_starts_total', registry: Registry) {
  const { help, labels } = METRICS[name]
  return { help, labelNames: labels, registers: [registry] }
}
