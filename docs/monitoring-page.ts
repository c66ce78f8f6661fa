/** The table of metrics in docs/monitoring.md, from `gateway/monitoring/metrics-table.ts`; the rest of that page is written by hand. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { METRICS, type MetricFacts } from '../gateway/monitoring/metrics-table.ts'
import { formatTable } from './markdown.ts'

const BEGIN = '<!-- Made by `npm run docs` from `gateway/monitoring/metrics-table.ts`, up to the next such line. -->\n'
const END = '<!-- End of what is made. -->\n'

/** `root` is the directory of the repository. */
export function formatMonitoringPage(root: string): string {
  const page = readFileSync(join(root, 'docs', 'monitoring.md'), 'utf8')
  const from = page.indexOf(BEGIN)
  const to = page.indexOf(END)
  if (from < 0 || to < from) throw new Error('docs/monitoring.md has lost the lines between which the table of metrics stands')
  return `${page.slice(0, from + BEGIN.length)}\n${formatMetrics()}\n${page.slice(to)}`
}

function formatMetrics(): string {
  const rows = Object.entries<MetricFacts>(METRICS).map(([name, { type, labels, help }]) => [
    `\`${name}\``,
    type,
    labels.map(label => `\`${label}\``).join(', '),
    `${help}.`,
  ])
  return formatTable(['metric', 'kind', 'labels', 'what it tells'], rows)
}
