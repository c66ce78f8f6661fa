/** Five programs that send mail, over both ports and with both mechanisms; what they sent is read back through the gateway, byte for byte. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createTransport } from 'nodemailer'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { runOk } from '../fixtures/child-process.ts'
import { ReadBack } from '../fixtures/clients/read-back.ts'
import { waitFor } from '../fixtures/deadline.ts'
import { type SubmissionDevice, SubmissionStage } from '../fixtures/program/submission-stage.ts'
import { makeTempDir } from '../fixtures/temp-dir.ts'

const user = 'reader@example.com'
let stage: SubmissionStage
let device: SubmissionDevice
let inbox: ReadBack
let dir: string

beforeAll(async () => {
  dir = makeTempDir()
  stage = await SubmissionStage.open({ users: [user] })
  device = await stage.gateway.addDevice(user, 'Every program')
  inbox = await ReadBack.open(device.imap)
})

afterAll(async () => {
  inbox?.close()
  await stage?.close()
})

type Tls = 'starttls' | 'implicit'
type Mechanism = 'PLAIN' | 'LOGIN'

interface Sending {
  readonly tls: Tls
  readonly mechanism: Mechanism
  readonly port: number
  /** CRLF line ends. */
  readonly file: string
  /** LF line ends, for programs that make CRLF of them. */
  readonly unixFile: string
}

const programs: Readonly<Record<string, (sending: Sending) => Promise<unknown>>> = {
  async swaks({ tls, mechanism, port, unixFile }) {
    const { user, password, ca } = device.smtp
    const args = ['--server', `localhost:${port}`, tls === 'starttls' ? '-tls' : '--tls-on-connect', '--tls-verify', '--tls-ca-path', ca]
    // What it prints is searched for the password.
    const auth = ['--auth', mechanism, '--auth-user', user, '--auth-password', password, '--auth-hide-password']
    // It ends the last line itself.
    const openEnded = join(dir, 'message.open')
    writeFileSync(openEnded, readFileSync(unixFile, 'latin1').slice(0, -1), 'latin1')
    await runOk('swaks', [...args, ...auth, '--from', user, '--to', user, '--data', `@${openEnded}`, '--suppress-data'])
  },
  async curl({ tls, mechanism, port, file }) {
    const { user, password, ca } = device.smtp
    const url = `${tls === 'starttls' ? 'smtp' : 'smtps'}://localhost:${port}/client.example`
    const auth = ['--user', `${user}:${password}`, '--login-options', `AUTH=${mechanism}`]
    // curl speaks for somebody else in MAIL … AUTH=; the gateway takes that out.
    const envelope = ['--mail-from', user, '--mail-rcpt', user, '--mail-auth', 'somebody@example.com', '--upload-file', file]
    await runOk('curl', ['-sS', '--ssl-reqd', '--cacert', ca, '--url', url, ...auth, ...envelope])
  },
  async msmtp({ tls, mechanism, port, unixFile }) {
    const { user, password, ca } = device.smtp
    const config = join(dir, 'msmtprc')
    const lines = ['account default', 'host localhost', `port ${port}`, 'tls on', `tls_starttls ${tls === 'starttls' ? 'on' : 'off'}`]
    lines.push(`tls_trust_file ${ca}`, `auth ${mechanism.toLowerCase()}`, `user ${user}`, `password ${password}`, `from ${user}`)
    writeFileSync(config, `${lines.join('\n')}\n`, { mode: 0o600 })
    await runOk('msmtp', ['--file', config, '--', user], { input: readFileSync(unixFile, 'utf8') })
  },
  async nodemailer({ tls, mechanism, port, file }) {
    const { user, password, ca } = device.smtp
    const transport = createTransport({
      host: 'localhost',
      port,
      secure: tls === 'implicit',
      requireTLS: true,
      authMethod: mechanism,
      auth: { user, pass: password },
      tls: { ca: readFileSync(ca, 'utf8') },
    })
    const sent = await transport.sendMail({ envelope: { from: user, to: [user], use8BitMime: true }, raw: readFileSync(file) })
    expect(sent).toMatchObject({ accepted: [user], rejected: [] })
    expect(sent.response).toMatch(/^250 2\.0\.0 Ok: queued as /)
    transport.close()
  },
  async smtplib({ tls, mechanism, port, file }) {
    const { user, password, ca } = device.smtp
    const task = { mode: tls, port, mechanism, initial: tls === 'implicit', user, password, ca, sender: user, recipients: [user], file }
    const finished = await runOk('python3', [fileURLToPath(new URL('send.py', import.meta.url))], { input: JSON.stringify(task) })
    expect(JSON.parse(finished.stdout)).toEqual({ refused: {} })
  },
}

