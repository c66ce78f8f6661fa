import { expect, test } from 'vitest'
import { nameKeyOf, parseDeviceName } from './devices/device-names.ts'
import { parsePlainName, parsePlainNameOrNull } from './plain-names.ts'

const rule = { what: 'a name', maxCharacters: 20 }

test.each([
  ['a line feed', 'Phone\nadmin'],
  ['a null', 'Phone\0'],
  ['an escape sequence of terminals', 'Phone\u001b[2J'],
  ['a C1 control character', 'Phone\u009b2J'],
  ['a right-to-left override', 'Phone\u202eenohp'],
  ['a bidirectional isolate', '\u2066Phone'],
  ['a right-to-left mark', 'Phone\u200f'],
  ['a line separator', 'Phone\u2028admin'],
  ['a paragraph separator', 'Phone\u2029admin'],
  ['a zero-width space', 'Pho\u200bne'],
  ['a byte order mark inside', 'Pho\ufeffne'],
  ['a lone surrogate', 'Phone\ud800'],
  ['a tag character', 'Phone\u{e0041}'],
  ['a private character', 'Phone\ue000'],
  ['nothing', ''],
  ['spaces only', ' \u00a0\u3000'],
  ['a filler that shows nothing', '\u3164'],
  ['a variation selector alone', '\ufe0f'],
  ['a combining mark alone', '\u0301'],
  ['too many characters', 'x'.repeat(21)],
])('a name with %s is refused', (_what, name) => {
  expect(() => parsePlainName(name, rule)).toThrow(expect.objectContaining({ code: 'BAD_INPUT' }))
})

test.each(['<script>alert(1)</script>'.slice(0, 20), 'שלום', 'Zoë’s phone', '📱', '❤️ phone', 'x'.repeat(20), '-rf', '=1+1'])('%s is a name', name => {
  expect(parsePlainName(name, rule)).toBe(name.normalize('NFC'))
})

test('spaces of every kind are one space, and the same name', () => {
  expect(parsePlainName('\u3000My\u00a0phone ', rule)).toBe('My phone')
  expect(nameKeyOf('My\u00a0phone')).toBe(nameKeyOf(parseDeviceName('My phone')))
})

test('a device’s name may have a hundred characters, and no slash', () => {
  expect(parseDeviceName('x'.repeat(100))).toHaveLength(100)
  for (const name of ['x'.repeat(101), 'a/b']) expect(() => parseDeviceName(name)).toThrow(/1 to 100 printable characters and no "\/"/)
})

test('no name at all is null, not empty', () => {
  expect([parsePlainNameOrNull(null, rule), parsePlainNameOrNull('  ', rule)]).toEqual([null, null])
})
