/**
 * Text of `mailwicket.toml` to a checked `Config`: TOML (smol-toml), each section against its table (zod), then the
 * checks across sections. Never stops at the first problem: a section that is wrong does not keep others from being checked.
 */
import { dirname, resolve } from 'node:path'
import { parse, TomlError } from 'smol-toml'
import * as z from 'zod/mini'
import { MailwicketError } from '../base/errors.ts'
import type { Config, PortalConfig, StoreConfig, UpstreamAuth, UpstreamConfig } from './config.ts'
import { checkTogether, isLoopback, type Sections } from './config-checks.ts'
import { type Keys, strictSchemaOf, type ValuesOf } from './config-kinds.ts'
import { configInvalid, type Problem, problemsOf } from './config-problems.ts'
import {
  ADMIN_KEYS,
  CERTIFICATE_KEYS,
  LIMITS_KEYS,
  LISTEN_KEYS,
  PASSWORDS_KEYS,
  PORTAL_KEYS,
  SECTION_NAMES,
  STORE_KEYS,
  TOP_KEYS,
  type UPSTREAM_AUTH_KEYS,
  UPSTREAM_KEYS,
} from './config-table.ts'
import { formatPostgresUrl, type StoreUrl } from './store-url.ts'

type Document = Readonly<Record<string, unknown>>

/** Sections in which no key was wrong. */
type Complete<Part> = {
  readonly [Name in keyof Part]: Part[Name] extends readonly (infer One)[]
    ? readonly Required<One>[]
    : Required<Exclude<Part[Name], undefined>> | Extract<Part[Name], undefined>
}

/** `path` is absolute: it names the file in messages, and relative paths in the file start at its directory. Throws CONFIG_INVALID. */
export function parseConfig(text: string, path: string): Config {
  const document = parseToml(text, path)
  const problems: Problem[] = []
  const sections = readSections(document, problems)
  problems.push(...checkTogether(sections, problems))
  if (problems.length > 0) throw configInvalid(path, problems)
  return assemble(sections as Complete<Sections>, path)
}

function parseToml(text: string, path: string): Document {
  try {
    return parse(text.replace(/^\uFEFF/, ''))
  } catch (error) {
    if (!(error instanceof TomlError)) throw error
    const reason = error.message.split('\n')[0]?.replace(/^Invalid TOML document: /, '')
    throw new MailwicketError('CONFIG_INVALID', {
      message: `${path} is not TOML: line ${error.line}, column ${error.column}: ${reason}\n\n${error.codeblock.trimEnd()}`,
      remedy: 'Correct the line; text values need quotes, as in hostname = "mail.example.com".',
      cause: error,
    })
  }
}

function readSections(document: Document, problems: Problem[]): Sections {
  const isTable = (value: unknown): value is Document => typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date)

  /** The values that are right; what is wrong goes to `problems`. */
  function readOne<SomeKeys extends Keys>(value: Document, prefix: string, keys: SomeKeys, otherNames: readonly string[] = []): Partial<ValuesOf<SomeKeys>> {
    const result = z.safeParse(strictSchemaOf(keys), value)
    if (result.success) return result.data
    problems.push(...problemsOf(result.error.issues, value, { prefix, keys, otherNames }))
    const right = Object.entries(keys).flatMap(([name, key]) => {
      const one = z.safeParse(key.schema, value[name])
      return one.success ? [[name, one.data]] : []
    })
    return Object.fromEntries(right)
  }

  function readSingle<SomeKeys extends Keys>(name: string, keys: SomeKeys): Partial<ValuesOf<SomeKeys>> | undefined {
    const value = document[name]
    if (value === undefined) return undefined
    if (isTable(value)) return readOne(value, name, keys)
    const text = Array.isArray(value)
      ? `must be one section: write [${name}] instead of [[${name}]]`
      : `must be a section: write [${name}] and its keys below it`
    problems.push({ key: name, text })
    return undefined
  }

  function readMany<SomeKeys extends Keys>(name: string, keys: SomeKeys): Partial<ValuesOf<SomeKeys>>[] {
    const value = document[name]
    if (Array.isArray(value) && value.length > 0 && value.every(isTable)) return value.map((section, index) => readOne(section, `${name}[${index}]`, keys))
    if (value === undefined) problems.push({ key: name, text: `is missing; there must be at least one section [[${name}]]` })
    else problems.push({ key: name, text: `must be a section of which there can be several: write [[${name}]] with two brackets` })
    return isTable(value) ? [readOne(value, name, keys)] : []
  }

  const outsideSections = Object.fromEntries(Object.entries(document).filter(([name]) => !SECTION_NAMES.includes(name)))
  return {
    top: readOne(outsideSections, '', TOP_KEYS, SECTION_NAMES),
    store: readSingle('store', STORE_KEYS),
    passwords: readSingle('passwords', PASSWORDS_KEYS),
    limits: readSingle('limits', LIMITS_KEYS) ?? readOne({}, 'limits', LIMITS_KEYS),
    certificates: readMany('certificate', CERTIFICATE_KEYS),
    listen: readMany('listen', LISTEN_KEYS),
    upstreams: readMany('upstream', UPSTREAM_KEYS),
    admin: readSingle('admin', ADMIN_KEYS),
    portal: readSingle('portal', PORTAL_KEYS),
  }
}

