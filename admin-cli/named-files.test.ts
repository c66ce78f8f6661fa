/** Every command that takes a path × everything that can be wrong with a path: words and what to do, never a defect and an errno. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { runHere } from './terminal-fixture.ts'

let cwd: string
beforeAll(async () => {
  cwd = mkdtempSync(join(tmpdir(), 'mailwicket-paths-'))
  expect(await runHere(['init', '--hostname', 'mail.example.com'], { cwd })).toMatchObject({ code: 0 })
  writeFileSync(join(cwd, 'staff.csv'), 'mailbox\nanna@example.com\nnobody\n')
  writeFileSync(join(cwd, 'a-file'), 'x')
  chmodSync(join(cwd, 'a-file'), 0o600)
  mkdirSync(join(cwd, 'a-folder'))
  symlinkSync('circle', join(cwd, 'circle'))
  symlinkSync('nowhere', join(cwd, 'dangling'))
})
afterAll(() => rmSync(cwd, { recursive: true, force: true }))

const commands: readonly (readonly [string, (path: string) => readonly string[]])[] = [
  ['--config', path => ['--config', path, 'device', 'list']],
  ['init --dir', path => ['init', '--dir', path]],
  ['init --data-dir', path => ['init', '--dir', 'a-new-folder', '--data-dir', path]],
  ['import', path => ['import', path]],
  ['import --rejects', path => ['import', 'staff.csv', '--dry-run', '--rejects', path]],
  ['import --generate', path => ['import', 'staff.csv', '--generate', path]],
  ['export', path => ['export', path]],
  ['backup', path => ['backup', path]],
  ['restore', path => ['restore', path, '--yes']],
]
const paths: readonly (readonly [string, string])[] = [
  ['a folder that is not there', 'not-there/x/y'],
  ['a file where a folder should be', 'a-file/x'],
  ['a folder', 'a-folder'],
  ['links in a circle', 'circle/x'],
  ['a link to nothing', 'dangling/x'],
  ['a name that is too long', 'x'.repeat(300)],
  ['a path that is too long', `${'x/'.repeat(2500)}y`],
  ['what takes nothing: the disk is full', '/dev/full'],
  ['a file system that is read-only', '/proc/x'],
  ['a folder of the system', '/proc'],
  ['a place where nothing can be made', '/sys/x/y'],
]
const cases = commands.flatMap(([command, args]) => paths.map(([fault, path]) => [command, fault, args(path)] as const))

test.each(cases)('%s of %s', async (_command, _fault, args) => {
  const { code, out, err } = await runHere(args, { cwd })
  // Some are no fault to some commands: init makes the folder that is not there.
  if (code === 0) return expect(err).not.toMatch(/defect/)
  expect([1, 2, 3, 4]).toContain(code)
  expect(`${out}${err}`).not.toMatch(/A defect in Mailwicket|\bE[A-Z]{3,}\b|\n {4}at |node:/)
  expect(err).toMatch(/^mailwicket: [^\n]+\n {2}\S/)
})
