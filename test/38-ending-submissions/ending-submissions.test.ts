/** Whatever takes a device's right away ends its submission sessions within a second, with 421; a message in flight is dropped before its final dot. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { logInSmtp, openSmtp, plainOf, type RawSmtp } from '../fixtures/clients/raw-smtp.ts'
import { ReadBack } from '../fixtures/clients/read-back.ts'
import { waitFor, within } from '../fixtures/deadline.ts'
import { registerSecret } from '../fixtures/marker-secrets.ts'
import { ScriptedSmtp } from '../fixtures/misbehaving/scripted-smtp.ts'
import { postfixUpstream, type SubmissionDevice, SubmissionStage } from '../fixtures/program/submission-stage.ts'

const user = 'reader@example.com'
const keeper = 'keeper@scripted.example'
/** A second after the command ended; a quarter for a busy machine. */
const endMs = 1250
const ended = /^421 4\.\d\.\d [^\r\n]+\r\n$/
let stage: SubmissionStage
let scripted: ScriptedSmtp
let bystander: RawSmtp
let device: SubmissionDevice
let smtp: RawSmtp
let count = 0

beforeAll(async () => {
  scripted = await ScriptedSmtp.open()
  stage = await SubmissionStage.open({
    users: [user],
    upstreams: (postfix, dovecot) => [postfixUpstream(postfix, dovecot), scripted.asUpstream({ name: 'scripted', domains: ['scripted.example'] })],
  })
  await stage.gateway.mailwicket.addMailbox(keeper, 'upstream/marker+keeper', ['--no-verify'])
  bystander = await logInSmtp((await stage.gateway.addDevice(user, 'Undisturbed')).smtp)
})

afterAll(async () => {
  expect(await bystander.command('NOOP')).toMatch(/^250/)
  bystander.destroy()
  await stage?.close()
  await scripted?.close()
})

beforeEach(async () => {
  device = await stage.gateway.addDevice(user, `Device ${++count}`)
  smtp = await logInSmtp(device.smtp)
})

async function run(...args: string[]): Promise<void> {
  // Only `device password` answers with one; elsewhere the field would say how it was made.
  const result = await stage.gateway.mailwicket.json<{ password?: string } | null>(args, args[1] === 'password' ? { printsSecret: true } : {})
  if (args[1] === 'password') registerSecret(result?.password ?? '')
}

const changes: readonly (readonly [string, (id: string) => readonly string[]])[] = [
  ['revoked', id => ['device', 'revoke', id]],
  ['disabled', id => ['device', 'disable', id]],
  ['given a new password', id => ['device', 'password', id]],
  ['without its scope', id => ['device', 'set', id, '--scope', 'imap']],
  ['bound to another network', id => ['device', 'set', id, '--allow-from', '192.0.2.0/24']],
  ['kicked', id => ['session', 'kick', '--device', id]],
]

test.each(changes)('a device that is %s: 421', async (_name, argsOf) => {
  await smtp.expect('250', `MAIL FROM:<${user}>`)
  await run(...argsOf(device.device.id))
  expect(await within('the end of the session', endMs, smtp.wire.readToEnd())).toMatch(ended)
  expect(await bystander.command('NOOP')).toMatch(/^250/)
})

test('a device that expires by itself', async () => {
  await run('device', 'set', device.device.id, '--expires', '1s')
  expect(await within('the end of the session', 1000 + endMs, smtp.wire.readToEnd())).toMatch(ended)
})

