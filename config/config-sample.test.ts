import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parse } from 'smol-toml'
import { expect, test } from 'vitest'
import { loadConfig } from './config-load.ts'
import { parseConfig } from './config-parse.ts'
import { formatSampleConfig, writeSampleConfig } from './config-sample.ts'
import { SECTIONS } from './config-table.ts'

const FILE = '/etc/mailwicket/mailwicket.toml'

test('what init writes loads, and serve takes it', () => {
  const config = parseConfig(formatSampleConfig({ hostname: 'mail.example.com' }), FILE)
  expect(config).toMatchObject({
    hostname: 'mail.example.com',
    listen: [
      { protocol: 'imap', host: '0.0.0.0', port: 993, tls: 'implicit' },
      { protocol: 'submission', host: '0.0.0.0', port: 587, tls: 'starttls' },
      { protocol: 'submission', host: '0.0.0.0', port: 465, tls: 'implicit' },
    ],
    upstreams: [{ name: 'main', domains: ['example.com'], imap: { port: 993 }, submission: { port: 587, tls: 'starttls' }, auth: { method: 'stored' } }],
  })
})

test('with the values of the caller', () => {
  const text = formatSampleConfig({
    hostname: 'localhost',
    domains: ['a.example', 'b.example'],
    listenAddress: '127.0.0.1:0',
    submissionAddresses: { starttls: '[::1]:5870', implicit: '127.0.0.1:4650' },
    upstream: { address: '[::1]:1143', tls: 'none' },
    submissionUpstream: { address: 'localhost:1025', tls: 'implicit' },
    certificate: { cert: 'a "quoted" name.pem', key: 'k.pem' },
  })
  expect(parseConfig(text, FILE)).toMatchObject({
    certificates: [{ cert: '/etc/mailwicket/a "quoted" name.pem', key: '/etc/mailwicket/k.pem' }],
    listen: [
      { host: '127.0.0.1', port: 0 },
      { host: '::1', port: 5870, tls: 'starttls' },
      { host: '127.0.0.1', port: 4650, tls: 'implicit' },
    ],
    upstreams: [
      { domains: ['a.example', 'b.example'], imap: { host: '::1', port: 1143, tls: 'none' }, submission: { host: 'localhost', port: 1025, tls: 'implicit' } },
    ],
  })
  expect(parseConfig(formatSampleConfig({ hostname: 'localhost' }), FILE).upstreams[0]?.domains).toEqual([])
})

test('every key that is a comment there loads once the mark is removed', () => {
  const text = formatSampleConfig({ hostname: 'mail.example.com' }).replace(/^auth = .*\n/m, '')
  const config = parseConfig(text.replace(/^# (?=\w+ = |\[)/gm, ''), FILE)
  expect(config.listen.map(({ protocol, port, tls }) => `${protocol} ${port} ${tls}`)).toEqual([
    'imap 993 implicit',
    'imap 143 starttls',
    'submission 587 starttls',
    'submission 465 implicit',
  ])
  expect(config.upstreams[0]).toMatchObject({ ca: '/etc/mailwicket/internal-ca.pem', auth: { method: 'master' } })
})

test('the file is not for everybody, and is never overwritten', () => {
  const directory = mkdtempSync(join(tmpdir(), 'mailwicket-config-'))
  try {
    const file = join(directory, 'mailwicket.toml')
    writeSampleConfig(file, { hostname: 'mail.example.com' })
    expect(statSync(file).mode & 0o007).toBe(0)
    expect(() => writeSampleConfig(file, { hostname: 'other.example.com' })).toThrow(expect.objectContaining({ code: 'ALREADY_EXISTS' }))
    expect(loadConfig({ cwd: directory }).hostname).toBe('mail.example.com')
  } finally {
    rmSync(directory, { recursive: true })
  }
})

/** Every section and key of the design, as administrators will copy it. */
const WHOLE = `
hostname = "mail.example.com"
data_dir = "."                              # relative paths are relative to this file

[store]
url = "sqlite:mailwicket.db"                  # or postgres://user@host/db

[[certificate]]                             # several: chosen by SNI; re-read when the files change, or on SIGHUP
cert = "certs/fullchain.pem"
key = "certs/privkey.pem"

[[listen]]
protocol = "imap"                           # imap | submission
address = "0.0.0.0:993"                     # IPv6: "[::]:993"; port 0 picks one and the ready line tells it
tls = "implicit"                            # implicit | starttls
# proxy_protocol_from = ["10.0.0.0/8"]      # PROXY v1/v2 demanded; connections from elsewhere are closed; v2 LOCAL is accepted

[[listen]]
protocol = "submission"
address = "0.0.0.0:587"
tls = "starttls"

[[listen]]
protocol = "submission"
address = "0.0.0.0:465"
tls = "implicit"
# min_tls = "1.0"                           # opt-in for old scanners, on a listener of their own; 1.2 otherwise

[[upstream]]
name = "main"
domains = ["example.com"]                   # new mailboxes of these domains go here
imap = { address = "imap.internal:993", tls = "implicit" }        # implicit | starttls | none
submission = { address = "smtp.internal:587", tls = "starttls" }
# ca = "internal-ca.pem"
auth = { method = "stored" }                # each mailbox has its own login and secret
# auth = { method = "master", user = "gw", secret_file = "gw.secret", style = "authzid" }   # or style = "suffix", separator = "*"
# auth = { method = "oauth2", ... }
forward_client = "none"                     # none | id (IMAP ID x-originating-ip) + xclient (SMTP) | proxy (PROXY v2)

[admin]
address = "127.0.0.1:9993"                  # /metrics /healthz /readyz

[portal]
address = "127.0.0.1:8080"
url = "https://devices.example.com"
`

test('the whole example of the design loads', () => {
  const config = parseConfig(WHOLE, FILE)
  expect(config.listen.map(({ protocol, port, tls, minTls }) => `${protocol} ${port} ${tls} ${minTls}`)).toEqual([
    'imap 993 implicit 1.2',
    'submission 587 starttls 1.2',
    'submission 465 implicit 1.2',
  ])
  expect(config.upstreams[0]).toMatchObject({ imap: { host: 'imap.internal', port: 993 }, submission: { host: 'smtp.internal', port: 587, tls: 'starttls' } })
  expect(config.admin).toEqual({ host: '127.0.0.1', port: 9993 })
  expect(config.portal).toMatchObject({ host: '127.0.0.1', port: 8080, url: 'https://devices.example.com', tls: 'none', secondFactor: 'managers' })
})

test('and so do the alternatives that are comments in it', () => {
  const alternatives = WHOLE.replace(/^auth = .*\n/m, '').replace(/^# (?=proxy_protocol_from|min_tls|ca |auth = \{ method = "master")/gm, '')
  const { listen, upstreams } = parseConfig(alternatives, FILE)
  expect(listen[0]?.proxyProtocolFrom).toEqual(['10.0.0.0/8'])
  expect(listen[2]?.minTls).toBe('1.0')
  expect(upstreams[0]).toMatchObject({
    ca: '/etc/mailwicket/internal-ca.pem',
    auth: { method: 'master', style: 'authzid', secretFile: '/etc/mailwicket/gw.secret' },
  })
})

test('every example of the table is right', () => {
  for (const { name, keys } of SECTIONS) {
    for (const [key, { example, schema }] of Object.entries(keys)) {
      const { value } = parse(`value = ${example}`)
      expect(schema.safeParse(value).success, `${name}.${key} = ${example}`).toBe(true)
    }
  }
})
