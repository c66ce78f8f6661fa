import { describe, expect, test } from 'vitest'
import { formatPostgresUrl, type PostgresConfig, parseStoreUrl } from './store-url.ts'

function parsePostgres(text: string): PostgresConfig {
  const url = parseStoreUrl(text)
  if (!('postgres' in url)) throw new Error('no PostgreSQL')
  return url.postgres
}

describe('a URL of PostgreSQL', () => {
  test.each<[string, Partial<PostgresConfig>]>([
    ['postgres://gw@db/mail', { hosts: [{ host: 'db', port: 5432 }], user: 'gw', database: 'mail', password: undefined, mustWrite: false }],
    ['postgresql://g%40w:p%3Aw%2F@db:6432/ma%20il', { hosts: [{ host: 'db', port: 6432 }], user: 'g@w', password: 'p:w/', database: 'ma il' }],
    ['postgres:///mail?host=/run/postgresql&user=gw', { hosts: [{ host: '/run/postgresql', port: 5432 }], user: 'gw', database: 'mail' }],
    ['postgres://gw@%2Frun%2Fpostgresql/mail', { hosts: [{ host: '/run/postgresql', port: 5432 }] }],
    [
      'postgres://gw@[::1]:5433,db2/mail',
      {
        hosts: [
          { host: '::1', port: 5433 },
          { host: 'db2', port: 5432 },
        ],
        mustWrite: true,
      },
    ],
    ['postgres://gw@a,b/mail?target_session_attrs=any', { mustWrite: false }],
    ['postgres://gw@a/mail?target_session_attrs=primary', { mustWrite: true }],
  ])('%s', (text, expected) => {
    expect(parsePostgres(text)).toMatchObject(expected)
  })

  test.each([
    ['postgres://gw@db/mail', 'verify-full'],
    ['postgres://gw@192.0.2.7/mail', 'verify-full'],
    ['postgres://gw@127.0.0.1,db/mail', 'verify-full'],
    ['postgres://gw@127.0.0.1/mail', 'disable'],
    ['postgres://gw@[::1]/mail', 'disable'],
    ['postgres://gw@localhost/mail', 'disable'],
    ['postgres:///mail?host=/run/postgresql&user=gw', 'disable'],
    ['postgres://gw@localhost/mail?sslmode=require', 'require'],
    ['postgres://gw@db/mail?sslmode=disable', 'disable'],
  ])('without a word about TLS, what leaves the machine has it, with the name verified: %s', (text, mode) => {
    expect(parsePostgres(text).tls.mode).toBe(mode)
  })

  test('takes files for TLS', () => {
    const { tls } = parsePostgres('postgres://gw@db/mail?sslmode=verify-ca&sslrootcert=ca.pem&sslcert=gw.pem&sslkey=/etc/gw.key')
    expect(tls).toEqual({ mode: 'verify-ca', ca: 'ca.pem', cert: 'gw.pem', key: '/etc/gw.key' })
  })

  test.each([
    ['postgres://db/mail', 'must name the user'],
    ['postgres://gw@db', 'must name the database'],
    ['postgres://gw@/mail', 'must name the host'],
    ['postgres://gw@db:0/mail', 'has a host that cannot be read'],
    ['postgres://gw@db:99999/mail', 'has a host that cannot be read'],
    ['postgres://gw@a,,b/mail', 'has a host that cannot be read'],
    ['postgres://gw:hunter2@db/mail?sslmode=prefer', 'goes on without TLS'],
    ['postgres://gw:hunter2@db/mail?sslmode=yes', 'must have sslmode='],
    ['postgres://gw:hunter2@db/mail?sslcert=a.pem', 'sslcert and sslkey together'],
    ['postgres://gw:hunter2@db/mail?options=-c', 'a parameter that is not known'],
    ['postgres://gw:hunter2@db/mail?target_session_attrs=standby', 'must have target_session_attrs='],
    ['postgres://gw:hunter%2@db/mail', 'write %25'],
    ['postgres:gw', 'must be "sqlite:PATH" or'],
  ])('%s is refused, and what is said holds no password', (text, reason) => {
    expect(() => parseStoreUrl(text)).toThrow(reason)
    expect(() => parseStoreUrl(text)).not.toThrow(/hunter/)
  })

  test.each(['postgres://gw@db:5432/mail', 'postgres://gw@[::1]:5433,db2:5432/mail', 'postgres://gw@/mail?host=/run/postgresql'])('is shown as %s', text => {
    expect(formatPostgresUrl(parsePostgres(text.replace('gw@', 'gw:hunter2@')))).toBe(text)
  })
})
