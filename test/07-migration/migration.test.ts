/**
 * A migration of 10,000 messages by Mail::IMAPClient (the library under imapsync), the gateway on both sides.
 * Four of them at once, each a quarter of the folder, as people do with large mailboxes.
 */
import { createHash } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { runOk } from '../fixtures/child-process.ts'
import type { ImapAccount } from '../fixtures/clients/imap-account.ts'
import { makeMessage, seedMaildir } from '../fixtures/clients/maildir.ts'
import { logIn } from '../fixtures/clients/raw-imap.ts'
import { Stage } from '../fixtures/program/stage.ts'

const source = 'old@example.com'
const target = 'new@example.com'
const total = 10_000
const parts = 4
let stage: Stage

beforeAll(async () => {
  stage = await Stage.open({ users: [source, target] })
  const messages = Array.from({ length: total }, (_, index) => makeMessage(index))
  seedMaildir(stage.dovecot.maildir(source), messages)
  await stage.gateway.serve()
})

afterAll(async () => await stage?.close())

async function migrate(from: ImapAccount, to: ImapAccount, first: number, last: number): Promise<string> {
  const script = fileURLToPath(new URL('migrate.pl', import.meta.url))
  const input = [from.port, from.ca, from.user, from.password, to.user, to.password, 'INBOX', first, last].join('\n')
  return (await runOk('perl', [script], { input: `${input}\n`, timeoutMs: 360_000 })).stdout
}

/** Every message of the INBOX, asked directly: Message-ID, then flags, date and a digest of the text. */
async function readAll(user: string): Promise<Map<string, string>> {
  const imap = await logIn(stage.dovecot.account(user))
  const found = new Map<string, string>()
  expect(await imap.ok('EXAMINE INBOX')).toContain(`* ${total} EXISTS`)
  for (let first = 1; first <= total; first += 1000) {
    const reply = await imap.ok(`FETCH ${first}:${first + 999} (FLAGS INTERNALDATE BODY.PEEK[])`, 60_000)
    for (const match of reply.matchAll(/^\* \d+ FETCH \(FLAGS \(([^)]*)\) INTERNALDATE "([^"]+)" BODY\[\] \{(\d+)\}\r\n/gm)) {
      const [head, flags = '', date = '', length = ''] = match
      const start = match.index + head.length
      const text = reply.slice(start, start + Number(length))
      const id = /^Message-ID: <([^>]+)>/m.exec(text)?.[1] ?? 'none'
      const kept = flags.split(' ').filter(flag => flag !== '\\Recent')
      found.set(id, `${kept.sort().join(' ')}|${date}|${createHash('sha256').update(text, 'latin1').digest('hex')}`)
    }
  }
  imap.destroy()
  return found
}

test('10,000 messages arrive with text, flags and internal dates', async () => {
  const from = await stage.addAccount(source, 'Migration source')
  const to = await stage.addAccount(target, 'Migration target')
  const size = total / parts
  const results = await Promise.all(Array.from({ length: parts }, (_, part) => migrate(from, to, part * size + 1, (part + 1) * size)))
  expect(results).toEqual(Array.from({ length: parts }, () => 'done\n'))
  const [before, after] = [await readAll(source), await readAll(target)]
  expect(before.size).toBe(total)
  // One comparison of a value each: a difference of 10,000 entries would take the runner minutes to print.
  const different = [...before].filter(([id, facts]) => after.get(id) !== facts).map(([id, facts]) => ({ id, before: facts, after: after.get(id) }))
  expect(different.slice(0, 3)).toEqual([])
  expect(after.size).toBe(total)
})
