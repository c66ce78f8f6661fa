/** What the section [portal] may say. */
import { describe, expect, test } from 'vitest'
import { parseConfig } from './config-parse.ts'

const FILE = '/etc/mailwicket/mailwicket.toml'
const MINIMAL = `
hostname = "mail.example.com"
[[certificate]]
cert = "fullchain.pem"
key = "privkey.pem"
[[listen]]
protocol = "imap"
address = "0.0.0.0:993"
tls = "implicit"
[[upstream]]
name = "main"
imap = { address = "imap.internal:993", tls = "implicit" }
`

describe('the portal', () => {
  const portal = (lines: string) => parseConfig(`${MINIMAL}\n[portal]\nurl = "https://devices.example.com"\n${lines}`, FILE).portal

  test.each([
    ['127.0.0.1:8080', 'none'],
    ['[::1]:8080', 'none'],
    ['localhost:8080', 'none'],
    ['0.0.0.0:443', 'implicit'],
    ['192.0.2.1:8443', 'implicit'],
  ])('at %s speaks TLS unless nobody else can reach it: %s', (address, tls) => {
    expect(portal(`address = "${address}"`)?.tls).toBe(tls)
  })

  test('never takes passwords in plain text from a network, but from a reverse proxy that is named', () => {
    expect(() => portal('address = "0.0.0.0:80"\ntls = "none"')).toThrow('portal.tls is "none" on an address that others can reach')
    expect(portal('address = "10.0.0.5:8080"\ntls = "none"\ntrusted_proxies = ["10.0.0.0/8"]')).toMatchObject({ tls: 'none', trustedProxies: ['10.0.0.0/8'] })
  })

  test('is a whole host: cookies and passkeys are', () => {
    expect(() => parseConfig(`${MINIMAL}\n[portal]\naddress = "127.0.0.1:1"\nurl = "https://example.com/devices"`, FILE)).toThrow('without a path')
    expect(portal('address = "127.0.0.1:1"')?.url).toBe('https://devices.example.com')
  })

  test('sends mail as a section or a table says; a name and its secret belong together', () => {
    const mail = '[portal.mail]\naddress = "smtp.internal:587"\ntls = "starttls"\nfrom = "Devices@Example.com"\n'
    expect(portal(`address = "127.0.0.1:1"\n${mail}`)?.mail).toEqual({
      server: { host: 'smtp.internal', port: 587, tls: 'starttls' },
      from: 'devices@example.com',
      user: undefined,
      secretFile: undefined,
      ca: undefined,
    })
    expect(() => portal(`address = "127.0.0.1:1"\n${mail}user = "x"`)).toThrow('portal.mail.secret_file is missing')
    expect(portal(`address = "127.0.0.1:1"\n${mail}user = "x"\nsecret_file = "s"`)?.mail?.secretFile).toBe('/etc/mailwicket/s')
  })
})
