/**
 * One line of the results: what was measured, the goal of the design, the ratio reached, and the figures it comes from.
 */
import { median, medianOf, type Series } from './rounds.ts'

export interface ResultRow {
  readonly what: string
  readonly goal: string
  /** The ratio or figure that the goal speaks of, as text. */
  readonly result: string
  readonly isReached: boolean
  /** Markdown lines: the raw figures. */
  readonly raw: readonly string[]
}

export function formatNumber(value: number): string {
  if (Math.abs(value) >= 100) return String(Math.round(value))
  return value.toPrecision(3)
}

/** A row whose goal is a ratio to nginx's mail proxy. */
export function compareWithNginxMail(what: string, unit: string, limit: number, series: Series): ResultRow {
  const ratio = medianOf(series, 'Mailwicket') / medianOf(series, 'nginx mail')
  return {
    what,
    goal: `${limit} × nginx mail or less`,
    result: `${ratio.toFixed(2)} ×`,
    isReached: ratio <= limit,
    raw: formatSeries(series, unit),
  }
}

/** A Markdown table: peer, median, the rounds. */
export function formatSeries(series: ReadonlyMap<string, readonly number[]>, unit: string): string[] {
  const rows = [...series].map(([name, values]) => `| ${name} | ${formatNumber(median(values))} | ${values.map(formatNumber).join(' · ')} |`)
  return [`| | ${unit} | rounds |`, '|---|---|---|', ...rows]
}
