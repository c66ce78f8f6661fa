/** What cannot be undone, command by command: asked for at a terminal; without one `--yes`, a whole ID, or exit code 2 and nothing done. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Command } from './frame/command-frame.ts'
import { buildProgram } from './program.ts'
import { makeTestTerminal, runHere } from './terminal-fixture.ts'

const ANNA = 'anna@example.com'
const ids = { phone: '', token: '', invitation: '' }
let cwd: string

beforeAll(async () => {
  cwd = mkdtempSync(join(tmpdir(), 'mailwicket-test-'))
  await run('init', '--hostname', 'mail.example.com')
  writeFileSync(
    join(cwd, 'mailwicket.toml'),
    `${readFileSync(join(cwd, 'mailwicket.toml'), 'utf8')}\n[portal]\naddress = "127.0.0.1:0"\nurl = "https://devices.example.com"\n`,
  )
  for (const address of [ANNA, 'bob@example.com', 'carl@example.com'])
    await runHere(['mailbox', 'add', address, '--no-verify', '--secret-stdin'], { cwd, input: 'upstream-marker\n' })
  for (const login of ['zoe', 'yan']) await run('user', 'add', login)
  ids.phone = (await json('device', 'add', ANNA, 'phone')).id
  for (const name of ['tablet', 'laptop', 'watch']) await run('device', 'add', ANNA, name)
  await run('device', 'add', 'bob@example.com', 'phone', '--user', 'zoe')
  ids.token = (await json('token', 'add', 'zoe', 'billing', '--scope', 'read')).id
  ids.invitation = (await json('invite', 'add', ANNA)).id
})
afterAll(() => rmSync(cwd, { recursive: true, force: true }))

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out
const withoutEscapes = (text: string) => text.replace(/\u001b\[[\d;]*[A-Za-z]/g, '')

const run = (...args: string[]) => runHere(args, { cwd })

async function json(...args: string[]) {
  const { code, out, err } = await run(...args, '--json')
  expect({ code, err }).toEqual({ code: 0, err: '' })
  return JSON.parse(out)
}

const changes = async () => (await json('audit', '--limit', '9999')).length

/** The command without its subject, the subject, and whether that is a whole ID. */
const FINAL: readonly (readonly [command: string, args: () => readonly string[], kind: 'name' | 'id'])[] = [
  ['device revoke', () => [`${ANNA}/phone`], 'name'],
  ['device revoke', () => [ids.phone.slice(0, 8)], 'name'],
  ['device revoke', () => ['--all', ANNA], 'name'],
  ['device revoke', () => [ids.phone], 'id'],
  ['mailbox remove', () => ['carl@example.com'], 'name'],
  ['user remove', () => ['yan'], 'name'],
  ['user remove', () => ['zoe', '--unlink'], 'name'],
  ['user reset-sign-in', () => ['zoe'], 'name'],
  ['user rights', () => ['zoe', '--at', 'bob@example.com', '--take-all', '--revoke-devices'], 'name'],
  ['token revoke', () => [ids.token], 'id'],
  ['invite revoke', () => [ids.invitation], 'id'],
]

/** What `--yes` means there is tried by tests of its own: the store that is replaced is kept. */
const OTHERS = ['restore']
/** These change one thing, and say so in their question. */
const WITHOUT_DRY_RUN = ['user reset-sign-in', 'user rights', 'restore']

test('every command that can be told --yes is tried here, and can be tried without harm', async () => {
  const found: [string, boolean][] = []
  const visit = (command: Command, path: string) => {
    const has = (flag: string) => command.options.some(option => option.long === flag)
    if (has('--yes')) found.push([path, has('--dry-run')])
    for (const one of command.commands) visit(one, `${path} ${one.name()}`.trim())
  }
  visit(await buildProgram(['completion'], makeTestTerminal(), '0.0.0-test'), '')
  expect(found.map(([path]) => path).sort()).toEqual([...new Set([...FINAL.map(([path]) => path), ...OTHERS])].sort())
  expect(
    found
      .filter(([, hasDryRun]) => !hasDryRun)
      .map(([path]) => path)
      .sort(),
  ).toEqual([...WITHOUT_DRY_RUN].sort())
})

const lineOf = (command: string, args: () => readonly string[]) => [...command.split(' '), ...args()]

test.each(FINAL.filter(([, , kind]) => kind === 'name'))('%s does nothing without a terminal and --yes', async (command, args) => {
  const before = await changes()
  const { code, out, err } = await run(...lineOf(command, args))
  expect({ code, out }).toEqual({ code: 2, out: '' })
  expect(err).toContain('Give --yes')
  expect(await changes()).toBe(before)
})

describe.each(FINAL)('%s', (command, args) => {
  test.each(['n\n', '\n', 'yess\n', '\u0004'])('does nothing when the answer at the terminal is %j', async input => {
    const before = await changes()
    const { code, out, err } = await runHere(lineOf(command, args), { cwd, isTTY: true, input })
    expect(out).toBe('')
    expect(err).toContain('[y/N]')
    expect([2, 130]).toContain(code)
    expect(await changes()).toBe(before)
  })
})

test.each(FINAL.filter(([command]) => !WITHOUT_DRY_RUN.includes(command)))('%s --dry-run says what would happen, and does nothing', async (command, args) => {
  const before = await changes()
  const { code, out, err } = await run(...lineOf(command, args), '--dry-run')
  expect(code).toBe(0)
  expect(out).not.toBe('')
  expect(err).toContain('Nothing was changed')
  expect(await changes()).toBe(before)
})

