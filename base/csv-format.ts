/** CSV as we write it (RFC 4180), safe to open in a spreadsheet. The only adapter for csv-stringify. */
import { stringify } from 'csv-stringify/sync'

/** SECURITY: a spreadsheet takes a cell that begins so for a formula, and runs it. `readCell` takes the sign away again. */
const FORMULA = /^'*[=+\-@\t\r]/

function writeCell(cell: string): string {
  return FORMULA.test(cell) ? `'${cell}` : cell
}

export function readCell(cell: string): string {
  return cell.startsWith("'") && FORMULA.test(cell) ? cell.slice(1) : cell
}

export function formatCsv(rows: readonly (readonly string[])[]): string {
  return stringify(rows.map(cells => cells.map(writeCell)))
}
