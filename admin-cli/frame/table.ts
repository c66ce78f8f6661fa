/**
 * Rows as aligned columns without lines: the same on a terminal and in a pipe, so that grep, awk and people can read them.
 * The only adapter for cli-table3 (it knows how wide Chinese, emoji and accents are).
 *
 * SECURITY: cells hold what mail apps said of themselves; control characters never reach the terminal.
 */
import Table from 'cli-table3'

/** C0, DEL, C1, and the marks that reverse the direction of text. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g

const NO_LINES = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: '  ',
}

const BOLD = '\u001b[1m'
const PLAIN = '\u001b[22m'

/** One line of text that is safe to show. */
export function formatCell(text: string): string {
  return text.replace(UNPRINTABLE, '�')
}

export interface TableStyle {
  /** Whether the heads are bold. */
  readonly colour: boolean
}

/** Lines ending in a newline; heads in capitals. */
export function formatTable(heads: readonly string[], rows: readonly (readonly string[])[], style: TableStyle): string {
  const table = new Table({ chars: NO_LINES, style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 } })
  table.push(heads.map(head => (style.colour ? `${BOLD}${head.toUpperCase()}${PLAIN}` : head.toUpperCase())))
  for (const row of rows) table.push(row.map(formatCell))
  return `${table.toString().replace(/ +$/gm, '')}\n`
}

/** `name  value` lines, the values aligned, indented by two. */
export function formatFields(fields: readonly (readonly [string, string])[]): string {
  const width = Math.max(0, ...fields.map(([name]) => name.length))
  return fields.map(([name, value]) => `  ${name.padEnd(width)}  ${formatCell(value)}\n`).join('')
}