function assemble({ top, store, passwords, limits, certificates, listen, upstreams, admin, portal }: Complete<Sections>, path: string): Config {
  const absolute = (file: string) => resolve(dirname(path), file)
  const dataDir = absolute(top.data_dir)
  return {
    path,
    hostname: top.hostname,
    dataDir,
    logLevel: top.log_level,
    drainSeconds: top.drain_seconds,
    workers: top.workers,
    generatedOnly: passwords?.generated_only ?? false,
    trustedFrom: limits.trusted_from ?? [],
    sessionsPerDevice: limits.sessions_per_device,
    outageGraceMs: store?.outage_grace,
    store: placeStore(store?.url ?? { sqlitePath: resolve(dataDir, 'mailwicket.db') }, absolute),
    certificates: certificates.map(({ cert, key }) => ({ cert: absolute(cert), key: absolute(key) })),
    listen: listen.map(({ address, protocol, tls, min_tls, proxy_protocol_from }) => ({
      ...address,
      protocol,
      tls,
      minTls: min_tls,
      proxyProtocolFrom: proxy_protocol_from,
    })),
    upstreams: upstreams.map(upstream => assembleUpstream(upstream, absolute)),
    admin: admin?.address,
    portal: portal === undefined ? undefined : assemblePortal(portal, absolute),
  }
}

function assemblePortal(portal: ValuesOf<typeof PORTAL_KEYS>, absolute: (file: string) => string): PortalConfig {
  const { address, url, tls, trusted_proxies, second_factor, profile_certificate, mail } = portal
  return {
    ...address,
    url,
    tls: tls ?? (isLoopback(address) ? 'none' : 'implicit'),
    trustedProxies: trusted_proxies ?? [],
    secondFactor: second_factor,
    profileCertificate: profile_certificate && { cert: absolute(profile_certificate.cert), key: absolute(profile_certificate.key) },
    mail: mail && {
      server: { ...mail.address, tls: mail.tls },
      from: mail.from,
      user: mail.user,
      secretFile: mail.secret_file === undefined ? undefined : absolute(mail.secret_file),
      ca: mail.ca === undefined ? undefined : absolute(mail.ca),
    },
  }
}

export function placeStore(url: StoreUrl, absolute: (file: string) => string): StoreConfig {
  if ('sqlitePath' in url) {
    const sqlitePath = absolute(url.sqlitePath)
    return { url: `sqlite:${sqlitePath}`, sqlitePath }
  }
  const file = (path: string | undefined) => (path === undefined ? undefined : absolute(path))
  const { mode, ca, cert, key } = url.postgres.tls
  return { url: formatPostgresUrl(url.postgres), postgres: { ...url.postgres, tls: { mode, ca: file(ca), cert: file(cert), key: file(key) } } }
}

function assembleUpstream(upstream: ValuesOf<typeof UPSTREAM_KEYS>, absolute: (file: string) => string): UpstreamConfig {
  return {
    name: upstream.name,
    domains: upstream.domains,
    imap: upstream.imap === undefined ? undefined : { ...upstream.imap.address, tls: upstream.imap.tls },
    submission: upstream.submission === undefined ? undefined : { ...upstream.submission.address, tls: upstream.submission.tls },
    ca: upstream.ca === undefined ? undefined : absolute(upstream.ca),
    minTls: upstream.min_tls,
    auth: assembleAuth(upstream.auth, absolute),
    forwardClient: upstream.forward_client,
    sessionsPerMailbox: upstream.sessions_per_mailbox ?? Number.POSITIVE_INFINITY,
    allowUnauthenticate: upstream.allow_unauthenticate,
  }
}

function assembleAuth(auth: ValuesOf<typeof UPSTREAM_AUTH_KEYS> | undefined, absolute: (file: string) => string): UpstreamAuth {
  if (auth?.method !== 'master') return { method: 'stored' }
  const { user = '', secret_file = '', style = 'authzid', separator = '' } = auth
  const base = { method: 'master', user, secretFile: absolute(secret_file) } as const
  return style === 'authzid' ? { ...base, style } : { ...base, style, separator }
}
