/** neomutt in a terminal: reads a folder, copies mail out, deletes one, appends a sent one. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { runOk } from '../fixtures/child-process.ts'
import type { ImapAccount } from '../fixtures/clients/imap-account.ts'
import { makeMessage, seedMaildir } from '../fixtures/clients/maildir.ts'
import { logIn } from '../fixtures/clients/raw-imap.ts'
import { Stage } from '../fixtures/program/stage.ts'

const user = 'reader@example.com'
let stage: Stage
let account: ImapAccount

beforeAll(async () => {
  stage = await Stage.open({ users: [user] })
  seedMaildir(stage.dovecot.maildir(user), [makeMessage(1), makeMessage(2), makeMessage(3)])
  await stage.gateway.serve()
  account = await stage.addAccount(user, 'mutt')
})

afterAll(async () => await stage?.close())

/** Runs neomutt in a terminal of its own (`script` makes one), with keys to press. */
async function neomutt(url: string, starttls: 'yes' | 'no', keys: string): Promise<void> {
  const dir = stage.dovecot.dir
  const rc = join(dir, 'neomuttrc')
  const options = [
    `set folder = "${url}"`,
    `set spoolfile = "+INBOX"`,
    `set imap_user = "${user}"`,
    `set imap_pass = "${account.password}"`,
    `set certificate_file = "${account.ca}"`,
    `set ssl_ca_certificates_file = "${account.ca}"`,
    `set ssl_starttls = ${starttls}`,
    `set ssl_force_tls = ${starttls}`,
    'unset ssl_verify_dates',
    `set header_cache = ""`,
    `set tmpdir = "${dir}"`,
    'set delete = yes',
    'set move = no',
    'set confirmappend = no',
    'set wait_key = no',
    'set sort = mailbox-order',
    `push "${keys}"`,
  ]
  writeFileSync(rc, `${options.join('\n')}\n`)
  await runOk('script', ['--quiet', '--return', '--command', `env TERM=vt100 HOME=${dir} neomutt -n -F ${rc}`, join(dir, 'typescript')], { timeoutMs: 20_000 })
}

test('copies all mail to a local file by implicit TLS', async () => {
  const copy = join(stage.dovecot.dir, 'copy.mbox')
  await neomutt(`imaps://localhost:${account.port}/`, 'no', `<tag-pattern>~A<enter><tag-prefix><copy-message><kill-line>${copy}<enter>y<quit>`)
  const text = readFileSync(copy, 'utf8')
  for (const index of [1, 2, 3]) expect(text).toContain(`Body of message ${index}.`)
})

test('flags one and deletes another by STARTTLS', async () => {
  await neomutt(`imap://localhost:${account.starttlsPort}/`, 'yes', '<first-entry><flag-message><jump>3<enter><delete-message><sync-mailbox><quit>')
  const imap = await logIn(stage.dovecot.account(user))
  expect(await imap.ok('SELECT INBOX')).toContain('* 2 EXISTS')
  expect(await imap.ok('FETCH 1 FLAGS')).toContain('\\Flagged')
  await imap.command('LOGOUT')
  imap.destroy()
})
