/**
 * The bytes of an import as text: UTF-8, or UTF-16 where a byte order mark says so (Excel's “Unicode text”), decoded strictly; every line end as \n,
 * also the lone CR of old spreadsheets. Counts what it read; holds no more than a piece.
 */
import { MailwicketError } from '../../base/errors.ts'

export async function* textOf(input: AsyncIterable<unknown>, onRead: (bytes: number) => void): AsyncGenerator<string> {
  const toLines = lineEnds()
  let decoder: TextDecoder | undefined
  let start = Buffer.alloc(0)
  let lines = 1
  const decode = (bytes: Uint8Array | undefined): string => {
    decoder ??= new TextDecoder(encodingOf(start), { fatal: true })
    try {
      return toLines(bytes === undefined ? decoder.decode() : decoder.decode(bytes, { stream: true }), bytes === undefined)
    } catch (cause) {
      throw notText(decoder.encoding, lines, cause)
    }
  }
  for await (const piece of input) {
    const bytes = Buffer.from(piece as Uint8Array)
    onRead(bytes.length)
    // Two bytes say which encoding it is; a pipe may bring one at a time.
    start = decoder === undefined ? Buffer.concat([start, bytes]) : bytes
    if (decoder === undefined && start.length < 2) continue
    const text = decode(start)
    for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) lines += 1
    yield text
  }
  yield (decoder === undefined ? decode(start) : '') + decode(undefined)
}

function encodingOf(start: Uint8Array): string {
  if (start[0] === 0xff && start[1] === 0xfe) return 'utf-16le'
  return start[0] === 0xfe && start[1] === 0xff ? 'utf-16be' : 'utf-8'
}

/** A CR at the end of a piece waits for what follows: with LF it is one line end. */
function lineEnds(): (text: string, isLast: boolean) => string {
  let isWaiting = false
  return (text, isLast) => {
    const whole = isWaiting ? `\r${text}` : text
    isWaiting = !isLast && whole.endsWith('\r')
    return (isWaiting ? whole.slice(0, -1) : whole).replaceAll(/\r\n?/g, '\n')
  }
}

function notText(encoding: string, line: number, cause: unknown): MailwicketError {
  return new MailwicketError('BAD_INPUT', {
    message: `The file is not ${encoding.toUpperCase()}, somewhere after line ${line}.`,
    remedy: 'Save it as “CSV UTF-8” (Excel), or convert it: iconv -f WINDOWS-1252 -t UTF-8 FILE',
    cause,
  })
}
