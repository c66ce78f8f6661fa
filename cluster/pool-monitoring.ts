/**
 * What the monitoring endpoint says of a supervisor and its workers together.
 */
import type { AdminServices } from '../gateway/monitoring/admin-endpoint.ts'
import { addEnded, CONTENT_TYPE, formatMetrics, type MetricFigures, type ProcessFigures } from '../gateway/monitoring/aggregate-metrics.ts'
import type { PortalObserver } from '../gateway/monitoring/portal-metrics.ts'
import type { Health } from '../gateway/monitoring/readiness.ts'
import { SupervisorMetrics } from '../gateway/monitoring/supervisor-metrics.ts'
import type { SupervisedProcess } from './supervised-process.ts'
import type { Report } from './worker-messages.ts'
import type { WorkerPool } from './worker-pool.ts'

/** /readyz may be asked as often as one likes; workers are asked only so often. */
const REPORT_KEPT_MS = 250

export interface PoolMonitoringOptions {
  readonly pool: WorkerPool
  readonly portal: SupervisedProcess | undefined
  /** Whether this node is on its way out. */
  readonly isDraining: () => boolean
}

type Reports = Awaited<ReturnType<WorkerPool['report']>>

export class PoolMonitoring {
  readonly #options: PoolMonitoringOptions
  readonly #own = new SupervisorMetrics()
  /** What workers counted that are no more. */
  #ended: Promise<readonly MetricFigures[]> = Promise.resolve([])
  #reports: Promise<Reports> | undefined
  #askedAt = 0

  constructor(options: PoolMonitoringOptions) {
    this.#options = options
    options.pool.onEnded = ({ metrics }: Report) => {
      this.#ended = this.#ended.then(ended => addEnded(ended, metrics))
    }
  }

  /** Whoever watches the portal tells it. */
  get portal(): PortalObserver {
    return this.#own.portal
  }

  get services(): Pick<AdminServices, 'metrics' | 'health'> {
    return {
      metrics: { contentType: CONTENT_TYPE, text: () => this.#text() },
      health: async () => joinHealth(await this.#report(), this.#options.isDraining()),
    }
  }

  #report(): Promise<Reports> {
    const now = performance.now()
    if (this.#reports === undefined || now - this.#askedAt >= REPORT_KEPT_MS) {
      this.#askedAt = now
      this.#reports = this.#options.pool.report()
    }
    return this.#reports
  }

  async #text(): Promise<string> {
    const reports = await this.#report()
    const { portal } = this.#options
    for (const { worker, isFresh } of reports) this.#own.process(nameOf(worker), { isServing: isFresh, starts: worker.process.starts })
    if (portal !== undefined) this.#own.process('portal', { isServing: portal.isServing, starts: portal.starts })
    const processes: ProcessFigures[] = [{ process: 'supervisor', metrics: await this.#own.figures() }]
    // Of one that hangs what it told last: what is counted must not go down.
    for (const { worker, report } of reports) if (report !== undefined) processes.push({ process: nameOf(worker), metrics: report.metrics })
    return formatMetrics(processes, await this.#ended)
  }
}

const nameOf = ({ number }: Reports[number]['worker']): string => `worker-${number}`

/** Ready as long as one worker is: it gets the connections. */
export function joinHealth(reports: readonly Pick<Reports[number], 'isFresh' | 'report'>[], isDraining: boolean): Health {
  const told = reports.flatMap(({ isFresh, report }) => (isFresh && report !== undefined ? [report.health] : []))
  const isReady = !isDraining && told.some(({ notReady }) => notReady.length === 0)
  const reasons = told.length === 0 ? (['starting'] as const) : told.flatMap(({ notReady }) => notReady)
  const failures = told.flatMap(({ lastFailureAt }) => lastFailureAt ?? [])
  return {
    notReady: isReady ? [] : [...new Set([...(isDraining ? (['draining'] as const) : []), ...reasons])],
    warnings: [...new Set(told.flatMap(({ warnings }) => warnings))],
    lastFailureAt: failures.length === 0 ? undefined : Math.max(...failures),
  }
}