test.each(['a', 'ab', '3f9'])('“%s” revokes nothing, and gets no new password, whatever else is said', async ref => {
  const before = await changes()
  expect(await run('device', 'revoke', ref, '--yes')).toMatchObject({ code: 2, err: expect.stringContaining('at least 4 characters') })
  expect(await run('device', 'password', ref)).toMatchObject({ code: 2 })
  expect(await runHere(['device', 'revoke', '-', '--yes'], { cwd, input: `${ids.phone}\n${ref}\n` })).toMatchObject({ code: 2 })
  expect(await changes()).toBe(before)
})

test('a device is named, with what it is known by, before it is revoked', async () => {
  const { code, out, err } = await runHere(['device', 'revoke', `${ANNA}/watch`], { cwd, isTTY: true, input: 'y\n' })
  expect(withoutEscapes(err)).toMatch(/^Revoke anna@example\.com\/watch \([0-9a-z]{16}; never connected\)\? Its password is over for good\. \[y\/N\]/)
  expect({ code, out }).toEqual({ code: 0, out: expect.stringMatching(/^Revoked anna@example\.com\/watch/) })
})

test('a second time it says when that was, and asks nothing', async () => {
  const { code, out, err } = await runHere(['device', 'revoke', `${ANNA}/watch`], { cwd, isTTY: true, input: '' })
  expect({ code, err }).toEqual({ code: 0, err: '' })
  expect(out).toMatch(/^anna@example\.com\/watch \([0-9a-z]{16}\) was revoked already: \d{4}-\d\d-\d\d \d\d:\d\d UTC \(just now\)\.\n$/)
})

test('a whole ID in a script needs no --yes; from standard input it does', async () => {
  const tablet = (await json('device', 'show', `${ANNA}/tablet`)).id
  expect(await json('device', 'revoke', tablet)).toMatchObject([{ id: tablet, state: 'revoked' }])
  expect(await runHere(['device', 'revoke', '-'], { cwd, input: `${ids.phone}\n` })).toMatchObject({ code: 2 })
})

test('devices, mailboxes and users are taken from standard input: all or none, and tried first', async () => {
  const input = `${ids.phone}\r\n\n  ${ANNA}/laptop  \n`
  const wrong = await runHere(['device', 'revoke', '-', '--yes'], { cwd, input: `${input}${ANNA}/no\n` })
  expect(wrong.code).toBe(3)
  const dry = await runHere(['device', 'revoke', '-', '--dry-run', '--json'], { cwd, input })
  expect(JSON.parse(dry.out)).toMatchObject([{ state: 'active' }, { state: 'active' }])
  const done = await runHere(['device', 'revoke', '-', '--yes'], { cwd, input })
  expect(done.out).toMatch(/^Revoked anna@example\.com\/phone .*\nRevoked anna@example\.com\/laptop .*\n$/)
  const removed = await runHere(['mailbox', 'remove', '-', '--yes', '--json'], { cwd, input: 'carl@example.com\n' })
  expect(JSON.parse(removed.out)).toEqual([{ address: 'carl@example.com', devices: 0 }])
  expect(JSON.parse((await runHere(['user', 'remove', '-', '--unlink', '--dry-run', '--json'], { cwd, input: 'zoe\n' })).out)).toEqual([
    { login: 'zoe', unlinked: ['bob@example.com/phone'] },
  ])
})

test.each([
  ['', 'empty'],
  [`${'x'.repeat(1001)}\n`, 'line 1 is too long'],
  [`${'x@y\n'.repeat(100_001)}`, 'more than 100000 lines'],
])('standard input that is no list is refused (%#)', async (input, why) => {
  expect(await runHere(['mailbox', 'remove', '-', '--yes'], { cwd, input })).toMatchObject({ code: 2, err: expect.stringContaining(why) })
})

test.each([
  [['device', 'show', 'anna@example.com/phnoe'], 'anna@example.com/phone'],
  [['device', 'show', 'ana@example.com/laptop'], 'anna@example.com/laptop'],
  [['device', 'show', 'laptop'], 'anna@example.com/laptop'],
  [['mailbox', 'show', 'anan@example.com'], ANNA],
  [['mailbox', 'show', 'anna@exmaple.com'], ANNA],
  [['device', 'list', 'anna@example.org'], ANNA],
  [['user', 'show', 'zoee'], 'zoe'],
  [['device', 'list', '--user', 'zoee'], 'zoe'],
])('%j: the nearest name is suggested', async (args, meant) => {
  if (meant.endsWith('/phone') || meant.endsWith('/laptop')) await run('device', 'add', ANNA, meant.split('/')[1] ?? '')
  const { code, err } = await run(...args)
  expect(code).toBeGreaterThanOrEqual(2)
  expect(err).toContain(`Did you mean ${meant}?`)
})

test('what resembles nothing gets no suggestion', async () => {
  for (const args of [
    ['mailbox', 'show', 'q@elsewhere.net'],
    ['user', 'show', 'konstantin'],
    ['device', 'show', 'bob@example.com/refrigerator'],
  ])
    expect((await run(...args)).err).not.toContain('Did you mean')
})
