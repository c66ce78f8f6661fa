/**
 * The file of an import: opened, decoded strictly, its format found out, and read as rows one after the other. Holds a few rows at a time.
 */
import { createReadStream, fstatSync, openSync } from 'node:fs'
import type { Readable } from 'node:stream'
import { readCell } from '../../base/csv-format.ts'
import { MailwicketError } from '../../base/errors.ts'
import { checkEnds, fileFailure } from '../../base/files/file-errors.ts'
import { findDelimiter, readCsv } from '../frame/csv.ts'
import type { Terminal } from '../frame/terminal.ts'
import { linesOf } from '../frame/text-lines.ts'
import { DEVICE_FIELDS, type Field, MAILBOX_FIELDS, type RawRow } from './import-fields.ts'
import { toRawRow } from './import-json.ts'
import { textOf } from './import-text.ts'

export type Format = 'csv' | 'json'

export interface ImportSource {
  /** Readers beside its owner may have read it. */
  readonly isExposed: boolean
  /** Rows, and lines that are none. */
  rows(): AsyncGenerator<RawRow | { readonly line: number; readonly bad: string }>
  /** Bytes read so far and in all; undefined: nobody knows how many come. */
  progress(): { readonly done: number; readonly total: number } | undefined
}

/** A line of JSON with a mailbox and its devices; a mailbox with thousands of devices stands on several lines. */
const MAX_LINE = 1024 * 1024

/** Small, so that what was read is near to what was taken, and the bar tells the truth. */
const READ_BYTES = 8 * 1024

/** `-` is standard input. Throws NOT_FOUND, BAD_INPUT, FILE_UNUSABLE. */
export function openSource(terminal: Terminal, path: string, format: Format | undefined): ImportSource {
  if (path === '-') return new OpenSource(terminal.stdin, format, undefined, 0)
  let file: number
  try {
    checkEnds(path)
    file = openSync(path, 'r')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT')
      throw new MailwicketError('NOT_FOUND', { message: `there is no file ${path}`, remedy: 'Look how it is spelt, and in which folder you are.' })
    throw fileFailure(error, path, 'read')
  }
  const { size, mode } = fstatSync(file)
  return new OpenSource(createReadStream(path, { fd: file, highWaterMark: READ_BYTES }), format ?? formatOf(path), size, mode)
}

/** By the end of the file's name; undefined: it does not say. */
export function formatOf(path: string): Format | undefined {
  if (/\.(csv|tsv)$/i.test(path)) return 'csv'
  return /\.(json|jsonl|ndjson)$/i.test(path) ? 'json' : undefined
}

class OpenSource implements ImportSource {
  readonly isExposed: boolean
  readonly #input: Readable
  readonly #format: Format | undefined
  readonly #total: number | undefined
  #done = 0

  constructor(input: Readable, format: Format | undefined, total: number | undefined, mode: number) {
    this.#input = input
    this.#format = format
    this.#total = total
    this.isExposed = (mode & 0o077) !== 0
  }

  progress(): { done: number; total: number } | undefined {
    return this.#total === undefined ? undefined : { done: Math.min(this.#done, this.#total), total: this.#total }
  }

  async *rows(): AsyncGenerator<RawRow | { line: number; bad: string }> {
    const chunks = textOf(this.#input, bytes => {
      this.#done += bytes
    })
    // The first line says what it is.
    const pieces: string[] = []
    let length = 0
    // Only the new piece is looked at.
    for (let hasText = false, hasLine = false; !hasLine && length < MAX_LINE; ) {
      const { value: piece, done } = await chunks.next()
      if (done === true) break
      pieces.push(piece)
      length += piece.length
      hasLine = hasText ? piece.includes('\n') : /\S.*\n/s.test(piece)
      hasText ||= /\S/.test(piece)
    }
    const head = pieces.join('')
    const all = (async function* () {
      yield head
      yield* chunks
    })()
    const format = this.#format ?? (/^\s*[[{]/.test(head) ? 'json' : 'csv')
    yield* format === 'csv' ? rowsOfCsv(all, head.trimStart()) : rowsOfJson(all)
  }
}

