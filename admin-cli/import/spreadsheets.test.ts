/** Files as spreadsheets and other programs write them: what each becomes, in an installation of its own. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { runHere } from '../terminal-fixture.ts'

let cwd: string
beforeEach(async () => {
  cwd = mkdtempSync(join(tmpdir(), 'mailwicket-test-'))
  expect(await runHere(['init', '--hostname', 'mail.example.com'], { cwd })).toMatchObject({ code: 0 })
})
afterEach(() => rmSync(cwd, { recursive: true, force: true }))

async function importBytes(bytes: Buffer | string) {
  writeFileSync(join(cwd, 'file.csv'), bytes, { mode: 0o600 })
  const { out, err } = await runHere(['import', 'file.csv', '--json'], { cwd })
  const devices = await runHere(['device', 'list', '--json'], { cwd })
  const answer = out === '' ? {} : (JSON.parse(out) as { bad: number; repeated: number; badRows: { line: number; reason: string }[] })
  const names = (JSON.parse(devices.out) as { mailbox: string; name: string }[]).map(({ mailbox, name }) => `${mailbox}/${name}`).sort()
  return { answer, err, names }
}

const utf16 = (text: string, order: 'le' | 'be'): Buffer => {
  const bytes = Buffer.from(`\ufeff${text}`, 'utf16le')
  return order === 'le' ? bytes : bytes.swap16()
}
const ROWS = 'mailbox;secret;device;password\r\na@example.com;s;Büro;chosen-password-0001\r\nb@example.com;s;phone;chosen-password-0002\r\n'
const BOTH = ['a@example.com/Büro', 'b@example.com/phone']

test.each<readonly [string, Buffer | string]>([
  ['CR LF', ROWS],
  ['LF', ROWS.replaceAll('\r', '')],
  ['CR only, of old spreadsheets', ROWS.replaceAll('\n', '')],
  ['a byte order mark', `\ufeff${ROWS}`],
  ['a line that names the separator', `sep=;\r\n${ROWS}`],
  ['a byte order mark and the separator', `\ufeffsep=;\r\n${ROWS}`],
  ['a separator that only that line tells', `sep=|\r\n${ROWS.replaceAll(';', '|')}`],
  ['the separator in capitals and quotes', `"SEP=;"\r\n${ROWS}`],
  ['a delimiter at the end of every line', ROWS.replaceAll('\r\n', ';\r\n')],
  ['three of them', ROWS.replaceAll('\r\n', ';;;\r\n')],
  ['a delimiter at the end of the header only', ROWS.replace('\r\n', ';\r\n')],
  ['empty rows behind', `${ROWS};;;\r\n;;;\r\n`],
  ['UTF-16 as Excel writes “Unicode text”', utf16(ROWS.replaceAll(';', '\t'), 'le')],
  ['UTF-16 the other way round', utf16(ROWS.replaceAll(';', '\t'), 'be')],
  ['capitals and blanks in the header', ROWS.replace('mailbox;secret;device', 'Mailbox ; Secret;Device ')],
  ['everything in quotes', ROWS.replaceAll(/[^;\r\n]+/g, '"$&"')],
  ['no-break spaces around the address', ROWS.replace('a@example.com', '\u00a0a@example.com\u00a0')],
  ['a zero-width space behind the address', ROWS.replace('a@example.com', 'a@example.com\u200b')],
])('%s', async (_name, bytes) => {
  const { answer, names, err } = await importBytes(bytes)
  expect({ answer, names, err }).toMatchObject({ answer: { bad: 0, repeated: 0 }, names: BOTH, err: '' })
})

test('a row that stands there twice, word for word, counts once, with a remark', async () => {
  const { answer, names } = await importBytes(`${ROWS}${ROWS.split('\r\n').slice(1).join('\r\n')}`)
  expect(answer).toMatchObject({ rows: 4, repeated: 2, bad: 0, mailboxes: { added: 2, unchanged: 0 }, devices: { added: 2, unchanged: 0 } })
  expect(names).toEqual(BOTH)
  writeFileSync(join(cwd, 'again.csv'), `${ROWS}b@example.com;s;phone;chosen-password-0002\r\n`, { mode: 0o600 })
  const { err } = await runHere(['import', 'again.csv'], { cwd })
  expect(err).toContain('Rows that stand in the file twice, word for word, count once: 1 (line 4).')
})

test('a row that is nearly one that was there is a bad row, not a repetition', async () => {
  const { answer } = await importBytes(`${ROWS}B@Example.com;s;Phone;chosen-password-000X\r\n`)
  expect(answer).toMatchObject({ repeated: 0, bad: 1, badRows: [{ line: 4, reason: expect.stringContaining('differs in password') }] })
})

test('a mailbox with many devices is one mailbox, and none that was there already', async () => {
  const devices = Array.from({ length: 5 }, (_, at) => `a@example.com;;d${at};chosen-password-${at}000\r\n`)
  const { answer } = await importBytes(`mailbox;secret;device;password\r\n${devices.join('')}`)
  expect(answer).toMatchObject({ mailboxes: { added: 1, changed: 0, unchanged: 0 }, devices: { added: 5 } })
})

test('what stands under no name is told, and quoted by nobody', async () => {
  const { answer } = await importBytes(
    'mailbox;secret;device;password;\r\na@example.com;s;phone;chosen-password-0001;\r\nb@example.com;s;phone;secret;oops\r\n',
  )
  expect(answer).toMatchObject({ bad: 1, badRows: [{ line: 3, reason: expect.stringMatching(/^5 cells under 4 columns/) }] })
})

test('Latin-1 is refused with what to do', async () => {
  const { err } = await importBytes(Buffer.from(ROWS, 'latin1'))
  expect(JSON.parse(err).error).toMatchObject({ message: 'The file is not UTF-8, somewhere after line 1.', remedy: expect.stringContaining('iconv') })
})

test('any cut of the bytes gives the same', async () => {
  const { textOf } = await import('./import-text.ts')
  for (const bytes of [utf16(ROWS, 'le'), utf16(ROWS, 'be'), Buffer.from(ROWS), Buffer.from(ROWS.replaceAll('\n', ''))]) {
    for (let size = 1; size < 9; size++) {
      const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, at) => bytes.subarray(at * size, (at + 1) * size))
      const text: string[] = []
      for await (const piece of textOf(
        (async function* () {
          yield* pieces
        })(),
        () => {},
      ))
        text.push(piece)
      expect(text.join('')).toBe(ROWS.replaceAll('\r\n', '\n'))
    }
  }
})
