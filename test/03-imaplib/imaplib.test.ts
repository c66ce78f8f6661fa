/** Python's imaplib: LOGIN, AUTHENTICATE PLAIN and LOGIN (without initial response), STARTTLS. */
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { runOk } from '../fixtures/child-process.ts'
import type { ImapAccount } from '../fixtures/clients/imap-account.ts'
import { Stage } from '../fixtures/program/stage.ts'

const user = 'reader@example.com'
let stage: Stage
let account: ImapAccount

beforeAll(async () => {
  stage = await Stage.open({ users: [user] })
  await stage.gateway.serve()
  account = await stage.addAccount(user, 'Script')
})

afterAll(async () => await stage?.close())

interface Result {
  readonly before: string[]
  readonly select?: string
  readonly append?: string
  readonly search?: string
  readonly fetch?: string
  readonly logout?: string
  readonly error?: string
}

async function runSession(mode: string, password = account.password): Promise<Result> {
  const script = fileURLToPath(new URL('session.py', import.meta.url))
  const task = { mode, port: mode === 'starttls' ? account.starttlsPort : account.port, user, password, ca: account.ca }
  const { stdout } = await runOk('python3', [script], { input: JSON.stringify(task) })
  return JSON.parse(stdout) as Result
}

for (const mode of ['login', 'plain', 'sasl-login', 'starttls']) {
  test(`a session with ${mode}`, async () => {
    const result = await runSession(mode)
    expect(result).toMatchObject({ append: 'OK', fetch: 'body\r\n', logout: 'BYE' })
    expect(result.search).not.toBe('')
  })

  test(`a wrong password with ${mode} is [AUTHENTICATIONFAILED]`, async () => {
    const result = await runSession(mode, 'a wrong password of some length')
    expect(result.error).toContain('AUTHENTICATIONFAILED')
  })
}

test('the capabilities before login name what is offered', async () => {
  const implicit = await runSession('login')
  expect(implicit.before).toEqual(expect.arrayContaining(['IMAP4REV1', 'SASL-IR', 'AUTH=PLAIN', 'AUTH=LOGIN', 'LITERAL+', 'ID']))
  expect(implicit.before).not.toContain('STARTTLS')
  const starttls = await runSession('starttls')
  expect(starttls.before).toEqual(expect.arrayContaining(['STARTTLS', 'LOGINDISABLED']))
  expect(starttls.before).not.toContain('AUTH=PLAIN')
})
