/** Whatever takes a device's right away ends its open sessions within a second; sessions of others notice nothing. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import type { ImapAccount } from '../fixtures/clients/imap-account.ts'
import { logIn, openImaps, type RawImap } from '../fixtures/clients/raw-imap.ts'
import { waitFor, within } from '../fixtures/deadline.ts'
import { registerSecret } from '../fixtures/marker-secrets.ts'
import type { NewDevice } from '../fixtures/program/mailwicket.ts'
import { Stage } from '../fixtures/program/stage.ts'

const user = 'reader@example.com'
const neighbour = 'neighbour@example.com'
const doomed = 'doomed@example.com'
/** A second after the command ended; a quarter for a busy machine. */
const endMs = 1250

let stage: Stage
let sameMailbox: RawImap
let otherMailbox: RawImap
let count = 0

beforeAll(async () => {
  stage = await Stage.open({ users: [user, neighbour, doomed] })
  await stage.gateway.serve()
  sameMailbox = await logIn(await stage.addAccount(user, 'Undisturbed'))
  otherMailbox = await logIn(await stage.addAccount(neighbour, 'Undisturbed'))
})

afterAll(async () => await stage?.close())

type Account = ImapAccount & { readonly device: NewDevice }
let account: Account
let session: RawImap

beforeEach(async () => {
  account = await stage.addAccount(user, `Device ${++count}`)
  session = await logIn(account)
  await session.ok('SELECT INBOX')
})

afterEach(async () => {
  session.destroy()
  await sameMailbox.ok('NOOP')
  await otherMailbox.ok('NOOP')
})

async function run(...args: string[]): Promise<void> {
  // Only `device password` answers with one; elsewhere the field would say how it was made.
  const result = await stage.gateway.json<{ password?: string } | null>(args, args[1] === 'password' ? { printsSecret: true } : {})
  if (args[1] === 'password') registerSecret(result?.password ?? '')
}

async function expectEnd(imap: RawImap): Promise<void> {
  await within('the end of the session', endMs, imap.readToEnd())
}

const changes: readonly (readonly [string, (id: string) => readonly string[]])[] = [
  ['revoked', id => ['device', 'revoke', id]],
  ['disabled', id => ['device', 'disable', id]],
  ['given a new password', id => ['device', 'password', id]],
  ['without its scope', id => ['device', 'set', id, '--scope', 'smtp']],
  ['bound to another network', id => ['device', 'set', id, '--allow-from', '192.0.2.0/24']],
  ['kicked', id => ['session', 'kick', '--device', id]],
]

for (const [name, argsOf] of changes) {
  test(`a device that is ${name}`, async () => {
    await run(...argsOf(account.device.id))
    await expectEnd(session)
  })
}

test('a device that expires by itself', async () => {
  await run('device', 'set', account.device.id, '--expires', '1s')
  await within('the end of the session', 1000 + endMs, session.readToEnd())
})

test('one kicked session, and not the other one of the same device', async () => {
  const second = await logIn(account)
  const rows = await waitFor('both sessions in the list', 5000, async () => {
    const found = await stage.gateway.json<{ id: string }[]>(['session', 'list', '--device', account.device.id])
    return found.length === 2 && found
  })
  // Both sessions are alike; whichever is kicked, exactly one ends.
  await run('session', 'kick', rows[0]?.id ?? 'none')
  await within('the end of one', endMs, Promise.race([session.readToEnd(), second.readToEnd()]))
  await (session.isEnded ? second : session).ok('NOOP')
  second.destroy()
})

test('a kicked device may come back at once', async () => {
  await run('session', 'kick', '--device', account.device.id)
  await expectEnd(session)
  const again = await logIn(account)
  await again.ok('SELECT INBOX')
  again.destroy()
})

test('a mailbox that is kicked, disabled, removed', async () => {
  const app = await stage.addAccount(doomed, 'App')
  const kicked = await logIn(app)
  await run('session', 'kick', '--mailbox', doomed)
  await expectEnd(kicked)
  const disabled = await logIn(app)
  await run('mailbox', 'set', doomed, '--disable')
  await expectEnd(disabled)
  await run('mailbox', 'set', doomed, '--enable')
  const removed = await logIn(app)
  await run('mailbox', 'remove', doomed, '--yes')
  await expectEnd(removed)
  // These took the test's own session with them at no time.
  await session.ok('NOOP')
})

test('the app is told BYE, on a line of its own', async () => {
  // Dovecot offers COMPRESS; this app does not use it.
  await run('device', 'revoke', account.device.id)
  expect(await within('the end', endMs, session.readToEnd())).toMatch(/^\* BYE [^\r\n]*\r\n$/)
})

test('an app that compresses gets no word that it could not read', async () => {
  await session.ok('COMPRESS DEFLATE')
  await run('device', 'revoke', account.device.id)
  expect(await within('the end', endMs, session.readToEnd())).toBe('')
})

test('a session in the middle of a download', async () => {
  const big = `Subject: big\r\n\r\n${'0123456789abcdef'.repeat(1_000_000)}\r\n`
  await session.ok(`APPEND INBOX {${big.length}+}\r\n${big}`, 60_000)
  // Asks for the mail and does not read it: the gateway holds bytes back when the device is revoked.
  session.write('f FETCH 1:* BODY[]\r\n')
  await session.readUntil('BODY[]')
  session.socket.pause()
  await run('device', 'revoke', account.device.id)
  session.socket.resume()
  await expectEnd(session)
})

test('a session that idles', async () => {
  session.write('i IDLE\r\n')
  await session.readLine()
  await run('device', 'revoke', account.device.id)
  await expectEnd(session)
})

test('50 sessions of a device end together', async () => {
  const many = await Promise.all(Array.from({ length: 50 }, () => logIn(account)))
  await run('device', 'revoke', account.device.id)
  await within('all ends', endMs, Promise.all(many.map(imap => imap.readToEnd())))
})

test('a login that is on its way when the device is revoked does not survive it', async () => {
  // Logins without pause while the command runs: some are judged before the change and handed over after it.
  let stop = false
  const open: RawImap[] = []
  const logins = Array.from({ length: 4 }, async () => {
    while (!stop) {
      const imap = await openImaps(account)
      const reply = await imap.command(`LOGIN ${account.user} ${account.password}`)
      if (reply.includes('t1 OK')) open.push(imap)
      else imap.destroy()
    }
  })
  await run('device', 'revoke', account.device.id)
  stop = true
  await Promise.all(logins)
  await within('all ends', endMs, Promise.all(open.map(imap => imap.readToEnd())))
})
