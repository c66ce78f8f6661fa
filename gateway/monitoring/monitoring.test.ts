/** The dashboard and the alerts of packaging/ ask for metrics and labels that there are, and no metric of ours is left out. */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { UPSTREAM_FAILURES } from '../../upstream/upstream-failure.ts'
import { Metrics } from './metrics.ts'
import { METRICS, type MetricFacts } from './metrics-table.ts'
import { PrometheusText } from './prometheus-text-fixture.ts'
import { NOT_READY } from './readiness.ts'
import { WARNINGS } from './store-health.ts'

const read = (path: string) => readFileSync(new URL(`../../packaging/${path}`, import.meta.url), 'utf8')

interface Panel {
  readonly id: number
  readonly type: string
  readonly title: string
  readonly description?: string
  readonly datasource?: unknown
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number }
  readonly fieldConfig?: { readonly defaults: { readonly unit?: string } }
  readonly targets?: readonly { readonly expr: string; readonly legendFormat: string; readonly datasource: unknown }[]
}

const dashboard = JSON.parse(read('grafana/mailwicket.json')) as {
  readonly panels: readonly Panel[]
  readonly templating: { readonly list: readonly { readonly name: string; readonly type: string; readonly definition?: string }[] }
}
const panels = dashboard.panels.filter(({ type }) => type !== 'row')
const targets = panels.flatMap(({ title, targets = [] }) => targets.map(({ expr, legendFormat }) => ({ title, expr, text: legendFormat })))

/** An alert: its name, its `expr`, and all it says. Each stands on one line. */
const alerts = read('prometheus/alerts.yml')
  .split(/^ {6}- alert: /m)
  .slice(1)
  .map(text => ({ title: text.split('\n', 1)[0] ?? '', expr: /^ {8}expr: (.+)$/m.exec(text)?.[1] ?? '', text }))

const metrics = new Metrics()
metrics.addProcess()
const { families } = new PrometheusText(await metrics.text())

/** What every series gets when it is scraped. */
const SCRAPED = ['instance', 'job']

/** `mailwicket_x_bucket` → the metric `mailwicket_x`. */
function metricOf(series: string): string {
  const base = series.replace(/_(bucket|sum|count)$/, '')
  return families.get(base)?.type === 'histogram' ? base : series
}

const withoutStrings = (expr: string) => expr.replace(/"[^"]*"/g, '""')
const seriesIn = (expr: string) => withoutStrings(expr).match(/\b(?:mailwicket|process|nodejs)_\w+|\bup\b/g) ?? []
const labelsOf = (metric: string): readonly string[] => {
  const known: Readonly<Record<string, MetricFacts>> = METRICS
  const { labels = [], type } = known[metric] ?? {}
  return [...labels, ...SCRAPED, ...(type === 'histogram' ? ['le'] : [])]
}
/** `label op "value"` of every selector, with its metric. */
const matchersIn = (expr: string) =>
  Array.from(expr.matchAll(/(\w+)\{([^}]*)\}/g)).flatMap(([, series = '', inner = '']) =>
    Array.from(inner.matchAll(/(\w+)(=~|!~|!=|=)"([^"]*)"/g), ([, label = '', , value = '']) => ({ metric: metricOf(series), label, value })),
  )
const groupedIn = (expr: string) => Array.from(expr.matchAll(/\b(?:by|on) \(([^)]*)\)/g)).flatMap(([, list = '']) => list.split(', '))

describe.each([
  ['the dashboard', targets],
  ['the alerts', alerts],
])('%s', (_what, queries) => {
  it.each(queries.map(({ title, expr, text }) => [title, expr, text] as const))('%s: %s', (_title, expr, text) => {
    const series = seriesIn(expr)
    expect(series.length).toBeGreaterThan(0)
    expect(series.map(metricOf).filter(metric => metric !== 'up' && !families.has(metric))).toEqual([])
    for (const { metric, label } of matchersIn(expr)) expect(labelsOf(metric), `{${label}} of ${metric}`).toContain(label)
    const labels = series.map(metricOf).flatMap(labelsOf)
    for (const label of groupedIn(expr)) expect(labels).toContain(label)
    // What a legend or a sentence shows is there after the grouping.
    const grouped = groupedIn(expr)
    const shown = Array.from(text.matchAll(/\{\{ ?(?:\$labels\.)?(\w+) ?\}\}/g), ([, label = '']) => label)
    for (const label of shown) expect(grouped.length > 0 ? [...grouped, ...(expr.includes(' on (') ? SCRAPED : [])] : labels).toContain(label)
    expect(expr.replace(/[^()]/g, '').replaceAll('()', '').length % 2).toBe(0)
  })
})

it('every metric of ours is on the dashboard', () => {
  const shown = new Set(targets.flatMap(({ expr }) => seriesIn(expr).map(metricOf)))
  expect(Object.keys(METRICS).filter(name => !shown.has(name))).toEqual([])
})

it('what queries compare a label with is a value that it can have', () => {
  const values: Readonly<Record<string, readonly string[]>> = {
    result: ['ok', 'wrong-secret', 'unknown-address'],
    kind: ['block', 'mailbox'],
    reason: [...NOT_READY, ...WARNINGS, ...Object.keys(UPSTREAM_FAILURES)],
    instance: ['$instance'],
    job: ['mailwicket'],
  }
  for (const { expr } of [...targets, ...alerts])
    for (const { label, value } of matchersIn(expr)) for (const one of value.split('|')) expect(values[label], `${label}="${value}"`).toContain(one)
})

it('the dashboard can be imported: one data source, chosen by a variable', () => {
  expect(dashboard.templating.list.map(({ name, type }) => [name, type])).toEqual([
    ['datasource', 'datasource'],
    ['instance', 'query'],
  ])
  for (const { title, datasource, targets = [] } of panels)
    for (const one of [datasource, ...targets.map(target => target.datasource)]) expect(one, title).toEqual({ type: 'prometheus', uid: '${datasource}' })
})

it('every panel says what it shows, in a unit, at a place of its own', () => {
  expect(new Set(dashboard.panels.map(({ id }) => id)).size).toBe(dashboard.panels.length)
  const cells = new Set<string>()
  for (const { title, type, description = '', fieldConfig, gridPos } of dashboard.panels) {
    expect(title).not.toBe('')
    if (type !== 'row') expect(description.length, title).toBeGreaterThan(20)
    if (type !== 'row') expect(fieldConfig?.defaults.unit, title).toBeTruthy()
    expect(gridPos.x + gridPos.w, title).toBeLessThanOrEqual(24)
    for (let x = gridPos.x; x < gridPos.x + gridPos.w; x += 1)
      for (let y = gridPos.y; y < gridPos.y + gridPos.h; y += 1) {
        expect(cells.has(`${x} ${y}`), `${title} lies on another`).toBe(false)
        cells.add(`${x} ${y}`)
      }
  }
})

it('every alert says how bad it is, what is wrong and what to do', () => {
  expect(new Set(alerts.map(({ title }) => title)).size).toBe(alerts.length)
  for (const { title, expr, text } of alerts) {
    expect(expr, title).not.toBe('')
    expect(text, title).toMatch(/^ {10}severity: (warning|critical)$/m)
    for (const key of ['summary', 'description']) expect(text, title).toMatch(new RegExp(`^ {10}${key}: ".{20,}"$`, 'm'))
  }
})
