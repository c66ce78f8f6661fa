import { describe, expect, it } from 'vitest'
import { formatFields, formatTable, Table } from './table.ts'

describe('tables', () => {
  it('align their columns without lines or trailing blanks', () => {
    const rows = [
      ['1', 'long name', ''],
      ['22', 'x', '3 times'],
    ]
    expect(formatTable(['id', 'name', ''], rows)).toBe('ID  NAME\n1   long name\n22  x          3 times\n')
  })

  it('know that some letters are two columns wide', () => {
    const rows = [
      ['邮件', '1'],
      ['mutt', '2'],
    ]
    const lines = formatTable(['app', 'n'], rows).split('\n')
    expect(lines[1]).toBe('邮件  1')
    expect(lines[2]).toBe('mutt  2')
  })

  it('an app cannot send escape sequences to the terminal', () => {
    const text = formatTable(['app'], [['evil\u001b]0;title\u0007\r\n\u009b31m\u202egpj.exe']])
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
    expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/)
    expect(formatFields([['App', 'a\u001b[2Jb\nc']])).toBe('  App  a�[2Jb�c\n')
  })

  it('a later block has no heads, and only moves to the right what it needs to', () => {
    const table = new Table(
      ['id', 'name'].map(head => ({ head, rank: 1 })),
      { colour: false },
    )
    expect(table.format([['1', 'a']])).toBe('ID  NAME\n1   a\n')
    expect(table.format([['2', 'b']])).toBe('2   b\n')
    expect(table.format([['33333', 'c']])).toBe('33333  c\n')
    expect(table.format([['4', 'd']])).toBe('4      d\n')
  })
})

const COLUMNS = [
  { head: 'id', rank: 1 },
  { head: 'mailbox', rank: 1, least: 10 },
  { head: 'user', rank: 3 },
  { head: 'app', rank: 2, least: 6 },
]
const ROW = ['3f9kq2m8', 'annamaria@example.com', 'annamaria', 'Thunderbird 153']
const atWidth = (width: number | undefined) => new Table(COLUMNS, { colour: false, width }).format([ROW]).split('\n')

describe('on a terminal', () => {
  it('a table that is wider shows what matters most, shortened where it may be, and its IDs whole', () => {
    expect(atWidth(undefined)[1]).toBe('3f9kq2m8  annamaria@example.com  annamaria  Thunderbird 153')
    expect(atWidth(59)[1]).toBe('3f9kq2m8  annamaria@example.com  annamaria  Thunderbird 153')
    expect(atWidth(50)).toEqual(['ID        MAILBOX                USER       APP', '3f9kq2m8  annamaria@example.com  annamaria  Thund…', ''])
    expect(atWidth(36)).toEqual(['ID        MAILBOX             APP', '3f9kq2m8  annamaria@example…  Thund…', ''])
    expect(atWidth(22)).toEqual(['ID        MAILBOX', '3f9kq2m8  annamaria@e…', ''])
  })

  it.each(Array.from({ length: 60 }, (_, at) => at + 20))('no line is wider than %d columns', width => {
    for (const line of atWidth(width)) expect(line.length).toBeLessThanOrEqual(width)
  })

  it('a letter of two columns is not cut in half', () => {
    const table = new Table([{ head: 'app', rank: 1, least: 4 }], { colour: false, width: 4 })
    expect(table.format([['邮件邮件'], ['e\u0301e\u0301e\u0301e\u0301e\u0301']])).toBe('APP\n邮…\ne\u0301e\u0301e\u0301…\n')
  })
})
