/**
 * What every command gets: the terminal, the global options, and the one way to answer.
 * `--json` means exactly one JSON value on stdout and nothing else there; remarks for a person go to stderr.
 */
import type { Terminal } from './terminal.ts'
import { writePatiently } from './write-patiently.ts'

export interface CommandContext {
  readonly terminal: Terminal
  /** Also under `--jsonl` of a list. */
  readonly json: boolean
  readonly jsonLines: boolean
  /** The file of `--config`. */
  readonly configFile: string | undefined
  /**
   * The answer of the command, given once: `value` under `--json`, else the text that `formatText` makes.
   * Times in `value` are ISO 8601 in UTC.
   */
  answer(value: unknown, formatText: () => string): void
  /** The same for an answer of any length: waits while a pipe is full. */
  answerInPieces(pieces: AsyncIterable<string>): Promise<void>
  /** A remark for a person: to stderr, and only without `--json`. */
  remark(text: string): void
}

export interface GlobalOptions {
  readonly json?: boolean
  readonly jsonl?: boolean
  readonly config?: string
}

export function makeContext(terminal: Terminal, options: GlobalOptions): CommandContext {
  const jsonLines = options.jsonl === true
  const json = options.json === true || jsonLines
  let answered = false
  const begin = () => {
    if (answered) throw new Error('a command answers once')
    answered = true
  }
  return {
    terminal,
    json,
    jsonLines,
    configFile: options.config,
    answer(value, formatText) {
      begin()
      terminal.stdout.write(json ? formatJson(value) : formatText())
    },
    async answerInPieces(pieces) {
      begin()
      for await (const piece of pieces) await writePatiently(terminal.stdout, piece)
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
