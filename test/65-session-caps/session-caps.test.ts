/** As many sessions at a time as a device may have, and as its mailbox may have at the real server. */
import { readFileSync, writeFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { ImapAccount } from '../fixtures/clients/imap-account.ts'
import { openImaps, quote, type RawImap } from '../fixtures/clients/raw-imap.ts'
import { waitFor } from '../fixtures/deadline.ts'
import { Stage } from '../fixtures/program/stage.ts'

const ann = 'ann@example.com'
let stage: Stage

beforeAll(async () => {
  stage = await Stage.open({ users: [ann] })
  const path = stage.gateway.configPath
  const text = readFileSync(path, 'utf8').replace('[[upstream]]', '[limits]\nsessions_per_device = 2\n\n[[upstream]]\nsessions_per_mailbox = 3')
  writeFileSync(path, text)
  await stage.gateway.serve()
})
afterAll(async () => await stage?.close())

async function tryLogin(account: ImapAccount): Promise<{ imap: RawImap; reply: string }> {
  const imap = await openImaps(account)
  return { imap, reply: await imap.command(`LOGIN ${quote(account.user)} ${quote(account.password)}`) }
}

test('one more is told [LIMIT], and gets in when another has gone', async () => {
  const phone = await stage.addAccount(ann, 'Phone')
  const laptop = await stage.addAccount(ann, 'Laptop')
  const [first, second, third] = [await tryLogin(phone), await tryLogin(phone), await tryLogin(phone)]
  expect([first.reply, second.reply]).toEqual([expect.stringContaining('OK'), expect.stringContaining('OK')])
  expect(third.reply).toMatch(/^t1 NO \[LIMIT\]/)
  // The connection goes on; another device still has room, until the mailbox has none.
  expect((await third.imap.command('NOOP')).trim()).toMatch(/^t2 OK/)
  const [fourth, fifth] = [await tryLogin(laptop), await tryLogin(laptop)]
  expect(fourth.reply).toContain('OK')
  expect(fifth.reply).toMatch(/^t1 NO \[LIMIT\]/)
  first.imap.destroy()
  await waitFor('room for one more', 5_000, async () => {
    const { imap, reply } = await tryLogin(phone)
    imap.destroy()
    return reply.includes('OK')
  })
  const refused = stage.gateway.log.filter(({ event, reason }) => event === 'auth.refused' && reason === 'too-many-sessions')
  expect(refused.map(({ device }) => device)).toContain(laptop.device.id)
  // Right passwords: nobody is counted as guessing.
  expect(await stage.gateway.json(['limits', 'list'])).toEqual([])
})
