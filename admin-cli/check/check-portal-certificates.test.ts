import { writeFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { Folder, makePem } from '../../certs/certificate-fixture.ts'
import type { CertificateFiles } from '../../config/config.ts'
import { parseConfig } from '../../config/config-parse.ts'
import { checkPortalCertificates } from './check-portal-certificates.ts'

const configWith = ({ cert, key }: CertificateFiles, portal: string) =>
  parseConfig(
    `
hostname = "mail.example.com"
[[certificate]]
cert = "${cert}"
key = "${key}"
[[listen]]
protocol = "imap"
address = "0.0.0.0:993"
tls = "implicit"
[[upstream]]
name = "main"
domains = ["example.org"]
imap = { address = "imap.internal:993", tls = "implicit" }
[portal]
address = "0.0.0.0:443"
url = "https://devices.example.com"
${portal}
`,
    '/etc/mailwicket.toml',
  )

test('names of the portal without a certificate are told, unless a proxy has them', async () => {
  using folder = new Folder()
  const files = folder.write('all', await makePem({ names: ['devices.example.com', 'autoconfig.example.org'] }))
  expect(await checkPortalCertificates(configWith(files, 'tls = "implicit"'))).toMatchObject([
    { status: 'warn', message: 'No certificate is for autodiscover.example.org, ua-auto-config.example.org.' },
  ])
  expect(await checkPortalCertificates(configWith(files, 'tls = "none"\ntrusted_proxies = ["192.0.2.0/24"]'))).toEqual([])
  const wildcard = folder.write('wildcard', await makePem({ names: ['*.example.com', '*.example.org'] }))
  expect(await checkPortalCertificates(configWith(wildcard, 'tls = "implicit"'))).toEqual([])
})

test('the certificate that signs profiles is looked at', async () => {
  using folder = new Folder()
  const files = folder.write('all', await makePem({ names: ['*.example.com', '*.example.org'] }))
  const config = configWith(files, `tls = "implicit"\nprofile_certificate = { cert = "${files.cert}", key = "${files.key}" }`)
  expect(await checkPortalCertificates(config)).toMatchObject([{ check: 'profile certificate', status: 'ok' }])
  folder.write('all', await makePem({ names: ['*.example.com', '*.example.org'], notAfter: new Date('2021-01-01') }))
  expect(await checkPortalCertificates(config)).toMatchObject([{ check: 'profile certificate', status: 'warn' }])
  writeFileSync(files.key, 'none')
  expect(await checkPortalCertificates(config)).toContainEqual(expect.objectContaining({ check: 'profile certificate', status: 'fail' }))
})
