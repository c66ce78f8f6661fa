/** A mail of 25 MB goes up by APPEND and comes back equal, by curl and as one non-synchronising literal; memory does not hold it. */
import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { runOk } from '../fixtures/child-process.ts'
import type { ImapAccount } from '../fixtures/clients/imap-account.ts'
import { logIn } from '../fixtures/clients/raw-imap.ts'
import { Inspector } from '../fixtures/program/inspector.ts'
import { Stage } from '../fixtures/program/stage.ts'

const user = 'reader@example.com'
const bytes = 25_000_000
let stage: Stage
let account: ImapAccount
let options: string[]
let message: Buffer
let inspector: Inspector

beforeAll(async () => {
  stage = await Stage.open({ users: [user] })
  await stage.gateway.serve()
  inspector = await Inspector.open(stage.gateway)
  account = await stage.addAccount(user, 'Scanner')
  const curlrc = join(stage.dovecot.dir, 'curlrc')
  writeFileSync(curlrc, `user = "${user}:${account.password}"\ncacert = "${account.ca}"\n`)
  options = ['--silent', '--show-error', '--max-time', '100', '--config', curlrc]
  message = makeLargeMessage()
})

afterAll(async () => {
  inspector?.close()
  await stage?.close()
})

/** No two lines alike, so that a lost or doubled block shows. */
function makeLargeMessage(): Buffer {
  const head = 'Subject: large\r\nMessage-ID: <large@example.com>\r\n\r\n'
  const body = Buffer.alloc(bytes - head.length)
  for (let at = 0, line = 0; at < body.length; line++) at += body.write(`${createHash('md5').update(String(line)).digest('hex').repeat(2)}\r\n`, at)
  body.write('\r\n', body.length - 2)
  return Buffer.concat([Buffer.from(head), body])
}

test('curl uploads 25 MB and fetches them back equal', async () => {
  const [up, down] = [join(stage.dovecot.dir, 'up.eml'), join(stage.dovecot.dir, 'down.eml')]
  writeFileSync(up, message)
  const curl = async (...args: string[]) => await runOk('curl', [...options, ...args], { timeoutMs: 110_000 })
  const heldUp = await inspector.peakDuring(() => curl('--upload-file', up, `imaps://localhost:${account.port}/INBOX`))
  const heldDown = await inspector.peakDuring(() => curl('--output', down, `imaps://localhost:${account.port}/INBOX;MAILINDEX=1`))
  expect(readFileSync(down).equals(message)).toBe(true)
  // The relay holds a few buffers, not the message.
  expect(heldUp).toBeLessThan(message.length / 4)
  expect(heldDown).toBeLessThan(message.length / 4)
})

test('25 MB as one non-synchronising literal arrive equal', async () => {
  const imap = await logIn(account)
  await imap.writeAll(`a APPEND INBOX (\\Seen) {${message.length}+}\r\n`)
  await imap.writeAll(message)
  imap.write('\r\n')
  expect(await imap.readReply('a', 60_000)).toMatch(/^a OK \[APPENDUID /m)
  imap.destroy()
  const { stdout } = await runOk('curl', [...options, '--range', '0-99', `imaps://localhost:${account.port}/INBOX;MAILINDEX=2`])
  expect(stdout.startsWith('Subject: large\r\n')).toBe(true)
  const direct = await logIn(stage.dovecot.account(user))
  expect(await direct.ok('EXAMINE INBOX')).toContain('* 2 EXISTS')
  expect(await direct.ok('FETCH 2 RFC822.SIZE')).toContain(`RFC822.SIZE ${message.length}`)
  direct.destroy()
})
