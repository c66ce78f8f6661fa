/** Migration passwords, set and looked at by the commands as a person would. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { runHere } from '../terminal-fixture.ts'

const ANNA = 'anna@example.com'
const END = '2099-12-31T23:59:59.999Z'
let cwd: string

beforeAll(async () => {
  cwd = mkdtempSync(join(tmpdir(), 'mailwicket-test-'))
  expect(await runHere(['init', '--hostname', 'mail.example.com'], { cwd })).toMatchObject({ code: 0, err: '' })
})
afterAll(() => rmSync(cwd, { recursive: true, force: true }))

async function json(...args: string[]) {
  const { code, out, err } = await runHere([...args, '--json'], { cwd, input: 'upstream-marker\n' })
  expect({ code, err }).toEqual({ code: 0, err: '' })
  return JSON.parse(out)
}

async function failure(...args: string[]) {
  const { code, out, err } = await runHere([...args, '--json'], { cwd })
  expect(out).toBe('')
  return { exit: code, ...JSON.parse(err).error }
}

const add = (address: string, ...options: string[]) => json('mailbox', 'add', address, '--no-verify', '--secret-stdin', ...options)

it('a mailbox is added with its date, or without', async () => {
  expect(await add(ANNA, '--legacy-password-until', '2099-12-31')).toMatchObject({ legacyPasswordUntil: END, devices: 0 })
  expect(await add('berta@example.com')).toMatchObject({ legacyPasswordUntil: null })
  expect(await add('clara@other.example')).toMatchObject({ legacyPasswordUntil: null })
  expect((await runHere(['mailbox', 'show', ANNA], { cwd })).out).toMatch(/Migration password +works too, until 2099-12-31 23:59 UTC\n/)
  expect((await runHere(['mailbox', 'show', 'berta@example.com'], { cwd })).out).toMatch(/Migration password +refused: every app needs a password of its own\n/)
})

it('a mailbox may do without an upstream password of ours', async () => {
  const bare = await json('mailbox', 'add', 'bare@bare.example', '--no-secret', '--legacy-password-until', '30d')
  expect(bare).toMatchObject({ hasSecret: false, legacyPasswordUntil: expect.any(String) })
  expect(await failure('mailbox', 'add', 'bare2@bare.example', '--no-secret', '--secret-stdin')).toMatchObject({
    exit: 2,
    message: expect.stringContaining('contradict'),
  })
  await json('mailbox', 'remove', 'bare@bare.example', '--yes')
})

it('the date shows as the device "legacy"', async () => {
  expect(await json('device', 'list')).toMatchObject([{ mailbox: ANNA, name: 'legacy', state: 'legacy', expiresAt: END, lastConnection: null, sessions: 0 }])
  expect(await json('device', 'show', `${ANNA}/legacy`)).toMatchObject({ password: 'legacy' })
  expect((await runHere(['device', 'show', `${ANNA}/legacy`], { cwd })).out).toMatch(/Password +that of the real server/)
  expect(await failure('device', 'password', `${ANNA}/legacy`)).toMatchObject({ exit: 2, remedy: expect.stringContaining('off') })
})

it('a domain is set at once, without the others', async () => {
  const result = { domain: 'example.com', mailboxes: 2, changed: 1, legacyPasswordUntil: END }
  expect(await json('mailbox', 'set', '--all-of', '@Example.com', '--legacy-password-until', '2099-12-31')).toEqual(result)
  expect((await json('mailbox', 'list')).map((row: { legacyPasswordUntil: string }) => row.legacyPasswordUntil)).toEqual([END, END, null])
  const rows = await json('mailbox', 'list', '--legacy')
  const row = { state: 'legacy', legacyPasswordUntil: END, lastConnection: null, sessions: 0, devices: 0 }
  expect(rows).toEqual([
    { address: ANNA, ...row },
    { address: 'berta@example.com', ...row },
  ])
  const { out } = await runHere(['mailbox', 'list', '--legacy'], { cwd })
  expect(out).toMatch(/^ADDRESS +STATE +UNTIL +LAST USED +FROM +APP +SESSIONS +DEVICES\nanna@example\.com +accepted +2099-12-31 23:59 UTC +never/)
})

it('off ends it, for one or all', async () => {
  expect(await json('mailbox', 'set', ANNA, '--legacy-password-until', 'off')).toMatchObject({ legacyPasswordUntil: null })
  expect(await json('mailbox', 'set', '--all-of', 'example.com', '--legacy-password-until', 'OFF')).toMatchObject({ changed: 1, legacyPasswordUntil: null })
  expect(await json('mailbox', 'list', '--legacy')).toEqual([])
  expect((await runHere(['mailbox', 'list', '--legacy'], { cwd })).err).toContain('--legacy-password-until 30d')
  expect((await runHere(['audit', '--since', '1h'], { cwd })).out).toMatch(/legacyPasswordUntil: 2099-12-31T23:59:59\.999Z → null/)
})

it('wrong input says what to do', async () => {
  const set = (...args: string[]) => failure('mailbox', 'set', ...args)
  expect(await set(ANNA, '--legacy-password-until', '2001-01-01')).toMatchObject({ exit: 2, remedy: expect.stringContaining('past') })
  expect(await set(ANNA, '--legacy-password-until', 'soon')).toMatchObject({ exit: 2, message: expect.stringContaining('--legacy-password-until') })
  expect(await set('--legacy-password-until', '3d')).toMatchObject({ exit: 2, message: 'Which mailbox?' })
  for (const args of [[ANNA, '--legacy-password-until', '3d'], ['--disable', '--legacy-password-until', '3d'], ['--no-verify'], []])
    expect(await set('--all-of', 'example.com', ...args)).toMatchObject({ exit: 2, message: expect.stringContaining('nothing else') })
  expect(await set('--all-of', 'nowhere.example', '--legacy-password-until', '3d')).toMatchObject({ exit: 3, code: 'NOT_FOUND' })
  expect(await set('--all-of', 'no domain', '--legacy-password-until', '3d')).toMatchObject({ exit: 2, code: 'BAD_INPUT' })
  expect(await failure('device', 'add', ANNA, 'legacy')).toMatchObject({ exit: 2, message: expect.stringContaining('choose another') })
})
