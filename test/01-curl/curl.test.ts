/** curl lists and fetches mail, by implicit TLS and by STARTTLS, and is told of a wrong password. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { runChild, runOk } from '../fixtures/child-process.ts'
import type { ImapAccount } from '../fixtures/clients/imap-account.ts'
import { makeMessage, seedMaildir } from '../fixtures/clients/maildir.ts'
import { Stage } from '../fixtures/program/stage.ts'

const user = 'reader@example.com'
let stage: Stage
let account: ImapAccount

beforeAll(async () => {
  stage = await Stage.open({ users: [user] })
  seedMaildir(stage.dovecot.maildir(user), [makeMessage(1), makeMessage(2), makeMessage(3)])
  seedMaildir(stage.dovecot.maildir(user, 'Archive'), [makeMessage(4)])
  await stage.gateway.serve()
  account = await stage.addAccount(user, 'Command line')
})

afterAll(async () => await stage?.close())

/** The password goes in a file, as curl's manual advises. */
function optionsFor(who: ImapAccount): string[] {
  const path = join(stage.dovecot.dir, 'curlrc')
  writeFileSync(path, `user = "${who.user}:${who.password}"\ncacert = "${who.ca}"\n`)
  return ['--silent', '--show-error', '--max-time', '20', '--config', path]
}

test('lists the folders by implicit TLS', async () => {
  const { stdout } = await runOk('curl', [...optionsFor(account), `imaps://localhost:${account.port}/`])
  expect(stdout).toContain('* LIST (\\HasNoChildren) "/" INBOX')
  expect(stdout).toContain('* LIST (\\HasNoChildren) "/" Archive')
})

test('fetches a message by implicit TLS', async () => {
  const { stdout } = await runOk('curl', [...optionsFor(account), `imaps://localhost:${account.port}/INBOX;MAILINDEX=2`])
  expect(stdout).toBe(makeMessage(2).text)
})

test('fetches a message by STARTTLS', async () => {
  const { stdout } = await runOk('curl', [...optionsFor(account), '--ssl-reqd', `imap://localhost:${account.starttlsPort}/Archive;MAILINDEX=1`])
  expect(stdout).toBe(makeMessage(4).text)
})

test('searches with a command of its own', async () => {
  const { stdout } = await runOk('curl', [...optionsFor(account), '--request', 'SEARCH SUBJECT "Message 3"', `imaps://localhost:${account.port}/INBOX`])
  expect(stdout.trim()).toBe('* SEARCH 3')
})

test('a wrong password is a login error for curl', async () => {
  const finished = await runChild('curl', [...optionsFor({ ...account, password: 'wrong-but-long-enough' }), `imaps://localhost:${account.port}/`])
  // 67: "The user name, password, or similar was not accepted".
  expect(finished.code).toBe(67)
})
