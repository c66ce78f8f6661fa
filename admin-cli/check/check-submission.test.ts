/** What `check` says of submission servers that nobody has logged in to: with several of them, each takes something from everybody. */
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { runHere } from '../terminal-fixture.ts'

let cwd: string
beforeEach(async () => {
  cwd = mkdtempSync(join(tmpdir(), 'mailwicket-test-'))
  expect(await runHere(['init', '--hostname', 'mail.example.com'], { cwd })).toMatchObject({ code: 0 })
  // Ports that nobody listens on: what is known is asked of the store alone.
  const file = join(cwd, 'mailwicket.toml')
  writeFileSync(file, readFileSync(file, 'utf8').replace('imap.internal:993', '127.0.0.1:1').replace('smtp.internal:587', '127.0.0.1:1'))
})
afterEach(() => rmSync(cwd, { recursive: true, force: true }))

const unlearnt = async () => {
  const { out } = await runHere(['check', '--json'], { cwd })
  const findings = JSON.parse(out) as { check: string; status: string; message: string }[]
  return findings.filter(({ message }) => message.startsWith('Nobody has logged in there')).map(({ check, status }) => `${check} ${status}`)
}

test('one server takes from its own apps only what it lacks: nothing is said', async () => {
  expect(await unlearnt()).toEqual([])
})

test('of several, those that nobody has logged in to are named', async () => {
  appendFileSync(join(cwd, 'mailwicket.toml'), '\n[[upstream]]\nname = "second"\nsubmission = { address = "127.0.0.1:1", tls = "none" }\n')
  expect(await unlearnt()).toEqual(['upstream main submission warn', 'upstream second submission warn'])
})
