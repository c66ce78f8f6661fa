/** A mail app that knows an address and a password only: it finds the servers by the portal, as Thunderbird and Outlook do, and logs in there. */
import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { XMLParser } from 'fast-xml-parser'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { writeDevelopmentCertificate } from '../../certs/development-ca.ts'
import { runOk } from '../fixtures/child-process.ts'
import { Mailwicket, type NewDevice, upstreamOf } from '../fixtures/program/mailwicket.ts'
import { Dovecot } from '../fixtures/servers/dovecot.ts'

const user = 'reader@example.com'
/** An address of its own, so that the ports are the real ones: apps look for autoconfiguration nowhere else. */
const ADDRESS = '127.0.71.1'
const HOSTS = ['mail.example.com', 'devices.example.com', 'autoconfig.example.com', 'autodiscover.example.com', 'ua-auto-config.example.com']
let dovecot: Dovecot
let gateway: Mailwicket
let device: NewDevice
let ca: string

beforeAll(async () => {
  dovecot = await Dovecot.open({ users: { [user]: 'upstream+secret/71' } })
  gateway = await Mailwicket.open({ upstreams: [upstreamOf(dovecot)] })
  await gateway.addMailboxOf(dovecot, user)
  device = await gateway.addDevice(user, 'Phone')
  const certificates = join(gateway.dir, 'named')
  ca = join(certificates, 'ca.pem')
  const text = readFileSync(gateway.configPath, 'utf8')
    .replace('hostname = "localhost"', 'hostname = "mail.example.com"')
    .replace('127.0.0.1:0', `${ADDRESS}:993`)
    .replace('127.0.0.1:0', `${ADDRESS}:143`)
  const files = await writeDevelopmentCertificate({ directory: certificates, hostNames: HOSTS })
  writeFileSync(
    gateway.configPath,
    `${text.replace(/cert = ".*"/, `cert = "${files.cert}"`).replace(/key = ".*"/, `key = "${files.key}"`)}
[portal]
address = "${ADDRESS}:443"
url = "https://devices.example.com"
tls = "implicit"
`,
  )
  await gateway.serve()
})

afterAll(async () => {
  await gateway?.close()
  await dovecot?.stop()
})

const curl = async (...args: readonly string[]): Promise<string> => {
  const resolve = HOSTS.flatMap(host => [143, 443, 993].flatMap(port => ['--resolve', `${host}:${port}:${ADDRESS}`]))
  return (await runOk('curl', ['--silent', '--show-error', '--fail', '--max-time', '20', '--cacert', ca, ...resolve, ...args])).stdout
}

async function list(scheme: string, host: string, port: number, login: string): Promise<string> {
  const path = join(dovecot.dir, 'curlrc')
  writeFileSync(path, `user = "${login}:${device.password}"\n`, { mode: 0o600 })
  return await curl('--ssl-reqd', '--config', path, `${scheme}://${host}:${port}/`)
}

const parser = new XMLParser({ ignoreAttributes: false, isArray: name => ['incomingServer', 'Protocol'].includes(name) })

test('Thunderbird finds the servers by the address, and every one of them takes the password', async () => {
  const { clientConfig } = parser.parse(await curl(`https://autoconfig.example.com/mail/config-v1.1.xml?emailaddress=${encodeURIComponent(user)}`))
  const servers = clientConfig.emailProvider.incomingServer as { hostname: string; port: number; socketType: string; username: string }[]
  expect(servers.map(({ socketType }) => socketType)).toEqual(['SSL', 'STARTTLS'])
  for (const { hostname, port, socketType, username } of servers) {
    const login = username.replace('%EMAILADDRESS%', user)
    expect(await list(socketType === 'SSL' ? 'imaps' : 'imap', hostname, port, login)).toContain('INBOX')
  }
})

test('Outlook finds them by a POST', async () => {
  const request = `<?xml version="1.0" encoding="utf-8"?><Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006"><Request><EMailAddress>${user}</EMailAddress><AcceptableResponseSchema>http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a</AcceptableResponseSchema></Request></Autodiscover>`
  const answer = await curl('--header', 'content-type: text/xml', '--data', request, 'https://autodiscover.example.com/Autodiscover/Autodiscover.xml')
  const [imap] = parser.parse(answer).Autodiscover.Response.Account.Protocol as { Server: string; Port: number; LoginName: string }[]
  expect(await list('imaps', imap?.Server ?? '', imap?.Port ?? 0, imap?.LoginName ?? '')).toContain('INBOX')
})

test('the document of PACC has the digest that `dns` prints', async () => {
  const document = await curl('https://ua-auto-config.example.com/.well-known/user-agent-configuration.json')
  const { records } = await gateway.json<{ records: { type: string; value: string }[] }>(['dns', 'example.com'])
  const digest = createHash('sha256').update(document).digest('base64')
  expect(records.find(({ type }) => type === 'TXT')?.value).toBe(`"v=UAAC1; a=sha256; d=${digest}"`)
  expect(JSON.parse(document)).toMatchObject({ protocols: { imap: { host: 'mail.example.com' } } })
})
