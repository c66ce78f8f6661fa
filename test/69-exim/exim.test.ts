/** An Exim behind the gateway: its ways to log in, its refusals word for word, large messages, and how it learns the address of the app. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { logInSmtp, openSmtp, plainOf, type RawSmtp } from '../fixtures/clients/raw-smtp.ts'
import { inTime, waitFor } from '../fixtures/deadline.ts'
import { type SubmissionDevice, SubmissionGateway, type SubmissionUpstream } from '../fixtures/program/submission-stage.ts'
import { Exim, eximReplies, eximSenderReply, eximSizeLimit } from '../fixtures/servers/exim.ts'

const user = 'reader@example.com'
const other = 'other@example.com'
/** Each has its own domain, and a mailbox whose login there is `user`. */
const WAYS = {
  'STARTTLS and PLAIN': { port: 'plain', tls: 'starttls' },
  'implicit TLS': { port: 'tls', tls: 'implicit' },
  'AUTH LOGIN': { port: 'onlyLogin', tls: 'none' },
  'a PROXY header': { port: 'proxied', tls: 'none', forwardClient: 'proxy' },
  'a PROXY header of version 1': { port: 'proxied', tls: 'none', forwardClient: 'proxy-v1' },
} as const satisfies Record<
  string,
  { port: keyof Exim['ports']; tls: SubmissionUpstream['submission']['tls']; forwardClient?: SubmissionUpstream['forwardClient'] }
>
const ways = Object.keys(WAYS) as (keyof typeof WAYS)[]

let exim: Exim
let gateway: SubmissionGateway
const devices = new Map<string, SubmissionDevice>()
/** Of the first way. */
let phone: SubmissionDevice

beforeAll(async () => {
  exim = await Exim.open({ [user]: 'upstream secret 69', [other]: 'another secret 69' })
  const upstreams = ways.map((way, index): SubmissionUpstream => {
    const { port, tls, ...rest } = { forwardClient: 'none' as const, ...WAYS[way] }
    return {
      name: `way${index}`,
      domains: [`way${index}.example`],
      submission: { address: `localhost:${exim.ports[port]}`, tls },
      ca: exim.authority.ca,
      ...rest,
    }
  })
  gateway = await SubmissionGateway.open(upstreams)
  await gateway.serve()
  for (const [index, way] of ways.entries()) {
    const address = `reader@way${index}.example`
    // The login is tried here: what `mailbox add` takes, devices can use.
    await gateway.mailwicket.addMailbox(address, 'upstream secret 69', ['--login', user])
    devices.set(way, await gateway.addDevice(address, 'Phone', ['--scope', 'smtp']))
  }
  phone = devices.get(ways[0] as string) as SubmissionDevice
})

afterAll(async () => {
  await gateway?.mailwicket.close()
  await exim?.stop()
})

async function withSession(act: (smtp: RawSmtp) => Promise<void>): Promise<void> {
  const smtp = await logInSmtp(phone.smtp)
  await act(smtp)
  smtp.destroy()
}

/** The message with this word in it, as it was delivered. */
const delivered = async (word: string) =>
  await waitFor(`the message with ${word}`, 30_000, () => exim.readMaildir(other).find(message => message.includes(word)))

describe('a message is sent by', () => {
  test.each(ways)('%s', async way => {
    const { smtp: account } = devices.get(way) as SubmissionDevice
    const word = `word-${ways.indexOf(way)}`
    const smtp = await logInSmtp(account)
    // Exim's own reply: the number is its queue's.
    expect(await smtp.send(user, [other], `Subject: hello\r\n\r\n${word}\r\n..dots\r\n`, inTime(30_000))).toMatch(/^250 OK id=/)
    smtp.destroy()
    expect((await delivered(word)).toString()).toContain(`\n\n${word}\n.dots\n`)
    if (WAYS[way].port === 'proxied') expect(exim.readLog()).toMatch(/<= reader@example\.com .*\bPRX=/)
  })
})

