import { describe, expect, test } from 'vitest'
import type { MailwicketError } from '../base/errors.ts'
import type { Config } from './config.ts'
import { parseConfig } from './config-parse.ts'

const FILE = '/etc/mailwicket/mailwicket.toml'

/** The least that is a configuration; `extra` sections follow it, `top` keys precede it. */
function complete({ top = '', listen = '', upstream = '', extra = '' } = {}): string {
  return `
hostname = "mail.example.com"
${top}
[[certificate]]
cert = "fullchain.pem"
key = "privkey.pem"
[[listen]]
protocol = "imap"
address = "0.0.0.0:993"
tls = "implicit"
${listen}
[[upstream]]
name = "main"
imap = { address = "imap.internal:993", tls = "implicit" }
${upstream}
${extra}`
}

const parse = (text: string): Config => parseConfig(text, FILE)

/** The lines of the error, without the first, which names the file. */
function problemsOf(text: string): string[] {
  const error = errorOf(() => parse(text))
  expect(error).toMatchObject({ code: 'CONFIG_INVALID', kind: 'usage' })
  const [head, ...lines] = error.message.split('\n')
  expect(head).toContain(`${FILE} has `)
  return lines.map(line => line.trim())
}

function errorOf(action: () => unknown): MailwicketError {
  try {
    action()
  } catch (error) {
    return error as MailwicketError
  }
  throw new Error('nothing was thrown')
}

describe('what is not written has its default', () => {
  test('in the least configuration', () => {
    expect(parse(complete())).toEqual({
      path: FILE,
      hostname: 'mail.example.com',
      dataDir: '/etc/mailwicket',
      logLevel: 'info',
      workers: 'auto',
      drainSeconds: 25,
      generatedOnly: false,
      trustedFrom: [],
      sessionsPerDevice: 2000,
      store: { url: 'sqlite:/etc/mailwicket/mailwicket.db', sqlitePath: '/etc/mailwicket/mailwicket.db' },
      certificates: [{ cert: '/etc/mailwicket/fullchain.pem', key: '/etc/mailwicket/privkey.pem' }],
      listen: [{ host: '0.0.0.0', port: 993, protocol: 'imap', tls: 'implicit', minTls: '1.2', proxyProtocolFrom: undefined }],
      upstreams: [
        {
          name: 'main',
          domains: [],
          imap: { host: 'imap.internal', port: 993, tls: 'implicit' },
          submission: undefined,
          ca: undefined,
          minTls: '1.2',
          auth: { method: 'stored' },
          forwardClient: 'none',
          sessionsPerMailbox: Number.POSITIVE_INFINITY,
          allowUnauthenticate: false,
        },
      ],
      admin: undefined,
      portal: undefined,
    })
  })

  test('the database is in data_dir when [store] does not say where', () => {
    const { dataDir, store } = parse(complete({ top: 'data_dir = "/var/lib/mailwicket"' }))
    expect({ dataDir, sqlitePath: store.sqlitePath }).toEqual({ dataDir: '/var/lib/mailwicket', sqlitePath: '/var/lib/mailwicket/mailwicket.db' })
  })
})

describe('paths are relative to the file', () => {
  test.each([
    ['sqlite:db/mail.db', '/etc/mailwicket/db/mail.db'],
    ['sqlite:../mail.db', '/etc/mail.db'],
    ['sqlite:/var/lib/mail.db', '/var/lib/mail.db'],
    ['sqlite:///var/lib/mail.db', '/var/lib/mail.db'],
  ])('%s', (url, sqlitePath) => {
    expect(parse(complete({ top: `[store]\nurl = "${url}"` })).store).toEqual({ url: `sqlite:${sqlitePath}`, sqlitePath })
  })

  test('of authorities and secret files', () => {
    const { upstreams } = parse(
      complete({ upstream: 'ca = "ca.pem"\nauth = { method = "master", user = "gw", secret_file = "gw.secret", style = "authzid" }' }),
    )
    expect(upstreams[0]).toMatchObject({
      ca: '/etc/mailwicket/ca.pem',
      auth: { method: 'master', user: 'gw', style: 'authzid', secretFile: '/etc/mailwicket/gw.secret' },
    })
  })
})

