/**
 * What every command gets: the terminal, the global options, and the one way to answer.
 * `--json` means exactly one JSON value on stdout and nothing else there; remarks for a person go to stderr.
 */
import { isColourful, type Terminal } from './terminal.ts'

export interface CommandContext {
  readonly terminal: Terminal
  readonly json: boolean
  /** The file of `--config`. */
  readonly configFile: string | undefined
  /**
   * The answer of the command, given once: `value` under `--json`, else the text that `formatText` makes.
   * Times in `value` are ISO 8601 in UTC.
   */
  answer(value: unknown, formatText: () => string): void
  /** A remark for a person: to stderr, and only without `--json`. */
  remark(text: string): void
}

export interface GlobalOptions {
  readonly json?: boolean
  readonly config?: string
}

export function makeContext(terminal: Terminal, options: GlobalOptions): CommandContext {
  const json = options.json === true
  let answered = false
  return {
    terminal,
    json,
    configFile: options.config,
    answer(value, formatText) {
      if (answered) throw new Error('a command answers once')
      answered = true
      terminal.stdout.write(json ? formatJson(value) : formatText())
    },
    remark(text) {
      if (!json) terminal.stderr.write(`${text}\n`)
    },
  }
}

/** Two-space JSON with a newline at the end. */
export function formatJson(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`
}

export interface ListShape<Row> {
  readonly heads: readonly string[]
  toJson(row: Row): unknown
  toCells(row: Row): readonly string[]
  /** The remark that takes the place of an empty table. */
  readonly whenEmpty: string
}

/** The answer of a list command: an array under `--json`, else a table. */
export async function answerList<Row>(context: CommandContext, rows: readonly Row[], shape: ListShape<Row>): Promise<void> {
  if (rows.length === 0) context.remark(shape.whenEmpty)
  const { formatTable } = context.json ? { formatTable: () => '' } : await import('./table.ts')
  const style = { colour: isColourful(context.terminal, context.terminal.stdout) }
  context.answer(rows.map(shape.toJson), () => (rows.length === 0 ? '' : formatTable(shape.heads, rows.map(shape.toCells), style)))
}