describe.each(Object.keys(programs))('%s', program => {
  test.each([
    ['starttls', 'PLAIN'],
    ['starttls', 'LOGIN'],
    ['implicit', 'PLAIN'],
    ['implicit', 'LOGIN'],
  ] as const)('%s, AUTH %s', async (tls, mechanism) => {
    const id = `<${program}.${tls}.${mechanism}@client.example>`
    const message = makeMessage(id)
    const file = join(dir, 'message')
    const unixFile = join(dir, 'message.unix')
    writeFileSync(file, message)
    writeFileSync(unixFile, message.toString('latin1').replaceAll('\r\n', '\n'), 'latin1')
    const port = tls === 'implicit' ? device.smtp.port : device.smtp.starttlsPort
    await programs[program]?.({ tls, mechanism, port, file, unixFile })
    expect((await inbox.waitFor(id)).toString('latin1')).toBe(message.toString('latin1'))
  })
})

test('one line of the log for each message, with what the upstream said', async () => {
  const count = Object.keys(programs).length * 4
  const lines = await waitFor('all lines', 5000, () => stage.gateway.logOf('mail.accepted').length >= count && stage.gateway.logOf('mail.accepted'))
  expect(lines).toHaveLength(count)
  for (const line of lines) {
    expect(line).toMatchObject({ device: device.device.id, mailbox: user, sender: user, recipients: [user] })
    expect(line.reply).toMatch(/^2\.0\.0 Ok: queued as [0-9A-F]+$/)
    expect(Number(line.bytes)).toBeGreaterThan(1000)
  }
})

test('the last connection names the protocol', async () => {
  const row = (await stage.gateway.mailwicket.listDevices()).find(({ id }) => id === device.device.id)
  expect(row?.lastConnection).toMatchObject({ protocol: 'submission', ip: '127.0.0.1' })
})

test('nobody speaks for another sender at the upstream', () => {
  // Postfix logs what MAIL … AUTH= said.
  expect(stage.postfix.readLog()).not.toContain('somebody@example.com')
  expect(stage.postfix.readLog()).toContain(`sasl_username=${user}`)
})

/** Header and text with what programs like to spoil: dots, 8 bits, tabs and spaces at line ends, long lines, empty lines at the end. */
function makeMessage(id: string): Buffer {
  const lines = [
    'From: Reader <reader@example.com>',
    'To: reader@example.com',
    'Subject: =?UTF-8?Q?Gr=C3=BC=C3=9Fe?=',
    'Date: Sun, 22 Nov 2026 06:00:00 +0000',
    `Message-ID: ${id}`,
    'X-Folded: one',
    '\ttwo',
    'MIME-Version: 1.0',
    'Content-Type: text/plain; charset=utf-8',
    'Content-Transfer-Encoding: 8bit',
    '',
    '.',
    '..',
    '. dot and space',
    '.dot at the start',
    'From the start',
    'Grüße, 早安, 👋',
    'space at the end ',
    'tab at the end\t',
    'x'.repeat(990),
    '',
    'last',
    '',
    '',
  ]
  return Buffer.from(lines.join('\r\n'))
}