describe('values', () => {
  test('names and domains are compared in ASCII, lower case', () => {
    const config = parse(complete({ upstream: 'domains = ["Bücher.Example", "EXAMPLE.com."]' }).replace('mail.example.com', 'MAIL.example.com'))
    expect(config.hostname).toBe('mail.example.com')
    expect(config.upstreams[0]?.domains).toEqual(['xn--bcher-kva.example', 'example.com'])
  })

  test('a byte order mark and CRLF do not matter', () => {
    expect(parse(`\uFEFF${complete().replaceAll('\n', '\r\n')}`).hostname).toBe('mail.example.com')
  })

  test('suffix style with its separator', () => {
    const { upstreams } = parse(complete({ upstream: 'auth = { method = "master", user = "gw", secret_file = "s", style = "suffix", separator = "*" }' }))
    expect(upstreams[0]?.auth).toEqual({ method: 'master', user: 'gw', style: 'suffix', separator: '*', secretFile: '/etc/mailwicket/s' })
  })

  test('port 0 may be given more than once', () => {
    const listen = '[[listen]]\nprotocol = "imap"\naddress = "[::1]:0"\ntls = "starttls"\n'
    expect(parse(complete({ listen: listen + listen })).listen).toHaveLength(3)
  })

  test.each([
    ['hostname = "mail.example.com"', 'hostname = ""', 'hostname is "", but must be a host name such as "mail.example.com"'],
    ['hostname = "mail.example.com"', 'hostname = 5', 'hostname is 5, but must be a host name such as "mail.example.com"'],
    ['hostname = "mail.example.com"', 'hostname = 2026-01-01', 'hostname is 2026-01-01, but must be a host name such as "mail.example.com"'],
    ['hostname = "mail.example.com"', '', 'hostname is missing; it must be a host name such as "mail.example.com"'],
    ['tls = "implicit"\n', 'tls = "ssl"\n', 'listen[0].tls (in the first [[listen]]) is "ssl", but must be "implicit" or "starttls"'],
    [
      'tls = "implicit"\n',
      'tls = "implict"\n',
      'listen[0].tls (in the first [[listen]]) is "implict", but must be "implicit" or "starttls"; did you mean "implicit"?',
    ],
    [
      'tls = "implicit"\n',
      'tls = "implicit"\nmin_tls = 1.2\n',
      'listen[0].min_tls (in the first [[listen]]) is 1.2, but must be one of "1.0", "1.1", "1.2", "1.3"',
    ],
    [
      '"0.0.0.0:993"',
      '":993"',
      'listen[0].address (in the first [[listen]]) is ":993", but must name an address before the port: "0.0.0.0:993" for all of IPv4, "[::]:993" for IPv6 too',
    ],
    [
      '"imap.internal:993"',
      '"imap.internal:0"',
      'upstream[0].imap.address (in the first [[upstream]]) is "imap.internal:0", but must have a port from 1 to 65535',
    ],
    [
      '{ address = "imap.internal:993", tls = "implicit" }',
      '"imap.internal:993"',
      'upstream[0].imap (in the first [[upstream]]) is "imap.internal:993", but must be a table such as { address = "imap.internal:993", tls = "implicit" }',
    ],
    ['name = "main"', 'name = ""', 'upstream[0].name (in the first [[upstream]]) is "", but must not be empty'],
    ['name = "main"', 'name = "a\\u0007"', 'upstream[0].name (in the first [[upstream]]) is "a\\u0007", but must not contain control characters'],
    [
      'name = "main"',
      'name = "main"\ndomains = ["a@example.com"]',
      'upstream[0].domains[0] (in the first [[upstream]]) is "a@example.com", but must be the part after the "@" only, such as "example.com"',
    ],
    [
      'name = "main"',
      'name = "main"\ndomains = "example.com"',
      'upstream[0].domains (in the first [[upstream]]) is "example.com", but must be a list such as ["example.com"]',
    ],
    [
      'tls = "implicit"\n',
      'tls = "implicit"\nproxy_protocol_from = ["10.0.0.0/33"]\n',
      'listen[0].proxy_protocol_from[0] (in the first [[listen]]) is "10.0.0.0/33", but must have a number from 0 to 32 after the "/"',
    ],
    [
      'tls = "implicit"\n',
      'tls = "implicit"\nproxy_protocol_from = []\n',
      'listen[0].proxy_protocol_from (in the first [[listen]]) is an empty list, but must be a list of networks such as ["10.0.0.0/8"], not empty',
    ],
  ])('%s → %s', (right, wrong, problem) => {
    expect(problemsOf(complete().replace(right, wrong))).toEqual([problem])
  })

  test('oauth2 is known but not there yet', () => {
    expect(problemsOf(complete({ upstream: 'auth = { method = "oauth2" }' }))).toEqual([
      'upstream[0].auth.method (in the first [[upstream]]) is "oauth2", which is not in this version; it must be "stored" or "master"',
    ])
  })

  test('PostgreSQL: files for TLS are found from the configuration, and the password is in no text', () => {
    const { store } = parse(complete({ top: '[store]\nurl = "postgres://gw:hunter2@db/mail?sslrootcert=db-ca.pem"' }))
    expect(store).toMatchObject({ url: 'postgres://gw@db:5432/mail', postgres: { password: 'hunter2', tls: { ca: '/etc/mailwicket/db-ca.pem' } } })
  })

  test.each(['mailwicket.db', 'sqlite:', 'sqlite://host/x', 'sqlite::memory:', 'mysql://gw:hunter2@db/mail'])('store url %s', url => {
    expect(problemsOf(complete({ top: `[store]\nurl = "${url}"` }))).toEqual([expect.stringContaining('must be "sqlite:PATH" or "postgres://USER@')])
  })
})