const COLUMNS: readonly string[] = [...MAILBOX_FIELDS, ...DEVICE_FIELDS]
/** Where an empty cell says "none of it"; in all others it says nothing. */
const EMPTY_IS_NONE = new Set(['expires', 'allow_from', 'user'])
/** A blank at the edge of these may belong to them, and a formula sign is theirs. */
const VERBATIM = new Set(['secret', 'password'])

/** What Excel reads, and some programs write, before the header: which character separates the cells. */
const SEPARATOR_LINE = /^"?sep=(.)"?$/i

/** `head` is the beginning of the text, with the first line at least. */
async function* rowsOfCsv(chunks: AsyncGenerator<string>, head: string): AsyncGenerator<RawRow | { line: number; bad: string }> {
  const [first = ''] = head.split('\n', 1)
  const separator = SEPARATOR_LINE.exec(first)?.[1]
  let isHeaderNext = separator === undefined
  let columns: readonly string[] | undefined
  for await (const { line, cells } of readCsv(linesOf(chunks, MAX_LINE), separator ?? findDelimiter(first))) {
    if (!isHeaderNext) isHeaderNext = true
    else if (columns === undefined) columns = readHeader(cells)
    else if (cells === undefined) yield { line, bad: 'the quotes of this row cannot be read, or are not closed' }
    else if (cells.every(cell => cell.trim() === '')) continue
    else if (cells.slice(columns.length).some(cell => cell.trim() !== ''))
      yield { line, bad: `${cells.length} cells under ${columns.length} columns; a cell with a delimiter in it (a hash has commas) must stand in quotes` }
    else yield { line, ...toFields(columns, cells) }
  }
  if (columns === undefined) throw noHeader('it is empty')
}

function readHeader(cells: readonly string[] | undefined): readonly string[] {
  if (cells === undefined) throw noHeader('the quotes of its first line cannot be read')
  const names = cells.map(cell =>
    cell
      .trim()
      .toLowerCase()
      .replaceAll(/[\s-]+/g, '_'),
  )
  // A delimiter at the end of the line makes one more cell, which nobody named.
  const columns = names.slice(0, names.findLastIndex(name => name !== '') + 1)
  const unknown = columns.findIndex(column => !COLUMNS.includes(column))
  // SECURITY: not quoted; without a header the first line is somebody's password.
  if (unknown >= 0) throw noHeader(`column ${unknown + 1} of the first line is no known name`)
  const twice = columns.find((column, at) => columns.indexOf(column) !== at)
  if (twice !== undefined) throw noHeader(`the column ${twice} stands twice`)
  if (!columns.includes('mailbox')) throw noHeader('the column mailbox is missing')
  return columns
}

function noHeader(what: string): MailwicketError {
  return new MailwicketError('BAD_INPUT', {
    message: `The file cannot be imported: ${what}.`,
    remedy: `The first line names the columns, in any order, those that are needed: ${COLUMNS.join(', ')}`,
  })
}

function toFields(columns: readonly string[], cells: readonly string[]): Pick<RawRow, 'mailbox' | 'devices'> {
  const mailbox: Record<string, Field> = {}
  const device: Record<string, Field> = {}
  let hasDevice = false
  for (const [at, column] of columns.entries()) {
    const cell = cells[at] ?? ''
    const value = VERBATIM.has(column) ? cell : readCell(cell.trim())
    const isDevice = (DEVICE_FIELDS as readonly string[]).includes(column)
    if (isDevice && value !== '') hasDevice = true
    const field = value !== '' ? value : EMPTY_IS_NONE.has(column) ? null : undefined
    if (isDevice) device[column] = field
    else mailbox[column] = field
  }
  return { mailbox, devices: hasDevice ? [device] : [] }
}

async function* rowsOfJson(chunks: AsyncGenerator<string>): AsyncGenerator<RawRow | { line: number; bad: string }> {
  for await (const { number: line, text } of linesOf(chunks, MAX_LINE)) {
    if (text === undefined) {
      yield { line, bad: `longer than ${MAX_LINE} characters: put the devices of this mailbox on several lines` }
      continue
    }
    const row = toRawRow(text, line)
    if (row !== undefined) yield row
  }
}
