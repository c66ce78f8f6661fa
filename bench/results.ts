/**
 * What runs leave: bench/results/NAME.json for each measurement, with the machine and the day. The pictures beside them, and what of bench/RESULTS.md
 * people do not write, are made of all of them; so a measurement may be run again alone.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import type { BarChart, Chart } from './charts/chart.ts'
import { drawChart } from './charts/draw-chart.ts'
import type { Facts } from './machine-facts.ts'
import { NAMES, type Name } from './names.ts'
import { formatTable, type RatioChart, type ResultRow } from './result-row.ts'

export interface Result {
  readonly name: Name
  readonly facts: Facts
  readonly rows: readonly ResultRow[]
}

const MARKER = '<!-- Written by hand below this line; `npm run bench` keeps it. -->'
const RATIO_TITLES: Readonly<Record<RatioChart, string>> = {
  transfers: 'CPU for what is large or sent, as a multiple of nginx’s mail proxy',
  logins: 'Logins and sessions, as a multiple of nginx’s mail proxy',
}

const folder = (root: string): string => `${root}/bench/results`

export function writeResult(root: string, result: Result): void {
  mkdirSync(folder(root), { recursive: true })
  writeFileSync(`${folder(root)}/${result.name}.json`, `${JSON.stringify(result, null, 1)}\n`)
}

/** In the order of the names; what was never run is not there. */
export function readResults(root: string): Result[] {
  const files = new Set(readdirSync(folder(root)))
  return NAMES.filter(name => files.has(`${name}.json`)).map(name => JSON.parse(readFileSync(`${folder(root)}/${name}.json`, 'utf8')) as Result)
}

/** Path below the root → text: all that is made of the results. */
export function formatResults(root: string, results: readonly Result[]): Map<string, string> {
  const charts = chartsOf(results)
  const page = readFileSync(`${root}/bench/RESULTS.md`, 'utf8')
  const kept = page.split(MARKER)[1]
  if (kept === undefined) throw new Error(`bench/RESULTS.md has lost its line: ${MARKER}`)
  return new Map([
    ...charts.map(({ chart, caption }) => [`bench/results/${chart.file}.svg`, drawChart(chart, caption)] as const),
    ['bench/RESULTS.md', formatPage(results, charts) + MARKER + kept],
  ])
}

/** Writes all of that; what nothing is made of any more stays for people to delete. */
export function writeWhatFollows(root: string): void {
  for (const [path, text] of formatResults(root, readResults(root))) writeFileSync(`${root}/${path}`, text)
}

interface Captioned {
  readonly chart: Chart
  readonly caption: string
}

function chartsOf(results: readonly Result[]): Captioned[] {
  const ratios = (Object.keys(RATIO_TITLES) as RatioChart[]).flatMap(name => ratioChartOf(name, results))
  const own = results.flatMap(({ facts, rows }) => rows.flatMap(row => (row.charts ?? []).map(chart => ({ chart, caption: formatCaption([facts]) }))))
  return [...ratios, ...own]
}

function ratioChartOf(name: RatioChart, results: readonly Result[]): Captioned[] {
  const of = ({ rows }: Result) => rows.flatMap(({ ratios }) => (ratios?.chart === name ? [ratios.group] : []))
  const shown = results.filter(result => of(result).length > 0)
  if (shown.length === 0) return []
  const chart: BarChart = {
    kind: 'bars',
    file: `ratios-${name}`,
    title: RATIO_TITLES[name],
    axis: '× nginx mail, less is better; the thick mark is the goal',
    groups: shown.flatMap(of),
    reference: { at: 1, name: 'nginx mail' },
  }
  return [{ chart, caption: formatCaption(shown.map(({ facts }) => facts)) }]
}

/** Day, machine, and how busy it was: a figure of a busy machine is worth less. */
function formatCaption(all: readonly Facts[]): string {
  const days = [...new Set(all.map(({ at }) => at.slice(0, 10)))].sort()
  const load = all.flatMap(({ load }) => load)
  const from = Math.min(...load).toFixed(1)
  const to = Math.max(...load).toFixed(1)
  return `${[...new Set([days[0], days.at(-1)])].join(' to ')}, ${all.at(-1)?.machine}, load ${from === to ? from : `${from} to ${to}`} with the bench`
}

function formatPage(results: readonly Result[], charts: readonly Captioned[]): string {
  const last = results.at(-1)?.facts
  return [
    '# Results of `npm run bench`',
    '',
    `* ${last?.machine}, Linux ${last?.kernel}`,
    `* ${last?.versions.join(', ')}`,
    '* All peers: one process or worker, the same P-256 certificate, TLS 1.3 with X25519 and AES-256-GCM, in front of the same Dovecot (plain IMAP) or SMTP sink, on one machine with the load.',
    '* Each measurement is of the day, and of a machine as busy, as is said beside it: load averages include the bench’s own two cores.',
    '',
    ...formatTable(results.flatMap(({ rows }) => rows)),
    '',
    '## Charts',
    '',
    ...charts.flatMap(({ chart }) => [`![${chart.title}](results/${chart.file}.svg)`, '']),
    '## Raw figures',
    '',
    'Medians of the interleaved rounds beside them. CPU is user and system time of all processes of a peer, from the kernel’s accounting.',
    '',
    ...results.flatMap(({ facts, rows }) => rows.filter(({ raw }) => raw.length > 0).flatMap(row => formatRow(row, facts))),
  ].join('\n')
}

function formatRow({ what, raw }: ResultRow, { at, load }: Facts): string[] {
  return [`### ${what}`, '', `${at}, load ${load.map(one => one.toFixed(1)).join(' before, ')} after.`, '', ...raw, '', '']
}