describe('unknown keys', () => {
  test.each([
    ['hostnam = "x"', 'hostnam is an unknown key; did you mean "hostname"?'],
    ['log-level = "info"', 'log-level is an unknown key; did you mean "log_level"?'],
    ['[stor]\nurl = "sqlite:x"', 'stor is an unknown key; did you mean "store"?'],
    [
      '[metrics]\nx = 1',
      'metrics is an unknown key; valid here: hostname, data_dir, log_level, workers, drain_seconds, store, passwords, limits, certificate, listen, upstream, admin, portal',
    ],
    ['[store]\nlog_level = "info"', 'store.log_level is an unknown key; it belongs before the first section; valid here: url, outage_grace'],
    [
      '"a b" = 1',
      '"a b" is an unknown key; valid here: hostname, data_dir, log_level, workers, drain_seconds, store, passwords, limits, certificate, listen, upstream, admin, portal',
    ],
    [
      '__proto__ = 1',
      '__proto__ is an unknown key; valid here: hostname, data_dir, log_level, workers, drain_seconds, store, passwords, limits, certificate, listen, upstream, admin, portal',
    ],
    [
      'constructor = 1',
      'constructor is an unknown key; valid here: hostname, data_dir, log_level, workers, drain_seconds, store, passwords, limits, certificate, listen, upstream, admin, portal',
    ],
  ])('%s', (top, problem) => {
    expect(problemsOf(complete({ top }))).toEqual([problem])
  })

  test('in an inline table', () => {
    expect(problemsOf(complete().replace('address = "imap.internal:993"', 'adress = "imap.internal:993"'))).toEqual([
      'upstream[0].imap.adress (in the first [[upstream]]) is an unknown key; did you mean "address"?',
    ])
  })

  test('a misspelled key is not reported as missing too', () => {
    expect(problemsOf(complete().replace('tls = "implicit"\n', 'tsl = "implicit"\n'))).toEqual([
      'listen[0].tsl (in the first [[listen]]) is an unknown key; did you mean "tls"?',
    ])
  })
})

