/**
 * One line of the results: what was measured, the goal, the ratio reached, the figures it comes from, and what there is to draw of it.
 */
import type { BarGroup, Chart } from './charts/chart.ts'
import type { PeerName } from './peers/peer.ts'
import { median, medianOf, type Series } from './rounds.ts'

export interface ResultRow {
  readonly what: string
  readonly goal: string
  /** The ratio or figure that the goal speaks of, as text. */
  readonly result: string
  readonly isReached: boolean
  /** Markdown lines: the raw figures. */
  readonly raw: readonly string[]
  /** Its place in a chart of ratios to nginx's mail proxy. */
  readonly ratios?: { readonly chart: RatioChart; readonly group: BarGroup }
  readonly charts?: readonly Chart[]
}

export type RatioChart = 'transfers' | 'logins'

export function formatNumber(value: number): string {
  if (Math.abs(value) >= 100) return String(Math.round(value))
  return value.toPrecision(3)
}

export interface Comparison {
  readonly what: string
  readonly unit: string
  readonly chart: RatioChart
  readonly limit: number
  /** Whose figure the goal is a multiple of; nginx's mail proxy unless told. */
  readonly to?: PeerName
}

/** A row whose goal is a ratio to another peer. */
export function compare({ what, unit, chart, limit, to = 'nginx mail' }: Comparison, series: Series): ResultRow {
  const ratio = medianOf(series, 'Mailwicket') / medianOf(series, to)
  const nginx = medianOf(series, 'nginx mail')
  const bars = [...series].filter(([name]) => name !== 'Mailwicket before').map(([name, values]) => ({ name, value: median(values) / nginx }))
  return {
    what,
    goal: `${limit} × ${to} or less`,
    result: `${ratio.toFixed(2)} ×`,
    isReached: ratio <= limit,
    raw: formatSeries(series, unit),
    ratios: { chart, group: { name: what, bars, goal: (limit * medianOf(series, to)) / nginx } },
  }
}

export function formatTable(rows: readonly ResultRow[]): string[] {
  return [
    '| what | goal | result | reached |',
    '|---|---|---|---|',
    ...rows.map(({ what, goal, result, isReached }) => `| ${what} | ${goal} | ${result} | ${isReached ? 'yes' : '**no**'} |`),
  ]
}

/** A Markdown table: peer, median, the rounds. */
export function formatSeries(series: ReadonlyMap<string, readonly number[]>, unit: string): string[] {
  const rows = [...series].map(([name, values]) => `| ${name} | ${formatNumber(median(values))} | ${values.map(formatNumber).join(' · ')} |`)
  return [`| | ${unit} | rounds |`, '|---|---|---|', ...rows]
}
