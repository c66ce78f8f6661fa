import { describe, expect, it } from 'vitest'
import { formatFields, formatTable } from './table.ts'

describe('tables', () => {
  it('align their columns without lines or trailing blanks', () => {
    expect(
      formatTable(
        ['id', 'name', ''],
        [
          ['1', 'long name', ''],
          ['22', 'x', '3 times'],
        ],
        { colour: false },
      ),
    ).toBe('ID  NAME\n1   long name\n22  x          3 times\n')
  })

  it('know that some letters are two columns wide', () => {
    const lines = formatTable(
      ['app', 'n'],
      [
        ['邮件', '1'],
        ['mutt', '2'],
      ],
      { colour: false },
    ).split('\n')
    expect(lines[1]).toBe('邮件  1')
    expect(lines[2]).toBe('mutt  2')
  })

  it('an app cannot send escape sequences to the terminal', () => {
    const text = formatTable(['app'], [['evil\u001b]0;title\u0007\r\n\u009b31m\u202egpj.exe']], { colour: false })
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
    expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/)
    expect(formatFields([['App', 'a\u001b[2Jb\nc']])).toBe('  App  a�[2Jb�c\n')
  })
})
