/** What a run prints last, as its readers see it: a real run of the runner over a few tests that end in every way. */
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { runChild } from './fixtures/child-process.ts'

const root = join(import.meta.dirname, '..')
const dir = mkdtempSync(join(tmpdir(), 'mailwicket-closing-line-'))
afterAll(() => rmSync(dir, { recursive: true, force: true }))

const CONFIG = `
import { ClosingLine } from ${JSON.stringify(join(root, 'test/closing-line.ts'))}
${'export'} default { test: { reporters: ['default', new ClosingLine()], include: ['*.test.ts'] } }
`

/** What a run over these files prints, with colours asked for. */
async function runOver(files: Readonly<Record<string, string>>) {
  rmSync(dir, { recursive: true, force: true })
  const fresh = mkdtempSync(dir)
  symlinkSync(join(root, 'node_modules'), join(fresh, 'node_modules'))
  writeFileSync(join(fresh, 'vitest.config.ts'), CONFIG)
  for (const [name, body] of Object.entries(files)) writeFileSync(join(fresh, name), `import { test } from 'vitest'\n${body}`)
  const done = await runChild(process.execPath, [join(root, 'node_modules/vitest/vitest.mjs'), 'run'], { cwd: fresh })
  rmSync(fresh, { recursive: true, force: true })
  return { code: done.code, last: done.stdout.trimEnd().split('\n').at(-1) }
}

const PASSES = "test('a', () => {})\n"
const FAILS = "test('b', () => { throw new Error('no') })\n"

test.each([
  ['all pass', { 'a.test.ts': PASSES + PASSES }, { code: 0, last: '2 passed, 0 failed, 0 skipped' }],
  [
    'some fail, some are skipped',
    { 'a.test.ts': `${PASSES}test.skip('c', () => {})\n`, 'b.test.ts': FAILS },
    { code: 1, last: '1 passed, 1 failed, 1 skipped' },
  ],
  ['a file cannot be loaded', { 'a.test.ts': PASSES, 'b.test.ts': "import './not-there.ts'\n" }, { code: 1, last: '1 passed, 1 failed, 0 skipped' }],
  [
    'an error that belongs to no test',
    { 'a.test.ts': "test('d', () => { setTimeout(() => { throw new Error('late') }, 0); return new Promise(r => setTimeout(r, 50)) })\n" },
    { code: 1, last: '1 passed, 1 failed, 0 skipped' },
  ],
])('the last line says how it went: %s', async (_name, files, expected) => {
  expect(await runOver(files)).toEqual(expected)
})
