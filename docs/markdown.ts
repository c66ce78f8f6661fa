/** Tables of Markdown for the generated pages. */

/** A table; a cell may hold Markdown, but neither a bar nor a line break of its own. */
export function formatTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [head, head.map(() => '---'), ...rows].map(cells => `| ${cells.map(escapeCell).join(' | ')} |`)
  return `${lines.join('\n')}\n`
}

function escapeCell(cell: string): string {
  return cell.replaceAll('|', '\\|').replaceAll('\n', ' ')
}

/** The first line of a generated page: who edits it by hand loses the edit. */
export function generatedNotice(source: string): string {
  return `<!-- Made by \`npm run docs\` from ${source}. Edits here are lost. -->\n`
}
