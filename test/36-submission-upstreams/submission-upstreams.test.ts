/** Every way to the submission server: TLS, STARTTLS and plain, own login and master login; XCLIENT tells Postfix who the client is. */
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ImapAccount } from '../fixtures/clients/imap-account.ts'
import { RawImap } from '../fixtures/clients/raw-imap.ts'
import { logInSmtp, openSmtp, plainOf, RawSmtp } from '../fixtures/clients/raw-smtp.ts'
import { waitFor } from '../fixtures/deadline.ts'
import { findSecret } from '../fixtures/marker-secrets.ts'
import { type Script, ScriptedSmtp } from '../fixtures/misbehaving/scripted-smtp.ts'
import { postfixUpstream, SubmissionGateway, type SubmissionUpstream } from '../fixtures/program/submission-stage.ts'
import { Dovecot } from '../fixtures/servers/dovecot.ts'
import { Postfix } from '../fixtures/servers/postfix.ts'

const transports = ['implicit', 'starttls', 'none'] as const
const auths = ['stored', 'authzid'] as const
const ways = transports.flatMap(tls => auths.map(auth => ({ name: `${tls}-${auth}`, tls, auth, address: `${tls}-${auth}@example.com` })))
const told = 'told@example.com'
let dovecot: Dovecot
let postfix: Postfix
let scripted: ScriptedSmtp
let gateway: SubmissionGateway
const appPasswords: string[] = []

beforeAll(async () => {
  dovecot = await Dovecot.open({
    users: Object.fromEntries([...ways.map(({ address }) => address), told].map(address => [address, `upstream-secret-of-${address}`])),
  })
  postfix = await Postfix.open(dovecot)
  scripted = await ScriptedSmtp.open()
  const starttls = (name: string): SubmissionUpstream =>
    scripted.asUpstream({ name, domains: [`${name}.example`], submission: { address: `localhost:${scripted.port}`, tls: 'starttls' } })
  const withoutAuthority = (tls: 'implicit' | 'starttls'): SubmissionUpstream => ({
    name: `distrusted-${tls}`,
    domains: [`distrusted-${tls}.example`],
    submission: { address: `localhost:${tls === 'implicit' ? postfix.ports.submissions : postfix.ports.submission}`, tls },
  })
  gateway = await SubmissionGateway.open([
    ...ways.map(({ name, tls, auth }) => postfixUpstream(postfix, dovecot, { name, tls, auth, domains: [`${name}.example`] })),
    postfixUpstream(postfix, dovecot, {
      name: 'told',
      domains: ['told.example'],
      submission: { address: `localhost:${postfix.ports.xclient}`, tls: 'none' },
      forwardClient: 'xclient',
    }),
    starttls('fake'),
    scripted.asUpstream({ name: 'forwarding', domains: ['forwarding.example'], forwardClient: 'xclient' }),
    withoutAuthority('implicit'),
    withoutAuthority('starttls'),
  ])
  await gateway.serve()
})

afterAll(async () => {
  await gateway?.mailwicket.close()
  await scripted?.close()
  await postfix?.stop()
  await dovecot?.stop()
})

async function addDevice(address: string) {
  const device = await gateway.addDevice(address, 'App')
  appPasswords.push(device.smtp.password)
  return device
}

test.each(ways)('$tls with $auth', async ({ name, auth, address }) => {
  await gateway.mailwicket.addMailbox(address, auth === 'stored' ? dovecot.passwordOf(address) : undefined, ['--upstream', name])
  const smtp = await logInSmtp((await addDevice(address)).smtp)
  expect(await smtp.send(address, [address], `Subject: ${name}\r\n\r\ntext\r\n`)).toMatch(/^250 2\.0\.0 Ok: queued/)
  smtp.destroy()
  await waitFor('the delivery', 10_000, () => postfix.readMaildir(address).length === 1)
  // Under the master login too it is the mailbox that sends, and not the master.
  expect(postfix.readLog()).toContain(`sasl_username=${address}`)
})

