/** HAProxy in front, Dovecot and Postfix behind: in each way that `forward_client` knows they log the address of the mail app. */
import { readFileSync, writeFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { pickPorts } from '../../base/sockets/free-ports-fixture.ts'
import { quote, type RawImap } from '../fixtures/clients/raw-imap.ts'
import { plainOf, RawSmtp } from '../fixtures/clients/raw-smtp.ts'
import { waitFor } from '../fixtures/deadline.ts'
import type { NewDevice } from '../fixtures/program/mailwicket.ts'
import { ProxiedGateway } from '../fixtures/program/proxied-gateway.ts'
import { Dovecot } from '../fixtures/servers/dovecot.ts'
import { type Haproxy, openHaproxy } from '../fixtures/servers/haproxy.ts'
import { Postfix } from '../fixtures/servers/postfix.ts'

const app = '127.0.0.77'
const forged = '203.0.113.9'
const headers = ['send-proxy', 'send-proxy-v2'] as const
/** Upstreams: their name is their domain's and their mailbox's. */
const names = ['none', 'id', 'xclient', 'both', 'proxy', 'proxy-tls', 'proxy-v1', 'proxy-v1-tls'] as const
type Name = (typeof names)[number]
const addressOf = (name: Name) => `${name}@example.com`

let dovecot: Dovecot
let postfix: Postfix
let gateway: ProxiedGateway
let haproxy: Haproxy
const devices = new Map<Name, NewDevice>()
let proxiedPorts: { readonly plain: number; readonly tls: number }

beforeAll(async () => {
  const [plain = 0, tls = 0] = await pickPorts(2)
  proxiedPorts = { plain, tls }
  dovecot = await Dovecot.open({
    users: Object.fromEntries(names.map(name => [addressOf(name), `upstream-secret-of-${name}`])),
    more: `
login_trusted_networks = 127.0.0.1/32
haproxy_trusted_networks = 127.0.0.1/32
service imap-login {
  inet_listener imap_proxied {
    port = ${plain}
    haproxy = yes
  }
  inet_listener imaps_proxied {
    port = ${tls}
    haproxy = yes
    ssl = yes
  }
}
`,
  })
  postfix = await Postfix.open(dovecot)
  gateway = await ProxiedGateway.open(
    [
      { protocol: 'imap', tls: 'implicit', from: ['127.0.0.1/32'] },
      { protocol: 'submission', tls: 'implicit', from: ['127.0.0.1/32'] },
      { protocol: 'imap', tls: 'implicit' },
    ],
    names.map(upstreamOf).join('\n'),
  )
  haproxy = await openHaproxy([0, 1].flatMap(index => headers.map(header => ({ to: gateway.port(index), header }))))
  for (const name of names) {
    // With its login tried at the upstream, through a PROXY header where that is demanded.
    await gateway.mailwicket.addMailbox(addressOf(name), dovecot.passwordOf(addressOf(name)), ['--upstream', name])
    devices.set(name, await gateway.mailwicket.addDevice(addressOf(name), 'App'))
  }
})

afterAll(async () => {
  await haproxy?.stop()
  await gateway?.mailwicket.close()
  await postfix?.stop()
  await dovecot?.stop()
})

function upstreamOf(name: Name): string {
  const forward = {
    none: 'none',
    id: 'id',
    xclient: 'xclient',
    both: 'id+xclient',
    proxy: 'proxy',
    'proxy-tls': 'proxy',
    'proxy-v1': 'proxy-v1',
    'proxy-v1-tls': 'proxy-v1',
  }[name]
  const isTls = name.endsWith('-tls')
  const imap = !name.startsWith('proxy') ? dovecot.ports.plain : isTls ? proxiedPorts.tls : proxiedPorts.plain
  const submission = name.startsWith('proxy') ? postfix.ports.proxied : name === 'none' ? postfix.ports.plain : postfix.ports.xclient
  return `[[upstream]]
name = "${name}"
imap = { address = "localhost:${imap}", tls = "${isTls ? 'implicit' : 'none'}" }
submission = { address = "127.0.0.1:${submission}", tls = "none" }
ca = "${dovecot.authority.ca}"
auth = { method = "stored" }
forward_client = "${forward}"
`
}

function loginOf(name: Name): string {
  return `LOGIN ${quote(addressOf(name))} ${quote(devices.get(name)?.password ?? '')}`
}

async function logIn(port: number, name: Name): Promise<RawImap> {
  const imap = await gateway.connect(port, app)
  await imap.readLine()
  await imap.ok(loginOf(name))
  return imap
}

/** What Dovecot logged of the login of this mailbox since then. */
async function findLogin(name: Name, since: number): Promise<string> {
  return await waitFor('the login in Dovecot’s log', 10_000, () =>
    dovecot
      .readLog()
      .slice(since)
      .split('\n')
      .find(line => line.includes('Login: user=') && line.includes(addressOf(name))),
  )
}

describe.each(headers)('behind HAProxy with %s', header => {
  const portOf = (protocol: 'imap' | 'submission') => haproxy.ports[(protocol === 'imap' ? 0 : 2) + headers.indexOf(header)] ?? 0

  test.each(names)('IMAP, forward_client of %s', async name => {
    const since = dovecot.readLog().length
    const imap = await logIn(portOf('imap'), name)
    const line = await findLogin(name, since)
    const isTold = name !== 'none' && name !== 'xclient'
    expect(line).toContain(isTold ? `rip=${app},` : 'rip=127.0.0.1,')
    const accepted = gateway.logOf('auth.ok').at(-1)
    expect(accepted).toMatchObject({ remote: app, mailbox: addressOf(name) })
    // The two logs can be laid side by side.
    if (name === 'id' || name === 'both') expect(line).toContain(`session=<${accepted?.cid}>`)
    await imap.ok('SELECT INBOX')
    imap.destroy()
  })

  test.each(names)('submission, forward_client of %s', async name => {
    const since = postfix.readLog().length
    const smtp = new RawSmtp(await gateway.connect(portOf('submission'), app))
    expect(await smtp.readReply()).toMatch(/^220/)
    await smtp.expect('250', 'EHLO phone.client.example')
    await smtp.expect('235', plainOf({ user: addressOf(name), password: devices.get(name)?.password ?? '' }))
    expect(await smtp.send(addressOf(name), [addressOf(name)], `Subject: ${name}\r\n\r\ntext\r\n`)).toMatch(/^250/)
    smtp.destroy()
    const isTold = name !== 'none' && name !== 'id'
    await waitFor('the message in Postfix’s log', 10_000, () =>
      new RegExp(`: client=(unknown|localhost)\\[${isTold ? app : '127.0.0.1'}\\]`).test(postfix.readLog().slice(since)),
    )
  })

  test('the last connection has the address of the app too', async () => {
    await waitFor('the last connection', 5000, async () => (await gateway.mailwicket.listDevices()).every(row => row.lastConnection?.ip === app))
  })
})

test('the upstream learns the port that the app connected to', async () => {
  const port = haproxy.ports[1] ?? 0
  const since = dovecot.readLog().length
  const imap = await logIn(port, 'proxy')
  // Dovecot logs it when it debugs logins; the ports are HAProxy’s, not ours.
  await waitFor('the port', 10_000, () => dovecot.readLog().slice(since).includes(`lport=${port}`))
  imap.destroy()
})

describe('an app that claims to be somebody else', () => {
  const claim = `ID ("name" "App" "x-originating-ip" "${forged}" "x-originating-port" "1" "x-connected-ip" "${forged}" "x-session-id" "forged")`
  const direct = () => gateway.port(2)

  test.each(['id', 'both', 'proxy', 'none'] as const)('by ID before the login: the upstream hears nothing of it (%s)', async name => {
    const port = name === 'none' ? direct() : (haproxy.ports[1] ?? 0)
    const since = dovecot.readLog().length
    const imap = await gateway.connect(port, app)
    await imap.readLine()
    await imap.ok(claim)
    await imap.ok(loginOf(name))
    expect(await findLogin(name, since)).toContain(name === 'none' ? 'rip=127.0.0.1,' : `rip=${app},`)
    await imap.ok('LOGOUT')
    expect(dovecot.readLog().slice(since)).not.toContain(forged)
    imap.destroy()
  })

  test.each(['id', 'none'] as const)('by ID pipelined behind the login, and later: Dovecot answers it and does not believe it (%s)', async name => {
    const since = dovecot.readLog().length
    const imap = await gateway.connect(direct(), app)
    await imap.readLine()
    imap.write(`a ${loginOf(name)}\r\nb ${claim}\r\n`)
    expect(await imap.readReply('b')).toMatch(/^\* ID [\s\S]*^b OK/m)
    await imap.ok(claim)
    await imap.ok('SELECT INBOX')
    await imap.ok('LOGOUT')
    const line = await findLogin(name, since)
    expect(line).toContain(name === 'id' ? `rip=${app},` : 'rip=127.0.0.1,')
    // Dovecot logs the first ID of a session, which is ours; of the claim not even the words are there.
    await waitFor('the end in the log', 10_000, () => /Logged out/.test(dovecot.readLog().slice(since)))
    expect(dovecot.readLog().slice(since)).toContain('ID sent: name=Mailwicket')
    expect(dovecot.readLog().slice(since)).not.toContain(forged)
    imap.destroy()
  })
})

describe('an upstream that does not expect a PROXY header', () => {
  let misfits: ProxiedGateway
  const user = addressOf('proxy')

  beforeAll(async () => {
    const of = (name: string, imap: string, submission: string) => `[[upstream]]
name = "${name}"
imap = ${imap}
submission = ${submission}
ca = "${dovecot.authority.ca}"
forward_client = "proxy"
`
    misfits = await ProxiedGateway.open(
      [
        { protocol: 'imap', tls: 'implicit' },
        { protocol: 'submission', tls: 'implicit' },
      ],
      [
        of('plain', `{ address = "localhost:${dovecot.ports.plain}", tls = "none" }`, `{ address = "localhost:${postfix.ports.plain}", tls = "none" }`),
        of(
          'starttls',
          `{ address = "localhost:${dovecot.ports.plain}", tls = "starttls" }`,
          `{ address = "localhost:${postfix.ports.submission}", tls = "starttls" }`,
        ),
        of(
          'implicit',
          `{ address = "localhost:${dovecot.ports.tls}", tls = "implicit" }`,
          `{ address = "localhost:${postfix.ports.submissions}", tls = "implicit" }`,
        ),
      ].join('\n'),
    )
  })

  afterAll(async () => await misfits?.mailwicket.close())

  test.each(['plain', 'starttls', 'implicit'])('%s: try again later, the log says why, and so does `check`', async upstream => {
    const address = `${upstream}@misfits.example`
    const add = await misfits.mailwicket.run(['mailbox', 'add', address, '--upstream', upstream, '--login', user, '--secret-stdin'], {
      input: dovecot.passwordOf(user),
    })
    expect(add).toMatchObject({ code: 1, stderr: expect.stringContaining('forward_client = "proxy"') })
    await misfits.mailwicket.addMailbox(address, dovecot.passwordOf(user), ['--upstream', upstream, '--login', user, '--no-verify'])
    const device = await misfits.mailwicket.addDevice(address, 'App')
    const imap = await misfits.connect(misfits.port(0), app)
    await imap.readLine()
    expect(await imap.command(`LOGIN ${address} ${device.password}`)).toMatch(/^t1 NO \[UNAVAILABLE\]/)
    imap.destroy()
    const smtp = new RawSmtp(await misfits.connect(misfits.port(1), app))
    await smtp.readReply()
    await smtp.expect('250', 'EHLO phone.client.example')
    expect(await smtp.command(plainOf({ user: address, password: device.password }))).toMatch(/^454 4\.7\.0 /)
    smtp.destroy()
    const failures = misfits.logOf('upstream.failed').slice(-2)
    expect(failures.map(({ proto, reason, level }) => [proto, reason, level])).toEqual([
      ['imap', 'proxy-refused', 'error'],
      ['submission', 'proxy-refused', 'error'],
    ])
  })
})

test('`check` finds every upstream good', async () => {
  const findings = await gateway.mailwicket.json<{ check: string; status: string; message: string }[]>(['check'])
  expect(findings.filter(({ check, status }) => check.startsWith('upstream') && status === 'fail')).toEqual([])
  expect(findings.filter(({ check }) => /^upstream (id|both|proxy)/.test(check)).map(({ message }) => message)).toEqual(
    expect.arrayContaining([expect.stringContaining('logged in for proxy@example.com')]),
  )
})

test('`check --live` logs in through listeners that demand a header, and says where it may not', async () => {
  const { mailwicket } = gateway
  // The ports that the gateway has taken.
  let index = 0
  const text = readFileSync(mailwicket.configPath, 'utf8').replace(/127\.0\.0\.1:0"/g, () => `127.0.0.1:${gateway.port(index++)}"`)
  writeFileSync(mailwicket.configPath, text)
  const live = async () =>
    (await mailwicket.json<{ check: string; status: string; message: string }[]>(['check', '--live', '--mailbox', addressOf('proxy')])).filter(({ check }) =>
      check.startsWith('live'),
    )
  expect((await live()).map(({ status }) => status)).toEqual(['ok', 'ok', 'ok'])
  writeFileSync(mailwicket.configPath, text.replaceAll('"127.0.0.1/32"', '"192.0.2.0/24"'))
  expect((await live()).map(({ status }) => status)).toEqual(['warn', 'warn', 'ok'])
})

test('`check` says when a server does not offer what it is to be told by', async () => {
  const { mailwicket } = gateway
  const text = readFileSync(mailwicket.configPath, 'utf8')
  // This upstream’s Postfix offers XCLIENT to nobody.
  writeFileSync(mailwicket.configPath, text.replace('forward_client = "none"', 'forward_client = "xclient"'))
  const findings = await mailwicket.json<{ check: string; status: string; message: string }[]>(['check'])
  expect(findings.filter(({ status, message }) => status === 'warn' && message.includes('XCLIENT')).map(({ check }) => check)).toEqual([
    'upstream none submission',
  ])
  writeFileSync(mailwicket.configPath, text)
})
