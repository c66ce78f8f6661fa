/** Asked as the apps ask: by names of the mail domains, without a cookie, without a page. */

import fc from 'fast-check'
import { XMLParser } from 'fast-xml-parser'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { PACC_PATH } from '../../../management/mailboxes/pacc.ts'
import { OFFICE, PortalFixture } from '../../portal-fixture.ts'
import { MAX_REQUEST_BYTES, parseAutodiscover } from './autodiscover.ts'

let fixture: PortalFixture
beforeAll(async () => {
  fixture = await PortalFixture.open()
  await fixture.store.mailboxes.add({ address: 'a@not-configured.example', upstream: 'main' })
})
afterAll(() => fixture.remove())

const parser = new XMLParser({ ignoreAttributes: false, isArray: name => ['incomingServer', 'outgoingServer', 'Protocol'].includes(name) })

async function ask(host: string, path: string, init: RequestInit = {}) {
  const headers = { host, ...(init.headers as Record<string, string>) }
  const response = await fixture.app.fetch(new Request(`https://${host}${path}`, { ...init, headers }), { ip: '192.0.2.1' })
  return { status: response.status, type: response.headers.get('content-type'), cache: response.headers.get('cache-control'), text: await response.text() }
}

const AUTOCONFIG = '/mail/config-v1.1.xml'
const WELL_KNOWN = '/.well-known/autoconfig/mail/config-v1.1.xml'

describe('Thunderbird', () => {
  test.each([
    ['the host of the domain', 'autoconfig.example.test', `${AUTOCONFIG}?emailaddress=${encodeURIComponent(OFFICE)}`],
    ['the domain itself', 'example.test', `${WELL_KNOWN}?emailaddress=nobody%40example.test`],
    ['no address', 'autoconfig.example.test', AUTOCONFIG],
    ['no address, at the domain itself', 'EXAMPLE.test:443', WELL_KNOWN],
    ['the portal itself', 'devices.example.test', `${AUTOCONFIG}?emailaddress=office%40EXAMPLE.TEST`],
  ])('by %s it gets the servers of the domain', async (_, host, path) => {
    const answer = await ask(host, path)
    expect(answer).toMatchObject({ status: 200, type: 'text/xml; charset=utf-8', cache: 'public, max-age=300' })
    const { clientConfig } = parser.parse(answer.text)
    expect(clientConfig['@_version']).toBe('1.1')
    const { emailProvider } = clientConfig
    expect(emailProvider).toMatchObject({ '@_id': 'example.test', domain: 'example.test' })
    const server = { hostname: 'mail.example.test', authentication: 'password-cleartext', username: '%EMAILADDRESS%' }
    expect(emailProvider.incomingServer).toEqual([
      { '@_type': 'imap', ...server, port: 993, socketType: 'SSL' },
      { '@_type': 'imap', ...server, port: 143, socketType: 'STARTTLS' },
    ])
    expect(emailProvider.outgoingServer).toEqual([{ '@_type': 'smtp', ...server, port: 465, socketType: 'SSL' }])
  })

  test('an address that exists and one that does not get the same bytes', async () => {
    const [one, other] = await Promise.all(
      [OFFICE, 'no-such-mailbox@example.test'].map(address => ask('autoconfig.example.test', `${AUTOCONFIG}?emailaddress=${encodeURIComponent(address)}`)),
    )
    expect(one).toEqual(other)
  })

  test('a domain that only a mailbox has is served; another one is not, whatever stands in it', async () => {
    expect((await ask('autoconfig.not-configured.example', AUTOCONFIG)).status).toBe(200)
    for (const address of ['a@elsewhere.example', '', '@', 'example.test@', 'a@b@c', '<script>@x', `${'x'.repeat(5_000)}@example.test`, 'a@[127.0.0.1]']) {
      const answer = await ask('autoconfig.example.test', `${AUTOCONFIG}?emailaddress=${encodeURIComponent(address)}`)
      expect([address, answer.status, answer.text]).toEqual([address, 404, 'No settings for this domain.\n'])
    }
  })

  test('nobody changes anything here', async () => {
    expect((await ask('autoconfig.example.test', AUTOCONFIG, { method: 'POST', body: 'x' })).status).toBe(405)
  })
})

const SCHEMA = 'http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a'
const requestFor = (address: string, schema = SCHEMA) =>
  `<?xml version="1.0" encoding="utf-8"?>\r\n<Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006"><Request><EMailAddress>${address}</EMailAddress><AcceptableResponseSchema>${schema}</AcceptableResponseSchema></Request></Autodiscover>`