describe('across sections', () => {
  const SECOND_UPSTREAM = '[[upstream]]\nname = "other"\nimap = { address = "b:1", tls = "none" }\n'

  test.each([
    ['no certificate', complete().replace(/\[\[certificate\]\][^[]*/, ''), 'certificate is missing; there must be at least one section [[certificate]]'],
    ['no listener', complete().replace(/\[\[listen\]\][^[]*/, ''), 'listen is missing; there must be at least one section [[listen]]'],
    ['no upstream', complete().replace(/\[\[upstream\]\][\s\S]*/, ''), 'upstream is missing; there must be at least one section [[upstream]]'],
    ['one bracket', complete().replace('[[listen]]', '[listen]'), 'listen must be a section of which there can be several: write [[listen]] with two brackets'],
    ['two brackets', complete({ extra: '[[admin]]\naddress = "127.0.0.1:1"' }), 'admin must be one section: write [admin] instead of [[admin]]'],
    ['no section', complete({ top: 'portal = "127.0.0.1:1"' }), 'portal must be a section: write [portal] and its keys below it'],
    [
      'an address twice',
      complete({ listen: '[[listen]]\nprotocol = "imap"\naddress = "0.0.0.0:993"\ntls = "starttls"' }),
      'listen[1].address (in the second [[listen]]) is "0.0.0.0:993", which listen[0].address has already',
    ],
    [
      'an address twice, in another section',
      complete({ extra: '[admin]\naddress = "0.0.0.0:993"' }),
      'admin.address is "0.0.0.0:993", which listen[0].address has already',
    ],
    [
      'a name twice',
      complete({ extra: SECOND_UPSTREAM.replace('other', 'main') }),
      'upstream[1].name (in the second [[upstream]]) is "main", which upstream[0].name has already; each upstream needs a name of its own',
    ],
    [
      'a domain twice',
      complete({ upstream: 'domains = ["example.com"]', extra: `${SECOND_UPSTREAM}domains = ["b.example", "Example.COM"]` }),
      'upstream[1].domains[1] (in the second [[upstream]]) is "example.com", which upstream[0].domains[0] has already; new mailboxes of a domain go to one upstream',
    ],
    [
      'a certificate twice',
      complete({ top: '[[certificate]]\ncert = "fullchain.pem"\nkey = "privkey.pem"' }),
      'certificate[1].cert (in the second [[certificate]]) is "fullchain.pem", which certificate[0].cert has already',
    ],
    [
      'an upstream without a server',
      complete({ extra: '[[upstream]]\nname = "empty"' }),
      'upstream[1] (in the second [[upstream]]) has neither "imap" nor "submission"; it needs one of them, such as imap = { address = "imap.internal:993", tls = "implicit" }',
    ],
    [
      'a protocol that no upstream speaks',
      complete({ listen: '[[listen]]\nprotocol = "submission"\naddress = "0.0.0.0:587"\ntls = "starttls"' }),
      'listen[1].protocol (in the second [[listen]]) is "submission", but no [[upstream]] has "submission"',
    ],
  ])('%s', (_, text, problem) => {
    expect(problemsOf(text)).toEqual([problem])
  })

  test.each([
    ['{ method = "master" }', ['user (in the first [[upstream]]) is missing', 'secret_file', 'style']],
    [
      '{ method = "master", user = "gw", secret_file = "s", style = "suffix" }',
      ['separator (in the first [[upstream]]) is missing; style = "suffix" needs it'],
    ],
    [
      '{ method = "master", user = "gw", secret_file = "s", style = "authzid", separator = "*" }',
      ['separator (in the first [[upstream]]) is only for style = "suffix"'],
    ],
    [
      '{ method = "master", user = "gw", secret_file = "s", style = "suffix", separator = "a" }',
      ['separator (in the first [[upstream]]) is "a", but must be one to eight'],
    ],
    ['{ user = "gw" }', ['user (in the first [[upstream]]) is only for method = "master"']],
  ])('auth = %s', (auth, expected) => {
    const problems = problemsOf(complete({ upstream: `auth = ${auth}` }))
    expect(problems).toEqual(expected.map(part => expect.stringContaining(`upstream[0].auth.${part}`)))
  })
})

test('all problems are reported at once, in one message that names the file', () => {
  const text = `
hostnam = "mail.example.com"
[store]
url = "postgres://host/db"
[[certificate]]
cert = "a.pem"
[[listen]]
protocol = "imap"
address = "0.0.0.0:993"
tls = "implict"
[[listen]]
protocol = "imap"
address = "0.0.0.0:993"
tls = "implicit"
[[upstream]]
name = "main"
imap = "imap.internal"
[[upstream]]
name = "main"
imap = { address = "b:1", tls = "none" }
`
  expect(problemsOf(text).map(line => line.split(' ')[0])).toEqual([
    'hostnam',
    'store.url',
    'certificate[0].key',
    'listen[0].tls',
    'upstream[0].imap',
    'listen[1].address',
    'upstream[1].name',
  ])
  expect(errorOf(() => parse(text)).message).toContain(`${FILE} has 7 problems:`)
})

test('what is not TOML is told with line and column', () => {
  const error = errorOf(() => parse('hostname = "mail.example.com"\n[[listen]]\naddress = 0.0.0.0:993\n'))
  expect(error).toMatchObject({ code: 'CONFIG_INVALID' })
  expect(error.message).toMatch(/^\/etc\/mailwicket\/mailwicket\.toml is not TOML: line 3, column \d+: /)
})
