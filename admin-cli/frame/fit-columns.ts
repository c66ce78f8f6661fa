/**
 * What a list shows, column by column, and how columns are made to fit the width of a terminal: first those that can be are shortened, then the
 * least important go.
 */

export interface Column<Row> {
  readonly head: string
  cell(row: Row, now: number): string
  /** 1 stays, whatever the width; of the others the highest goes first. */
  readonly rank: number
  /** The width down to which it may be cut; left out: it is shown whole, as an ID must be. */
  readonly least?: number
}

type Shape = Pick<Column<never>, 'rank' | 'least'>

/** Blanks between two columns. */
export const GAP = 2

/** Of these columns those that fit when each is as narrow as it may be, by their places. `natural` are the widths at which nothing is cut. */
export function chooseColumns(columns: readonly Shape[], natural: readonly number[], width: number): readonly number[] {
  const kept = byRank(columns)
  while (kept.length > 1 && narrowestOf(kept, columns, natural) > width && (columns[kept.at(-1) ?? 0]?.rank ?? 1) > 1) kept.pop()
  return kept.sort((a, b) => a - b)
}

/** The width of each column: what is left over goes to the most important first. */
export function fitColumns(columns: readonly Shape[], natural: readonly number[], width: number): readonly number[] {
  const order = byRank(columns)
  let spare = Math.max(0, width - narrowestOf(order, columns, natural))
  const widths = columns.map((column, at) => narrowest(column, natural[at] ?? 0))
  for (const at of order) {
    const more = Math.min(spare, (natural[at] ?? 0) - (widths[at] ?? 0))
    widths[at] = (widths[at] ?? 0) + more
    spare -= more
  }
  return widths
}

function byRank(columns: readonly Shape[]): number[] {
  return columns.map((_, at) => at).sort((a, b) => (columns[a]?.rank ?? 0) - (columns[b]?.rank ?? 0) || a - b)
}

function narrowestOf(places: readonly number[], columns: readonly Shape[], natural: readonly number[]): number {
  return places.reduce((sum, at) => sum + narrowest(columns[at], natural[at] ?? 0), GAP * (places.length - 1))
}

function narrowest(column: Shape | undefined, natural: number): number {
  return Math.min(natural, column?.least ?? natural)
}
