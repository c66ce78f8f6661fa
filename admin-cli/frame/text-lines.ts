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
  let rest = ''
  let isTooLong = false
  const next = (text: string): TextLine => {
    number += 1
    const line = { number, text: isTooLong || text.length > maxLength ? undefined : text.replace(/\r$/, '') }
    isTooLong = false
    return line
  }
  for await (const chunk of chunks) {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) yield next(line)
    if (rest.length <= maxLength) continue
    isTooLong = true
    rest = ''
  }
  if (isTooLong || rest !== '') yield next(rest)
}
