/**
 * Text as numbered lines, with a bound on each: a line that is too long is counted and not kept.
 */

export interface TextLine {
  /** From 1. */
  readonly number: number
  /** Without its line end; undefined: too long. */
  readonly text: string | undefined
}

export async function* linesOf(chunks: AsyncIterable<string>, maxLength: number): AsyncGenerator<TextLine> {
  let number = 0
  /** Of the line that is not complete: put together once, however small the pieces. */
  let pieces: string[] = []
  let length = 0
  const next = (end: string): TextLine => {
    number += 1
    const text = length + end.length > maxLength ? undefined : `${pieces.join('')}${end}`.replace(/\r$/, '')
    pieces = []
    length = 0
    return { number, text }
  }
  for await (const chunk of chunks) {
    const lines = chunk.split('\n')
    const rest = lines.pop() ?? ''
    for (const line of lines) yield next(line)
    length += rest.length
    if (length > maxLength) pieces = []
    else if (rest !== '') pieces.push(rest)
  }
  if (length > 0) yield next('')
}