describe('its refusals reach the app word for word', () => {
  test.each(Object.entries(eximReplies))('of the recipient %s', async (recipient, reply) => {
    await withSession(async smtp => {
      await smtp.expect('250', `MAIL FROM:<${user}>`)
      expect(await smtp.command(`RCPT TO:<${recipient}>`)).toBe(`${reply}\r\n`)
      // The others get the message.
      await smtp.expect('250', `RCPT TO:<${other}>`)
      await smtp.expect('354', 'DATA')
      expect(await smtp.command('Subject: one of two\r\n\r\nhello\r\n.', inTime(30_000))).toMatch(/^250 OK id=/)
    })
  })

  test('of a sender', async () => {
    await withSession(async smtp => {
      const mail = await smtp.command(`MAIL FROM:<${eximSenderReply.sender}>`)
      expect(mail).toBe(`${eximSenderReply.reply}\r\n`)
      await smtp.expect('250', `MAIL FROM:<${user}>`)
    })
  })

  test('of a recipient somewhere else', async () => {
    await withSession(async smtp => {
      await smtp.expect('250', `MAIL FROM:<${user}>`)
      expect(await smtp.command('RCPT TO:<somebody@elsewhere.example>')).toBe('550 no outbound mail from here\r\n')
    })
  })

  test('of a message that is announced as too large', async () => {
    await withSession(async smtp => expect(await smtp.command(`MAIL FROM:<${user}> SIZE=${eximSizeLimit + 1}`)).toMatch(/^552 /))
  })

  test('of one that turns out to be too large', async () => {
    await withSession(async smtp => {
      const text = `Subject: large\r\n\r\n${`${'x'.repeat(70)}\r\n`.repeat(Math.ceil(eximSizeLimit / 70))}`
      expect(await smtp.send(user, [other], text, inTime(60_000))).toMatch(/^552 /)
      await smtp.expect('250', 'RSET')
    })
  })
})

test('10 MB arrive equal', async () => {
  await withSession(async smtp => {
    const lines = Array.from({ length: 140_000 }, (_, index) => `${index} ${'abcdefgh'.repeat(8)}`.slice(0, 70))
    expect(await smtp.send(user, [other], `Subject: 10 MB\r\n\r\n${lines.join('\r\n')}\r\n`, inTime(60_000))).toMatch(/^250 OK id=/)
    const message = await delivered('Subject: 10 MB')
    expect(message.toString().endsWith(`\n\n${lines.join('\n')}\n`)).toBe(true)
  })
})

test('what it offers that cannot be relayed is not offered on', async () => {
  await withSession(async smtp => {
    const offered = await smtp.command('EHLO again.example')
    expect(offered).toMatch(/^250[- ]SIZE 15000000\r$/m)
    expect(offered).toMatch(/^250[- ]8BITMIME\r$/m)
    expect(offered).not.toMatch(/CHUNKING|PIPECONNECT|STARTTLS|HELP/)
  })
})

describe('a refused login', () => {
  test('of a device is ours', async () => {
    const smtp = await openSmtp(phone.smtp)
    expect(await smtp.command(plainOf({ ...phone.smtp, password: 'k7mq-x2pd-9rtf-h4wz-c8nb' }))).toMatch(/^535 5\.7\.8 /)
    smtp.destroy()
  })

  test('of ours: `mailbox add` says so, and an app keeps its password', async () => {
    const address = 'wrong@way0.example'
    const refused = await gateway.mailwicket.run(['mailbox', 'add', address, '--login', user, '--secret-stdin'], { input: 'not its password' })
    expect(`${refused.code} ${refused.stderr}`).toMatch(/^[1-9].*Incorrect authentication data/s)
    await gateway.mailwicket.addMailbox(address, 'not its password', ['--login', user, '--no-verify'])
    const device = await gateway.addDevice(address, 'Phone', ['--scope', 'smtp'])
    const smtp = await openSmtp(device.smtp)
    expect(await smtp.command(plainOf(device.smtp), inTime(30_000))).toMatch(/^454 /)
    smtp.destroy()
    expect(gateway.logOf('upstream.refused-us')).not.toEqual([])
  })
})
