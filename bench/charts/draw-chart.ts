/** The SVG of a chart. `caption`: where and when it was measured. */
import type { Chart } from './chart.ts'
import { drawBars } from './draw-bars.ts'
import { drawCurves } from './draw-curves.ts'

export function drawChart(chart: Chart, caption: string): string {
  return chart.kind === 'bars' ? drawBars(chart, caption) : drawCurves(chart, caption)
}
