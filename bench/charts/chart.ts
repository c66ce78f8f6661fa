/**
 * What a chart shows, as numbers. A run leaves it in bench/results/, and draw-chart.ts makes an SVG of it.
 */

/** Groups of bars that are compared with each other: of each group the first bar is ours. */
export interface BarChart {
  readonly kind: 'bars'
  /** Its file in bench/results/, without the ending. */
  readonly file: string
  readonly title: string
  /** What the length of a bar means. */
  readonly axis: string
  readonly groups: readonly BarGroup[]
  /** A line across all groups: the value that the others are compared with. */
  readonly reference?: { readonly at: number; readonly name: string }
}

export interface BarGroup {
  readonly name: string
  readonly bars: readonly { readonly name: string; readonly value: number }[]
  /** Where our bar should end at the latest. */
  readonly goal?: number
}

/** How something grows: a line for each thing that is measured at the same places. */
export interface CurveChart {
  readonly kind: 'curves'
  readonly file: string
  readonly title: string
  readonly x: Axis
  readonly y: Axis
  readonly curves: readonly { readonly name: string; readonly points: readonly (readonly [x: number, y: number])[] }[]
}

export interface Axis {
  /** With its unit. */
  readonly label: string
  /** Equal steps are equal factors. */
  readonly isLogarithmic?: true
}

export type Chart = BarChart | CurveChart