test('XCLIENT: Postfix logs the address of the client, and not that of the gateway', async () => {
  await gateway.mailwicket.addMailbox(told, dovecot.passwordOf(told), ['--upstream', 'told'])
  const device = await addDevice(told)
  const smtp = await openSmtpFrom(device.smtp, '127.0.0.77')
  await smtp.expect('250', 'EHLO phone.client.example')
  await smtp.expect('235', plainOf(device.smtp))
  const before = postfix.readLog().length
  expect(await smtp.send(told, [told], 'Subject: told\r\n\r\ntext\r\n')).toMatch(/^250/)
  smtp.destroy()
  const message = await waitFor('the delivery', 10_000, () => postfix.readMaildir(told)[0])
  expect(message.toString()).toMatch(/^Received: from \S+ \(unknown \[127\.0\.0\.77\]\)/m)
  expect(postfix.readLog().slice(before)).toMatch(/xclient\/smtpd\[\d+\]: [0-9A-F]+: client=unknown\[127\.0\.0\.77\]/)
  await waitFor('the last connection', 5000, async () =>
    (await gateway.mailwicket.listDevices()).some(row => row.id === device.device.id && row.lastConnection?.ip === '127.0.0.77'),
  )
})

/** From an address of its own on the loopback network, by implicit TLS, before EHLO. */
async function openSmtpFrom(account: ImapAccount, localAddress: string): Promise<RawSmtp> {
  const plain = connect({ host: '127.0.0.1', port: account.port, localAddress })
  const socket = connectTls({ socket: plain, servername: 'localhost', ca: readFileSync(account.ca) })
  await new Promise((resolve, reject) => socket.once('secureConnect', resolve).once('error', reject))
  const smtp = new RawSmtp(new RawImap(socket, { host: '127.0.0.1', port: account.port, tls: 'implicit' }))
  expect(await smtp.readReply()).toMatch(/^220/)
  return smtp
}

describe('what the gateway says to an upstream that is to know the client', () => {
  const address = 'forwarded@forwarding.example'
  let device: Awaited<ReturnType<typeof addDevice>>
  beforeAll(async () => {
    await gateway.mailwicket.addMailbox(address, 'forwarded-upstream-secret', ['--no-verify'])
    device = await addDevice(address)
  })

  test('XCLIENT with the address and port of the connection, then EHLO and AUTH', async () => {
    scripted.script = undefined
    const before = scripted.commands.length
    const smtp = await openSmtp(device.smtp)
    await smtp.expect('250', 'EHLO phone.client.example')
    await smtp.expect('235', plainOf(device.smtp))
    const said = scripted.commands.slice(before)
    expect(said.map(line => line.split(' ')[0])).toEqual(['EHLO', 'XCLIENT', 'EHLO', 'AUTH'])
    expect(said[1]).toContain(' ADDR=127.0.0.1 ')
    expect(said[1]).toContain(` PORT=${smtp.wire.socket.localPort}`)
    expect(said[1]).toContain(' HELO=phone.client.example')
    smtp.destroy()
  })

  test.each(['a b', 'x+y=z', 'x ADDR=192.0.2.1', 'x\tADDR=192.0.2.1', 'x\rXCLIENT ADDR=192.0.2.1', 'grüße', 'x'.repeat(300)])(
    'a client that calls itself %j says nothing with it',
    async name => {
      const before = scripted.commands.length
      const smtp = await openSmtp(device.smtp)
      const reply = await smtp.command(`EHLO ${Buffer.from(name).toString('latin1')}`)
      expect(reply).toMatch(/^(?:250|501|500)/)
      if (!smtp.wire.isEnded) await smtp.command(plainOf(device.smtp))
      const xclients = scripted.commands.slice(before).filter(line => line.startsWith('XCLIENT'))
      for (const line of xclients) {
        expect(line).toMatch(/^XCLIENT(?: [A-Z]+=[\x21-\x7e]+)+$/)
        expect(line.match(/ ADDR=/g)).toHaveLength(1)
        expect(line).toContain(' ADDR=127.0.0.1 ')
      }
      smtp.destroy()
    },
  )

  test('one that refuses XCLIENT: 454, and no password is sent', async () => {
    scripted.script = step => (step === 'XCLIENT' ? '550 5.7.0 Error: insufficient authorization\r\n' : undefined)
    const before = scripted.commands.length
    const smtp = await openSmtp(device.smtp)
    expect(await smtp.command(plainOf(device.smtp))).toMatch(/^454 4\.7\.0 /)
    expect(scripted.commands.slice(before).filter(line => line.startsWith('AUTH'))).toEqual([])
    scripted.script = undefined
    smtp.destroy()
  })
})

