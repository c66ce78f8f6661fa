/**
 * `[store] url`: `sqlite:PATH`, or `postgres://…` in the words of libpq (PostgreSQL manual, "Connection URIs"), as far as they make sense here.
 */
import { isInNetworks, parseCidr } from '../base/network.ts'

export interface PostgresHost {
  /** A name, an address, or the folder of a socket, which begins with a slash. */
  readonly host: string
  readonly port: number
}

export interface PostgresConfig {
  /** Tried in this order. */
  readonly hosts: readonly PostgresHost[]
  readonly database: string
  readonly user: string
  /** Undefined: what ~/.pgpass says, or none. */
  readonly password: string | undefined
  readonly tls: PostgresTls
  /** Whether a server that only reads (a standby) is passed over. */
  readonly mustWrite: boolean
}

/** `require` encrypts and believes whoever answers; `verify-full` also wants the name of the host in the certificate. */
export interface PostgresTls {
  readonly mode: 'disable' | 'require' | 'verify-ca' | 'verify-full'
  /** PEM files. */
  readonly ca: string | undefined
  readonly cert: string | undefined
  readonly key: string | undefined
}

export type StoreUrl = { readonly sqlitePath: string } | { readonly postgres: PostgresConfig }

const EXPECTED = '"sqlite:PATH" or "postgres://USER@HOST/DATABASE"'
const PARAMETERS = ['host', 'port', 'user', 'dbname', 'sslmode', 'sslrootcert', 'sslcert', 'sslkey', 'target_session_attrs']
const DEFAULT_PORT = 5432
const LOOPBACK = [parseCidr('127.0.0.0/8'), parseCidr('::1')]
const URI = /^postgres(?:ql)?:\/\/(?:(?<user>[^:@/?]*)(?::(?<password>[^@/?]*))?@)?(?<hosts>[^/?]*)(?:\/(?<database>[^/?]*))?(?:\?(?<parameters>.*))?$/i

/** Throws an Error that says what is expected; SECURITY: it does not quote the URL, which may hold a password. */
export function parseStoreUrl(text: string): StoreUrl {
  if (/^postgres(ql)?:/i.test(text)) return { postgres: parsePostgresUrl(text) }
  const file = /^sqlite:(?:\/\/(?=\/))?([^?]+)$/.exec(text)?.[1]
  if (file === undefined || file.startsWith('//') || file === ':memory:') throw new Error(`must be ${EXPECTED}, for example "sqlite:mailwicket.db"`)
  return { sqlitePath: file }
}

/** As messages show it: without the password. */
export function formatPostgresUrl({ hosts, database, user }: PostgresConfig): string {
  const isSocket = hosts.some(({ host }) => host.startsWith('/'))
  const list = hosts.map(({ host, port }) => (isSocket ? host : `${host.includes(':') ? `[${host}]` : host}:${port}`)).join(',')
  return isSocket ? `postgres://${user}@/${database}?host=${list}` : `postgres://${user}@${list}/${database}`
}

function parsePostgresUrl(text: string): PostgresConfig {
  const parts = URI.exec(text)?.groups
  if (parts === undefined) throw new Error(`must be ${EXPECTED}`)
  const parameters = parseParameters(parts['parameters'] ?? '')
  const hosts = parseHosts(parts['hosts'] || (parameters.get('host') ?? ''), parameters.get('port'))
  const user = decode(parts['user'] ?? '') || parameters.get('user') || ''
  if (user === '') throw new Error('must name the user: "postgres://USER@HOST/DATABASE"')
  const database = decode(parts['database'] ?? '') || parameters.get('dbname') || ''
  if (database === '') throw new Error('must name the database: "postgres://USER@HOST/DATABASE"')
  return {
    hosts,
    database,
    user,
    password: parts['password'] === undefined ? undefined : decode(parts['password']),
    tls: parseTls(parameters, hosts),
    mustWrite: parseMustWrite(parameters.get('target_session_attrs') ?? (hosts.length > 1 ? 'read-write' : 'any')),
  }
}

function parseParameters(text: string): Map<string, string> {
  const parameters = new Map<string, string>()
  for (const part of text === '' ? [] : text.split('&')) {
    const [name = '', value = ''] = part.split(/=(.*)/s)
    if (!PARAMETERS.includes(name)) throw new Error(`has a parameter that is not known; there are ${PARAMETERS.join(', ')}`)
    parameters.set(name, decode(value))
  }
  return parameters
}

function parseHosts(text: string, ports: string | undefined): PostgresHost[] {
  if (text === '') throw new Error('must name the host: "postgres://USER@HOST/DATABASE", or ?host= and the folder of a socket')
  const more = ports?.split(',') ?? []
  return text.split(',').map((part, at) => {
    const found = /^(?:\[(?<v6>[0-9a-f:.]+)\]|(?<name>[^:[\]]+))(?::(?<port>\d{1,5}))?$/i.exec(decode(part))?.groups
    const port = Number(found?.['port'] ?? more[at] ?? more[0] ?? DEFAULT_PORT)
    if (found === undefined || !(port >= 1 && port <= 65_535))
      throw new Error('has a host that cannot be read: write HOST or HOST:PORT, several with commas between')
    return { host: found['v6'] ?? found['name'] ?? '', port }
  })
}

function parseTls(parameters: ReadonlyMap<string, string>, hosts: readonly PostgresHost[]): PostgresTls {
  const mode = parameters.get('sslmode') ?? (hosts.every(isLocal) ? 'disable' : 'verify-full')
  if (mode === 'allow' || mode === 'prefer')
    throw new Error(`has sslmode=${mode}, which goes on without TLS when somebody in between wants that: take verify-full, or disable`)
  if (mode !== 'disable' && mode !== 'require' && mode !== 'verify-ca' && mode !== 'verify-full')
    throw new Error('must have sslmode=disable, require, verify-ca or verify-full')
  const [cert, key] = [parameters.get('sslcert'), parameters.get('sslkey')]
  if ((cert === undefined) !== (key === undefined)) throw new Error('must have sslcert and sslkey together')
  return { mode, ca: parameters.get('sslrootcert'), cert, key }
}

function isLocal({ host }: PostgresHost): boolean {
  return host.startsWith('/') || host === 'localhost' || isInNetworks(host, LOOPBACK)
}

function parseMustWrite(text: string): boolean {
  if (text === 'any') return false
  if (text === 'read-write' || text === 'primary') return true
  throw new Error('must have target_session_attrs=any, read-write or primary: everything that is kept is written too')
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw new Error('has a "%" that is not followed by two hexadecimal digits: write %25 for a percent sign')
  }
}
