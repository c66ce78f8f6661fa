/** openssl s_client: a person's hand on the wire, by implicit TLS and by STARTTLS; TLS versions; session resumption. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { runChild, startChild } from '../fixtures/child-process.ts'
import type { ImapAccount } from '../fixtures/clients/imap-account.ts'
import { waitFor } from '../fixtures/deadline.ts'
import { Stage } from '../fixtures/program/stage.ts'

const user = 'reader@example.com'
let stage: Stage
let account: ImapAccount

beforeAll(async () => {
  stage = await Stage.open({ users: [user] })
  await stage.gateway.serve()
  account = await stage.addAccount(user, 'Terminal')
})

afterAll(async () => await stage?.close())

const trusted = () => ['-CAfile', account.ca, '-verify_return_error', '-verify_hostname', 'localhost', '-ign_eof']
const session = () => `a LOGIN ${account.user} ${account.password}\r\nb SELECT INBOX\r\nc LOGOUT\r\n`

test('a session by implicit TLS', async () => {
  const { stdout, code } = await runChild('openssl', ['s_client', '-connect', `localhost:${account.port}`, '-crlf', '-quiet', ...trusted()], {
    input: session().replaceAll('\r\n', '\n'),
  })
  expect(stdout).toMatch(/^\* OK \[CAPABILITY IMAP4rev1 [^\]]*\]/)
  expect(stdout).toMatch(/^a OK \[CAPABILITY [^\]]*IDLE[^\]]*\]/m)
  expect(stdout).toMatch(/^b OK \[READ-WRITE\]/m)
  expect(stdout).toMatch(/^\* BYE/m)
  expect(stdout).toMatch(/^c OK/m)
  expect(code).toBe(0)
})

test('a session by STARTTLS', async () => {
  const { stdout, code } = await runChild(
    'openssl',
    ['s_client', '-connect', `localhost:${account.starttlsPort}`, '-starttls', 'imap', '-crlf', '-quiet', ...trusted()],
    { input: session().replaceAll('\r\n', '\n') },
  )
  expect(stdout).toMatch(/^a OK \[CAPABILITY /m)
  expect(stdout).toMatch(/^b OK \[READ-WRITE\]/m)
  expect(stdout).toMatch(/^c OK/m)
  expect(code).toBe(0)
})

for (const version of ['-tls1_2', '-tls1_3'] as const) {
  test(`speaks ${version.slice(1)}`, async () => {
    const { stdout, code } = await runChild('openssl', ['s_client', '-connect', `localhost:${account.port}`, version, ...trusted()], { input: 'a LOGOUT\r\n' })
    expect(code).toBe(0)
    expect(stdout).toContain('Verify return code: 0 (ok)')
  })
}

for (const port of ['port', 'starttlsPort'] as const) {
  test(`refuses TLS 1.1 (${port})`, async () => {
    const starttls = port === 'starttlsPort' ? ['-starttls', 'imap'] : []
    // Security level 0, or openssl itself would refuse before it asks.
    const { stdout, code } = await runChild('openssl', [
      's_client',
      '-connect',
      `localhost:${account[port]}`,
      ...starttls,
      '-tls1_1',
      '-cipher',
      'ALL:@SECLEVEL=0',
    ])
    expect(code).not.toBe(0)
    expect(stdout).not.toContain('* OK')
  })
}

for (const [name, starttls] of [
  ['implicit TLS', []],
  ['STARTTLS', ['-starttls', 'imap']],
] as const) {
  for (const version of ['-tls1_2', '-tls1_3'] as const) {
    test(`resumes a TLS session: ${name}, ${version.slice(1)}`, async () => {
      const port = starttls.length === 0 ? account.port : account.starttlsPort
      const file = join(stage.dovecot.dir, `session-${port}${version}`)
      const connect = ['s_client', '-connect', `localhost:${port}`, ...starttls, version, '-CAfile', account.ca]
      // The first connection is ended only when the ticket was written.
      const first = startChild('openssl', [...connect, '-sess_out', file, '-ign_eof'], { input: 'a NOOP\r\n' })
      await first.waitForStdout(/^a OK/m, 15_000)
      await waitFor('the session file', 15_000, () => existsSync(file))
      await first.stop('SIGTERM')
      const second = await runChild('openssl', [...connect, '-sess_in', file, '-ign_eof'], { input: 'a LOGOUT\r\n' })
      expect(second.stdout).toMatch(/^Reused, TLSv1/m)
      expect(second.stdout).toMatch(/^a OK/m)
    })
  }
}
