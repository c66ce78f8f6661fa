import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { parseConfig } from '../../config/config-parse.ts'
import { autoconfigurationRecords, formatZone } from './autoconfiguration-records.ts'
import { paccDocument } from './pacc.ts'

const configWith = (extra: string) =>
  parseConfig(
    `
hostname = "mail.example.com"
[[certificate]]
cert = "a.pem"
key = "b.pem"
[[listen]]
protocol = "submission"
address = "0.0.0.0:587"
tls = "starttls"
[[listen]]
protocol = "imap"
address = "0.0.0.0:993"
tls = "implicit"
[[upstream]]
name = "main"
imap = { address = "imap.internal:993", tls = "implicit" }
submission = { address = "smtp.internal:587", tls = "starttls" }
${extra}`,
    '/etc/mailwicket.toml',
  )
const portal = (url: string) => configWith(`[portal]\naddress = "127.0.0.1:8443"\nurl = "${url}"\ntls = "none"\n`)

test('lines for a zone: where the portal tells the settings, and where the services are', () => {
  const config = portal('https://devices.example.com')
  const digest = createHash('sha256')
    .update(paccDocument(config) ?? '')
    .digest('base64')
  const lines = formatZone(autoconfigurationRecords(config, 'example.org')).split('\n')
  expect(lines.map(line => line.replace(/ +/g, ' '))).toEqual([
    'autoconfig.example.org. 3600 IN CNAME devices.example.com.',
    'autodiscover.example.org. 3600 IN CNAME devices.example.com.',
    'ua-auto-config.example.org. 3600 IN CNAME devices.example.com.',
    `_ua-auto-config.example.org. 3600 IN TXT "v=UAAC1; a=sha256; d=${digest}"`,
    '_autodiscover._tcp.example.org. 3600 IN SRV 0 1 443 devices.example.com.',
    '_imaps._tcp.example.org. 3600 IN SRV 0 1 993 mail.example.com.',
    '_submission._tcp.example.org. 3600 IN SRV 10 1 587 mail.example.com.',
    '',
  ])
})

test('without a portal only where the services are; a portal by one of these names does not lead to itself', () => {
  expect(autoconfigurationRecords(configWith(''), 'example.org').map(({ name }) => name)).toEqual(['_imaps._tcp.example.org', '_submission._tcp.example.org'])
  const own = autoconfigurationRecords(portal('https://autoconfig.example.org:8443'), 'example.org')
  expect(own.map(({ name }) => name)).not.toContain('autoconfig.example.org')
  expect(own.find(({ name }) => name.startsWith('_autodiscover'))?.value).toBe('0 1 8443 autoconfig.example.org.')
})
