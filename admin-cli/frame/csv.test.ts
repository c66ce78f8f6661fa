import { expect, test } from 'vitest'
import { formatCsv, readCell } from '../../base/csv-format.ts'
import { findDelimiter, readCsv } from './csv.ts'
import { linesOf } from './text-lines.ts'

async function read(...chunks: string[]): Promise<unknown[]> {
  const text = async function* () {
    yield* chunks
  }
  const rows = []
  for await (const { line, cells } of readCsv(linesOf(text(), 1000), ',')) rows.push([line, cells])
  return rows
}

const text = 'a,b\n\n"x, y","say ""hi"""\r\n \nlast,'

test('rows keep the numbers of their lines, wherever the text is cut', async () => {
  const rows = [
    [1, ['a', 'b']],
    [3, ['x, y', 'say "hi"']],
    [5, ['last', '']],
  ]
  for (let at = 0; at <= text.length; at++) expect(await read(text.slice(0, at), text.slice(at)), String(at)).toEqual(rows)
})

test.each(['"pho"ne,b', 'pho"ne,b', '"open,b', 'a,"', `${'x'.repeat(1001)},b`])('a line that cannot be read spoils no other: %s', async line => {
  expect(await read(`a,b\n1,2\n${line}\n3,4\n5,6`)).toEqual([
    [1, ['a', 'b']],
    [2, ['1', '2']],
    [3, undefined],
    [4, ['3', '4']],
    [5, ['5', '6']],
  ])
})

test('a line without an end is not kept beyond its bound', async () => {
  expect(await read('a\n', ...Array.from({ length: 100 }, () => 'x'.repeat(999)))).toEqual([
    [1, ['a']],
    [2, undefined],
  ])
})

test('the delimiter is what the header has most of', () => {
  expect(['a,b', 'a;b;c,d', 'a\tb', 'a'].map(findDelimiter)).toEqual([',', ';', '\t', ','])
})

test.each(['=1+1', '+1', '-1', '@x', "'=1", "''+", 'plain', "'plain", 'a,b', 'a"b', ''])(
  'a cell comes back as it was, and is no formula meanwhile: %s',
  async cell => {
    const line = formatCsv([[cell, 'x']])
    expect(line).not.toMatch(/^"?[=+\-@]/)
    const [row] = (await read(line)) as [number, string[]][]
    expect(row?.[1].map(readCell)).toEqual([cell, 'x'])
  },
)
