import { appendFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { runHere } from '../../terminal-fixture.ts'

const OFFICE = 'office@example.com'
let cwd: string

async function run(...args: string[]): Promise<{ code: number; answer: unknown; error: { code: string; message: string; remedy: string } | undefined }> {
  const { code, out, err } = await runHere([...args, '--json'], { cwd, input: 'upstream-marker' })
  return { code, answer: out === '' ? undefined : JSON.parse(out), error: err === '' ? undefined : (JSON.parse(err) as { error: never }).error }
}

beforeAll(async () => {
  cwd = mkdtempSync(join(tmpdir(), 'mailwicket-test-'))
  await run('init', '--hostname', 'mail.example.com')
  await run('mailbox', 'add', OFFICE, '--no-verify', '--secret-stdin')
  await run('user', 'add', 'anna')
})
afterAll(() => rmSync(cwd, { recursive: true, force: true }))

describe('without a portal', () => {
  test('an administrator can be made, and the link comes later', async () => {
    expect(await run('user', 'add', 'boss', '--admin')).toMatchObject({ code: 0, answer: { login: 'boss', startLink: null } })
    expect((await runHere(['user', 'add', 'deputy', '--manages', 'example.com'], { cwd })).err).toContain('user reset-sign-in deputy')
  })

  test.each([[['user', 'reset-sign-in', 'anna', '--yes']], [['invite', 'add', OFFICE]]])('%j says that it is missing, and changes nothing', async args => {
    expect(await run(...args)).toMatchObject({ code: 2, error: { code: 'BAD_INPUT', remedy: expect.stringContaining('[portal]') } })
    expect((await run('invite', 'list', '--closed')).answer).toEqual([])
  })
})

describe('with a portal', () => {
  beforeAll(() => appendFileSync(join(cwd, 'mailwicket.toml'), '\n[portal]\naddress = "127.0.0.1:8080"\nurl = "https://devices.example.com"\n'))

  test('rights are given, taken, and shown', async () => {
    const rights = async (...args: string[]) => (await run('user', 'rights', 'anna', ...args)).answer
    expect(await rights()).toEqual({ login: 'anna', administrator: false, manages: [], rights: [] })
    await rights('--at', OFFICE, '--give', 'use, make,SEND', '--manages', 'example.com')
    expect(await rights('--at', OFFICE, '--give', 'see', '--take', 'make')).toEqual({
      login: 'anna',
      administrator: false,
      manages: ['example.com'],
      rights: [{ mailbox: OFFICE, use: true, make: false, see: true, send: true, manage: false }],
    })
    expect(await rights('--manages-no-more', 'example.com')).toMatchObject({ manages: [] })
    expect((await runHere(['user', 'rights', 'anna'], { cwd })).out).toMatch(/Administrator +no[\s\S]*office@example\.com +use, see, send/)
  })

  test.each([
    ['--give', 'use'],
    ['--at', OFFICE],
    ['--at', OFFICE, '--give', 'everything'],
    ['--at', OFFICE, '--give', 'use', '--take', 'use'],
    ['--at', OFFICE, '--take-all', '--give', 'use'],
    ['--at', OFFICE, '--take-all', '--unlink', '--revoke-devices'],
    ['--at', OFFICE, '--give', 'use', '--unlink'],
    ['--at', OFFICE, '--take', 'use,see,send'],
  ])('%s %s %s %s %s are refused', async (...args) => {
    expect(await run('user', 'rights', 'anna', ...args.filter(word => word !== undefined))).toMatchObject({ code: 2, error: { code: 'BAD_INPUT' } })
  })

  test('all rights are taken once it is said what becomes of the devices there', async () => {
    await run('device', 'add', OFFICE, 'phone', '--user', 'anna')
    const all = ['user', 'rights', 'anna', '--at', OFFICE, '--take-all']
    expect(await run(...all)).toMatchObject({ code: 1, error: { code: 'STILL_LINKED', remedy: expect.stringContaining('--revoke-devices') } })
    expect(await run(...all, '--revoke-devices', '--yes')).toMatchObject({ code: 0, answer: { rights: [] } })
    expect((await run('device', 'list', OFFICE)).answer).toEqual([])
  })

  test('the last administrator stays', async () => {
    expect(await run('user', 'rights', 'boss', '--no-admin')).toMatchObject({
      code: 1,
      error: { code: 'LAST_ADMINISTRATOR', remedy: expect.stringContaining('--admin') },
    })
    expect(await run('user', 'rights', 'anna', '--admin')).toMatchObject({ answer: { administrator: true } })
    expect(await run('user', 'rights', 'boss', '--no-admin')).toMatchObject({ answer: { administrator: false } })
  })

  test('a new start is a link of the portal, shown once', async () => {
    const { answer } = await run('user', 'reset-sign-in', 'boss', '--yes')
    expect(answer).toMatchObject({ login: 'boss', startLink: expect.stringMatching(/^https:\/\/devices\.example\.com\/i\/[\w-]{43}$/) })
    expect(JSON.stringify((await run('invite', 'list')).answer)).not.toContain((answer as { startLink: string }).startLink.slice(-43))
    // Another one ends it.
    await run('user', 'reset-sign-in', 'boss', '--yes')
    expect(((await run('invite', 'list')).answer as unknown[]).length).toBe(1)
  })

  test('an invitation is made, listed and taken back', async () => {
    const made = (await run('invite', 'add', OFFICE, '--user', 'anna', '--give', 'make', '--scope', 'imap', '--name', 'tablet')).answer as { id: string }
    expect(made).toMatchObject({
      kind: 'device',
      state: 'open',
      mailbox: OFFICE,
      user: 'anna',
      name: 'tablet',
      scopes: ['imap'],
      link: expect.stringContaining('/i/'),
    })
    expect((await run('invite', 'list', OFFICE)).answer).toMatchObject([{ id: made.id, opened: 0 }])
    expect((await run('invite', 'revoke', made.id)).answer).toMatchObject({ state: 'revoked' })
    expect((await run('invite', 'list', OFFICE)).answer).toEqual([])
    expect(await run('invite', 'add', OFFICE, '--mail-to', OFFICE)).toMatchObject({ code: 2, error: { code: 'BAD_INPUT' } })
    expect(await run('invite', 'revoke', 'x'.repeat(16))).toMatchObject({ code: 3 })
  })

  test('a token is made, listed and revoked', async () => {
    const made = (await run('token', 'add', 'anna', 'billing', '--scope', 'read,devices', '--domain', 'example.com')).answer as { id: string; token: string }
    expect(made).toMatchObject({ name: 'billing', user: 'anna', scopes: ['devices', 'read'], token: expect.stringMatching(/^mwt_[\w-]{43}$/) })
    const listed = (await run('token', 'list', '--user', 'anna')).answer
    expect(listed).toMatchObject([{ id: made.id, usedAt: null }])
    expect(JSON.stringify(listed)).not.toContain(made.token)
    expect(await run('token', 'add', 'anna', 'all', '--scope', 'passwords')).toMatchObject({
      code: 2,
      error: { message: expect.stringContaining('within a year') },
    })
    expect(await run('token', 'add', 'anna', 'all', '--scope', 'root')).toMatchObject({ code: 2 })
    expect((await run('token', 'revoke', made.id)).code).toBe(0)
    expect((await run('token', 'list')).answer).toEqual([])
  })
})
