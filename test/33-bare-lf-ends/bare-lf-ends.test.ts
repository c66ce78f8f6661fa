/**
 * A message with something in it that looks like its end, before two real servers: it is refused whole, and what stands behind it never becomes a
 * second message with another sender. Straight to Postfix it does: so these servers would have fallen for it.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { logInSmtp, openSmtp, plainOf } from '../fixtures/clients/raw-smtp.ts'
import { ReadBack } from '../fixtures/clients/read-back.ts'
import { waitFor } from '../fixtures/deadline.ts'
import { ScriptedSmtp } from '../fixtures/misbehaving/scripted-smtp.ts'
import { postfixUpstream, type SubmissionDevice, SubmissionStage } from '../fixtures/program/submission-stage.ts'

const forged = 'boss@example.com'
const victim = 'victim@example.com'
const servers = { postfix: 'writer@example.com', dovecot: 'author@example.com', scripted: 'clerk@example.com' } as const
type Server = keyof typeof servers
let stage: SubmissionStage
let scripted: ScriptedSmtp
const devices: Partial<Record<Server, SubmissionDevice>> = {}

beforeAll(async () => {
  scripted = await ScriptedSmtp.open()
  stage = await SubmissionStage.open({
    users: [victim],
    upstreams: (postfix, dovecot) => [
      postfixUpstream(postfix, dovecot),
      postfixUpstream(postfix, dovecot, {
        name: 'dovecot',
        domains: ['dovecot.example'],
        submission: { address: `localhost:${postfix.ports.dovecotSubmission}`, tls: 'none' },
      }),
      scripted.asUpstream({ name: 'scripted', domains: ['scripted.example'] }),
    ],
  })
  for (const [upstream, address] of Object.entries(servers)) {
    const args = ['--upstream', upstream === 'postfix' ? 'main' : upstream, '--login', victim]
    await stage.gateway.mailwicket.addMailbox(address, stage.dovecot.passwordOf(victim), upstream === 'scripted' ? [...args, '--no-verify'] : args)
    await stage.gateway.mailwicket.json(['mailbox', 'set', address, '--senders', 'own'])
    devices[upstream as Server] = await stage.gateway.addDevice(address, 'App')
  }
})

afterAll(async () => {
  await stage?.close()
  await scripted?.close()
})

const smuggled = (name: string) => `MAIL FROM:<${forged}>\r\nRCPT TO:<${victim}>\r\nDATA\r\nSubject: smuggled ${name}\r\n\r\nPay at once.\r\n.\r\n`

const lineEnds = { LF: '\n', CR: '\r', CRLF: '\r\n', 'NUL LF': '\0\n', 'CR NUL LF': '\r\0\n', 'LF NUL': '\n\0', 'CRLF NUL': '\r\n\0', 'NUL CRLF': '\0\r\n' }
const isTrueEnd = (before: string, after: string) => before.endsWith('\r\n') && after.startsWith('\r\n')
const bareLfEnds = Object.entries(lineEnds).flatMap(([before, a]) =>
  Object.entries(lineEnds)
    .filter(([, b]) => !isTrueEnd(a, b))
    .map(([after, b]) => [`${before} . ${after}`, `${a}.${b}`] as const),
)

/** Sends a message with `end` in the middle and gives everything that was said after 354. */
async function attempt(server: Server, name: string, end: string, cut?: number): Promise<string> {
  const device = devices[server]
  if (device === undefined) throw new Error('no device')
  const smtp = await logInSmtp(device.smtp)
  await smtp.expect('250', `MAIL FROM:<${servers[server]}>`)
  await smtp.expect('250', `RCPT TO:<${victim}>`)
  await smtp.expect('354', 'DATA')
  const head = `From: <${servers[server]}>\r\nSubject: carrier\r\n\r\ninnocent`
  const payload = `${head}${end}${smuggled(name)}`
  if (cut === undefined) smtp.wire.write(payload)
  else {
    await smtp.wire.writeAll(payload.slice(0, head.length + cut))
    // The next packet goes when the first was read: only then does the gateway see the cut.
    await waitFor('the first packet', 2000, async () => smtp.wire.isEnded || (await arrived(smtp.wire.socket)), 1)
    await smtp.wire.writeAll(payload.slice(head.length + cut))
  }
  return await smtp.wire.readToEnd()
}

/** Whether the kernel and TLS have nothing of ours any more. */
const arrived = async (socket: { readonly writableLength: number }) => socket.writableLength === 0

/** Whatever has come to the victim until now; the last message of each server has arrived when this is asked. */
async function expectNothingSmuggled(): Promise<void> {
  const device = await stage.gateway.addDevice(victim, `Reader ${Math.random()}`)
  const inbox = await ReadBack.open(device.imap)
  for (const server of ['postfix', 'dovecot'] as const) {
    const sender = devices[server]
    if (sender === undefined) throw new Error('no device')
    const id = `<last.${server}@raw.client.example>`
    const smtp = await logInSmtp(sender.smtp)
    expect(await smtp.send(servers[server], [victim], `From: <${servers[server]}>\r\nMessage-ID: ${id}\r\n\r\nlast\r\n`)).toMatch(/^250/)
    smtp.destroy()
    await inbox.waitFor(id)
  }
  expect(await inbox.find('Subject', 'smuggled')).toEqual([])
  expect(await inbox.find('Subject', 'carrier')).toEqual([])
  inbox.close()
  const log = stage.postfix.readLog()
  expect(log).not.toContain(`from=<${forged}>`)
}

describe.each(['postfix', 'dovecot'] as const)('in front of %s', server => {
  test.each(bareLfEnds)('%s', async (name, end) => {
    const said = await attempt(server, name, end)
    expect(said).toMatch(/^554 5\.6\.0 [^\r\n]+\r\n421 [^\r\n]+\r\n$/)
  })
})

test('cut at every byte', async () => {
  const { length } = scripted.messages
  for (const [name, end] of bareLfEnds) {
    for (let cut = 0; cut <= end.length; cut += 1) {
      const said = await attempt('scripted', name, end, cut)
      expect(said, `${name} cut at ${cut}`).toMatch(/^554 5\.6\.0 /)
    }
  }
  expect(scripted.messages).toHaveLength(length)
  expect(scripted.commands.filter(line => line.includes(forged))).toEqual([])
})

test('with many NULs before its line end', async () => {
  for (const server of ['postfix', 'dovecot'] as const) expect(await attempt(server, 'NULs', `\n.${'\0'.repeat(70_000)}\r\n`)).toMatch(/^554 /)
})

test('no second message came to anybody, and no first one either', async () => {
  await expectNothingSmuggled()
  expect(stage.gateway.logOf('mail.accepted').every(({ sender }) => sender !== forged)).toBe(true)
})

test('straight to this Postfix it works: the trick is real, and the check would have seen it', async () => {
  const direct = {
    ...(devices.postfix as SubmissionDevice).smtp,
    user: victim,
    password: stage.dovecot.passwordOf(victim),
    starttlsPort: stage.postfix.ports.plain,
  }
  const smtp = await openSmtp(direct, 'plain')
  await smtp.expect('235', plainOf(direct))
  await smtp.expect('250', `MAIL FROM:<${victim}>`)
  await smtp.expect('250', `RCPT TO:<${victim}>`)
  await smtp.expect('354', 'DATA')
  smtp.wire.write(`Subject: carrier\r\n\r\ninnocent\n.\r\n${smuggled('straight')}`)
  await waitFor('the forged sender in the log', 10_000, () => stage.postfix.readLog().includes(`from=<${forged}>`))
  smtp.destroy()
})
