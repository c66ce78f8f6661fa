/**
 * The metrics of several processes as one text. Counters, histograms and gauges of the gateway are added, or as metrics-table.ts says; those of a
 * process (memory, CPU, the loop) stand there for each, with a label `process`.
 */
import { AggregatorRegistry, Registry } from 'prom-client'

/** A metric as prom-client gives it in JSON: what goes from one process to another. */
export interface MetricFigures {
  readonly name: string
  readonly type: unknown
  readonly aggregator?: string
  readonly values: readonly { readonly value: number; readonly labels: Readonly<Record<string, unknown>>; readonly metricName?: string }[]
}

/** Figures of a process, under its name. */
export interface ProcessFigures {
  readonly process: string
  readonly metrics: readonly MetricFigures[]
}

export const CONTENT_TYPE = Registry.PROMETHEUS_CONTENT_TYPE

/** `ended`: what processes counted that are there no more. */
export function formatMetrics(processes: readonly ProcessFigures[], ended: readonly MetricFigures[]): Promise<string> {
  const labelled = processes.map(({ process, metrics }) => metrics.map(metric => (isOfProcess(metric) ? withLabel(metric, process) : metric)))
  return registryOf([...labelled, ended]).metrics()
}

/** Adds what has ended to what had ended before: gauges end with their process, and what is counted must never go down. */
export async function addEnded(before: readonly MetricFigures[], metrics: readonly MetricFigures[]): Promise<readonly MetricFigures[]> {
  const counted = metrics.filter(metric => metric.type !== 'gauge' && !isOfProcess(metric))
  return (await registryOf([before, counted]).getMetricsAsJSON()) as unknown as readonly MetricFigures[]
}

function isOfProcess({ name }: MetricFigures): boolean {
  return !name.startsWith('mailwicket_')
}

function withLabel(metric: MetricFigures, process: string): MetricFigures {
  return { ...metric, aggregator: 'first', values: metric.values.map(one => ({ ...one, labels: { ...one.labels, process } })) }
}

function registryOf(metrics: readonly (readonly MetricFigures[])[]): Registry {
  return AggregatorRegistry.aggregate(metrics as never)
}