const post = (body: string, path = '/autodiscover/autodiscover.xml') =>
  ask('autodiscover.example.test', path, { method: 'POST', body, headers: { 'content-type': 'text/xml' } })

describe('Outlook', () => {
  test.each(['/autodiscover/autodiscover.xml', '/Autodiscover/Autodiscover.xml', '/AutoDiscover/AutoDiscover.xml', '/AUTODISCOVER/AUTODISCOVER.XML'])(
    'gets the servers at %s',
    async path => {
      const answer = await post(requestFor('Office@Example.test'), path)
      expect(answer.status).toBe(200)
      const { Account } = parser.parse(answer.text).Autodiscover.Response
      expect(Account).toMatchObject({ AccountType: 'email', Action: 'settings' })
      const server = { Server: 'mail.example.test', LoginName: OFFICE, SSL: 'on', Encryption: 'SSL', SPA: 'off', AuthRequired: 'on', DomainRequired: 'off' }
      expect(Account.Protocol).toEqual([
        { Type: 'IMAP', Port: 993, ...server },
        { Type: 'SMTP', Port: 465, ...server },
      ])
    },
  )

  test('the answers for an address that exists and one that does not differ in the address only', async () => {
    const [one, other] = await Promise.all([post(requestFor(OFFICE)), post(requestFor('nobody@example.test'))])
    expect(one.text.replaceAll(OFFICE, '')).toBe(other.text.replaceAll('nobody@example.test', ''))
  })

  const codeOf = async (body: string) => parser.parse((await post(body)).text).Autodiscover.Response.Error.ErrorCode

  test.each([
    ['a domain that is not served', requestFor('a@elsewhere.example'), 500],
    ['answers in ActiveSync’s form', requestFor(OFFICE, 'http://schemas.microsoft.com/exchange/autodiscover/mobilesync/responseschema/2006'), 601],
    ['no address', requestFor(''), 600],
    ['two addresses', requestFor(`${OFFICE}</EMailAddress><EMailAddress>${OFFICE}`), 600],
    ['nothing', '', 600],
    ['something else', '{"EMailAddress": "a@b.c"}', 600],
    ['a file of ours', `<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>${requestFor('&x;@example.test')}`, 600],
    ['a billion laughs', `<!DOCTYPE a [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]>${requestFor('&b;@example.test')}`, 600],
    ['an entity that nobody declared', requestFor('&x;@example.test'), 600],
    ['a character by number', requestFor('&#111;ffice@example.test'), 600],
    ['CDATA', requestFor(`<![CDATA[${OFFICE}]]>`), 600],
    ['more than a request has', requestFor(OFFICE) + ' '.repeat(MAX_REQUEST_BYTES), 600],
  ])('%s gets a refusal and no settings', async (_, body, code) => {
    expect(await codeOf(body)).toBe(code)
  })

  test('bytes that are no UTF-8, and any bytes at all, are answered', () => {
    expect(parseAutodiscover(new Uint8Array([0xff, 0xfe, 0x3c]))).toEqual({ refused: 600 })
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(400), (noise, at) => {
        const whole = Buffer.from(requestFor(OFFICE))
        const answer = parseAutodiscover(Buffer.concat([whole.subarray(0, at), noise, whole.subarray(at)]))
        expect('refused' in answer || answer.address.includes('@')).toBe(true)
      }),
    )
  })

  test('what is hidden in an address does not become markup', async () => {
    const { text } = await post(requestFor('a&amp;b@example.test'))
    expect(parser.parse(text).Autodiscover.Response.User.DisplayName).toBe('a&b@example.test')
  })
})

describe('PACC', () => {
  test('the document is the same by every name', async () => {
    const answers = await Promise.all(['ua-auto-config.example.test', 'devices.example.test'].map(host => ask(host, PACC_PATH)))
    expect(answers[0]).toEqual(answers[1])
    expect(answers[0]).toMatchObject({ status: 200, type: 'application/json' })
    expect(JSON.parse(answers[0]?.text ?? '')).toEqual({
      protocols: { imap: { host: 'mail.example.test' }, submit: { host: 'mail.example.test' }, smtp: { host: 'mail.example.test' } },
      authentication: { password: true },
      info: { provider: { name: 'mail.example.test' } },
    })
  })
})

test('pages are not there by these names', async () => {
  for (const host of ['autoconfig.example.test', 'autodiscover.example.test', 'ua-auto-config.example.test'])
    expect((await ask(host, '/sign-in')).status).toBe(421)
})