describe('a message in flight', () => {
  const id = () => `<flight.${count}@raw.client.example>`

  async function startMessage(session: RawSmtp): Promise<void> {
    await session.expect('250', `MAIL FROM:<${user}>`)
    await session.expect('250', `RCPT TO:<${user}>`)
    await session.expect('354', 'DATA')
    await session.wire.writeAll(`Message-ID: ${id()}\r\nSubject: in flight\r\n\r\n${'text\r\n'.repeat(1000)}`)
  }

  test('is dropped before its final dot: 421, and it never arrives', async () => {
    await startMessage(smtp)
    await run('device', 'revoke', device.device.id)
    expect(await within('the end of the session', endMs, smtp.wire.readToEnd())).toMatch(ended)
    // What is delivered later has overtaken it: it will not come.
    const marker = `<later.${count}@raw.client.example>`
    expect(await bystander.send(user, [user], `Message-ID: ${marker}\r\n\r\nlater\r\n`)).toMatch(/^250/)
    const inbox = await ReadBack.open((await stage.gateway.addDevice(user, `Reader ${count}`)).imap)
    await inbox.waitFor(marker)
    expect(await inbox.find('Subject', 'in flight')).toEqual([])
    inbox.close()
    expect(stage.gateway.logOf('mail.accepted').filter(line => line.device === device.device.id)).toEqual([])
  })

  test('of an upstream that keeps all it gets: no final dot is in it', async () => {
    const other = await stage.gateway.addDevice(keeper, `Keeper ${count}`)
    const session = await logInSmtp(other.smtp)
    const { length } = scripted.messages
    const sending = (async () => {
      await session.expect('250', `MAIL FROM:<${keeper}>`)
      await session.expect('250', `RCPT TO:<${user}>`)
      await session.expect('354', 'DATA')
      // Goes on sending all the time.
      while (!session.wire.isEnded) await session.wire.writeAll('text\r\n'.repeat(100))
      return await session.wire.readToEnd()
    })()
    await waitFor('the data', 5000, () => scripted.commands.at(-1) === 'DATA')
    await run('device', 'revoke', other.device.id)
    expect(await within('the end of the session', endMs, sending)).toMatch(/^(?:421 4\.\d\.\d [^\r\n]+\r\n)?$/)
    await scripted.waitForNoConnection()
    expect(scripted.messages).toHaveLength(length)
  })
})

test('a login that is on its way when the device is revoked does not survive it', async () => {
  let stop = false
  const open: RawSmtp[] = []
  const logins = Array.from({ length: 4 }, async () => {
    while (!stop) {
      const session = await openSmtp(device.smtp)
      if ((await session.command(plainOf(device.smtp))).startsWith('235')) open.push(session)
      else session.destroy()
    }
  })
  await run('device', 'revoke', device.device.id)
  stop = true
  await Promise.all(logins)
  await within('all ends', endMs, Promise.all(open.map(session => session.wire.readToEnd())))
})

test('the session list shows it while it lives, with its protocol', async () => {
  const row = await waitFor('the session', 5000, async () => (await stage.gateway.mailwicket.listSessions()).find(found => found.device === device.device.id))
  expect(row).toMatchObject({ mailbox: user, protocol: 'submission', ip: '127.0.0.1' })
  smtp.destroy()
  await waitFor('no session', 5000, async () => (await stage.gateway.mailwicket.listSessions()).every(found => found.device !== device.device.id))
})

test('the last connection says submission', async () => {
  const row = await waitFor('the last connection', 5000, async () =>
    (await stage.gateway.mailwicket.listDevices()).find(found => found.id === device.device.id && found.lastConnection !== null),
  )
  expect(row.lastConnection).toMatchObject({ protocol: 'submission', ip: '127.0.0.1' })
})

test('one log line an attempt, a message, and an end', async () => {
  for (let message = 0; message < 3; message += 1) expect(await smtp.send(user, [user], 'Subject: counted\r\n\r\nx\r\n')).toMatch(/^250/)
  await smtp.expect('221', 'QUIT')
  const mine = (event: string) => stage.gateway.logOf(event).filter(line => line.device === device.device.id)
  await waitFor('the end', 5000, () => mine('session.end').length > 0)
  expect(mine('mail.accepted')).toHaveLength(3)
  expect(mine('session.end')).toHaveLength(1)
  expect(stage.gateway.mailwicket.log.filter(line => String(line.event).startsWith('auth.') && line.device === device.device.id)).toHaveLength(1)
})

test('a gateway that stops says so, and drops the message in flight', async () => {
  await smtp.expect('250', `MAIL FROM:<${user}>`)
  await smtp.expect('250', `RCPT TO:<${user}>`)
  await smtp.expect('354', 'DATA')
  await smtp.wire.writeAll('Subject: in flight at the end\r\n\r\ntext\r\n')
  const idle = await logInSmtp(device.smtp)
  const stopped = stage.gateway.mailwicket.stopServe()
  expect(await smtp.wire.readToEnd(30_000)).toMatch(/^421 4\.3\.2 /)
  expect(await idle.wire.readToEnd(30_000)).toMatch(/^421 4\.3\.2 /)
  await stopped
  await stage.gateway.serve()
  bystander = await logInSmtp(stage.gateway.smtpAccount(user, device.smtp.password))
})