describe('STARTTLS that is asked for and does not come', () => {
  const address = 'reader@fake.example'
  let device: Awaited<ReturnType<typeof addDevice>>
  beforeAll(async () => {
    await gateway.mailwicket.addMailbox(address, 'never-sent-in-the-clear', ['--no-verify'])
    device = await addDevice(address)
  })

  const withStarttls = '250-scripted.example\r\n250-STARTTLS\r\n250 AUTH PLAIN LOGIN\r\n'
  const scripts: Readonly<Record<string, Script | undefined>> = {
    'not offered': undefined,
    'offered and refused': step => (step === 'EHLO' ? withStarttls : step === 'STARTTLS' ? '454 4.7.0 TLS not available\r\n' : undefined),
    'offered and not understood': step => (step === 'EHLO' ? withStarttls : step === 'STARTTLS' ? '502 5.5.1 What?\r\n' : undefined),
    'with more behind its 220': step =>
      step === 'EHLO' ? withStarttls : step === 'STARTTLS' ? '220 2.0.0 Go\r\n250-injected\r\n250 AUTH PLAIN\r\n' : undefined,
    'with no handshake behind its 220': step => (step === 'EHLO' ? withStarttls : step === 'STARTTLS' ? { say: '220 2.0.0 Go\r\n', next: 'end' } : undefined),
  }
  test.each(Object.keys(scripts))('%s: 454, and no password is sent', async name => {
    scripted.script = scripts[name]
    const before = scripted.commands.length
    const smtp = await openSmtp(device.smtp)
    expect(await smtp.command(plainOf(device.smtp))).toMatch(/^454 4\.7\.0 /)
    expect(scripted.commands.slice(before).filter(line => /^(?:AUTH|MAIL)/.test(line))).toEqual([])
    expect(findSecret(scripted.commands.join('\n'), ['never-sent-in-the-clear'])).toBeUndefined()
    scripted.script = undefined
    smtp.destroy()
  })
})

test.each(['implicit', 'starttls'])('an upstream with a certificate nobody vouches for gets no password (%s)', async tls => {
  const address = `reader@distrusted-${tls}.example`
  await gateway.mailwicket.addMailbox(address, `never-sent-${tls}`, ['--no-verify'])
  const device = await addDevice(address)
  const smtp = await openSmtp(device.smtp)
  expect(await smtp.command(plainOf(device.smtp))).toMatch(/^454 4\.7\.0 /)
  expect(findSecret(dovecot.readLog(), [`never-sent-${tls}`])).toBeUndefined()
  smtp.destroy()
})

test('no upstream was ever shown an app password', () => {
  expect(findSecret(dovecot.readLog(), appPasswords)).toBeUndefined()
  expect(findSecret(scripted.commands.join('\n'), appPasswords)).toBeUndefined()
  // Says that the log would have shown it.
  expect(findSecret(dovecot.readLog(), [dovecot.passwordOf('starttls-stored@example.com')])).toBeDefined()
})
