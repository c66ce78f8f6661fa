/**
 * Rows as aligned columns without lines, as they come: whatever their number, memory holds one block of them. A pipe gets every column whole, so that
 * grep and awk can read them; a terminal what fits. A block that is wider than those before moves its columns to the right.
 * The only adapter for string-width (it knows how wide Chinese, emoji and accents are).
 *
 * SECURITY: cells hold what mail apps said of themselves; control characters never reach the terminal.
 */
import stringWidth from 'string-width'
import { type Column, chooseColumns, fitColumns, GAP } from './fit-columns.ts'

/** C0, DEL, C1, and the marks that reverse the direction of text. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g
const PLAIN_ASCII = /^[ -~]*$/

const BOLD = '\u001b[1m'
const PLAIN = '\u001b[22m'

const letters = new Intl.Segmenter()

/** One line of text that is safe to show. */
export function formatCell(text: string): string {
  return PLAIN_ASCII.test(text) ? text : text.replace(UNPRINTABLE, '�')
}

export interface TableStyle {
  /** Whether the heads are bold. */
  readonly colour: boolean
  /** Columns of the terminal; undefined: nothing is cut. */
  readonly width?: number | undefined
}

export class Table {
  readonly #columns: readonly Pick<Column<never>, 'head' | 'rank' | 'least'>[]
  readonly #style: TableStyle
  readonly #natural: number[]
  /** Which columns are shown: as the first block had it. */
  #shown: readonly number[] | undefined

  constructor(columns: readonly Pick<Column<never>, 'head' | 'rank' | 'least'>[], style: TableStyle) {
    this.#columns = columns
    this.#style = style
    this.#natural = columns.map(({ head }) => head.length)
  }

  /** The next lines, each ending in a newline; the first time under the heads, in capitals. */
  format(rows: readonly (readonly string[])[]): string {
    const cells = rows.map(row => row.map(formatCell))
    for (const row of cells) for (const [at, cell] of row.entries()) this.#natural[at] = Math.max(this.#natural[at] ?? 0, widthOf(cell))
    const isFirst = this.#shown === undefined
    const widths = this.#fit()
    const lines = cells.map(row => formatLine(row, widths))
    if (isFirst) {
      const heads = this.#columns.map(({ head }) => head.toUpperCase())
      lines.unshift(formatLine(heads, widths, this.#style.colour ? head => `${BOLD}${head}${PLAIN}` : undefined))
    }
    return lines.join('')
  }

  #fit(): readonly (readonly [at: number, width: number])[] {
    const { width = Number.POSITIVE_INFINITY } = this.#style
    this.#shown ??= chooseColumns(this.#columns, this.#natural, width)
    const shown = this.#shown
    const pick = <T>(list: readonly T[]) => shown.map(at => list[at] as T)
    const widths = fitColumns(pick(this.#columns), pick(this.#natural), width)
    return shown.map((at, place) => [at, widths[place] ?? 0])
  }
}

/** All rows at once, whole. */
export function formatTable(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  return new Table(
    heads.map(head => ({ head, rank: 1 })),
    { colour: false },
  ).format(rows)
}

function formatLine(cells: readonly string[], widths: readonly (readonly [at: number, width: number])[], dress = (text: string) => text): string {
  let line = ''
  let blanks = 0
  for (const [at, width] of widths) {
    const cell = shorten(cells[at] ?? '', width)
    // Blanks are written before what follows them: no line ends in one.
    if (cell !== '') {
      line += ' '.repeat(blanks) + dress(cell)
      blanks = 0
    }
    blanks += width - widthOf(cell) + GAP
  }
  return `${line}\n`
}

function widthOf(text: string): number {
  return PLAIN_ASCII.test(text) ? text.length : stringWidth(text)
}

function shorten(text: string, width: number): string {
  if (widthOf(text) <= width) return text
  if (PLAIN_ASCII.test(text)) return `${text.slice(0, width - 1)}…`
  let kept = ''
  let used = 1
  for (const { segment } of letters.segment(text)) {
    used += widthOf(segment)
    if (used > width) break
    kept += segment
  }
  return `${kept}…`
}

/** `name  value` lines, the values aligned, indented by two. */
export function formatFields(fields: readonly (readonly [string, string])[]): string {
  const width = Math.max(0, ...fields.map(([name]) => name.length))
  return fields.map(([name, value]) => `  ${name.padEnd(width)}  ${formatCell(value)}\n`).join('')
}
