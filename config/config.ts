/**
 * The configuration as the program sees it: checked, defaults filled in, paths absolute.
 * How the file is written: docs/configuration.md, generated from `config-table.ts`.
 */
import type { LogLevel } from '../base/log.ts'
import type { Endpoint } from '../base/network.ts'
import type { PostgresConfig } from './store-url.ts'

export type Protocol = 'imap' | 'submission'
/** Oldest version of TLS. */
export type MinTls = '1.0' | '1.1' | '1.2' | '1.3'
export type ListenTls = 'implicit' | 'starttls'
export type UpstreamTls = 'implicit' | 'starttls' | 'none'
export type PortalTls = 'implicit' | 'none'
/** Who must have a second step to sign in to the portal. */
export type SecondFactorPolicy = 'managers' | 'everyone' | 'optional'
/** Where to tell the upstream the address of the real client. */
export type ForwardClient = 'none' | 'id' | 'xclient' | 'id+xclient' | 'proxy' | 'proxy-v1'

export interface ListenConfig extends Endpoint {
  readonly protocol: Protocol
  readonly tls: ListenTls
  /** Networks (CIDR) from which a PROXY header is demanded; undefined: none is accepted. */
  readonly proxyProtocolFrom: readonly string[] | undefined
  readonly minTls: MinTls
}

export interface UpstreamEndpoint extends Endpoint {
  readonly tls: UpstreamTls
}

export type UpstreamAuth =
  | { readonly method: 'stored' }
  | { readonly method: 'master'; readonly style: 'authzid'; readonly user: string; readonly secretFile: string }
  | { readonly method: 'master'; readonly style: 'suffix'; readonly separator: string; readonly user: string; readonly secretFile: string }

export interface UpstreamConfig {
  readonly name: string
  readonly domains: readonly string[]
  readonly imap: UpstreamEndpoint | undefined
  readonly submission: UpstreamEndpoint | undefined
  /** Absolute path of a PEM file with the only authorities to trust; undefined: the system's. */
  readonly ca: string | undefined
  readonly minTls: MinTls
  readonly auth: UpstreamAuth
  readonly forwardClient: ForwardClient
  /** Sessions of one mailbox there at a time. */
  readonly sessionsPerMailbox: number
  /** Accept an upstream that offers UNAUTHENTICATE (RFC 8437). */
  readonly allowUnauthenticate: boolean
}

export interface CertificateFiles {
  readonly cert: string
  readonly key: string
}

export interface PortalMailConfig {
  readonly server: UpstreamEndpoint
  readonly from: string
  readonly user: string | undefined
  readonly secretFile: string | undefined
  readonly ca: string | undefined
}

export interface PortalConfig extends Endpoint {
  /** Its origin, as people type it: scheme, host and port. */
  readonly url: string
  readonly tls: PortalTls
  /** Networks (CIDR) of reverse proxies. */
  readonly trustedProxies: readonly string[]
  readonly secondFactor: SecondFactorPolicy
  readonly profileCertificate: CertificateFiles | undefined
  readonly mail: PortalMailConfig | undefined
}

/** `url` is how messages call it: without a password. */
export type StoreConfig =
  | { readonly url: string; readonly sqlitePath: string; readonly postgres?: undefined }
  | { readonly url: string; readonly postgres: PostgresConfig; readonly sqlitePath?: undefined }

/** How messages call the store: a path, or an address without a password. */
export function placeOf(store: StoreConfig): string {
  return store.sqlitePath ?? store.url
}

export interface Config {
  /** Absolute path of the file it came from. */
  readonly path: string
  readonly hostname: string
  readonly dataDir: string
  readonly logLevel: LogLevel
  /** Processes that serve mail; `auto`: one a core. */
  readonly workers: 'auto' | number
  /** How long a stop may take to let sessions go; 0: all at once. */
  readonly drainSeconds: number
  /** Policy: devices may only have generated app passwords. */
  readonly generatedOnly: boolean
  /** Networks (CIDR) that are not limited as address blocks. */
  readonly trustedFrom: readonly string[]
  /** Sessions of one device at a time. */
  readonly sessionsPerDevice: number
  readonly store: StoreConfig
  /** How long after a login its device is let in again while the database is away; undefined: not at all. */
  readonly outageGraceMs: number | undefined
  readonly certificates: readonly CertificateFiles[]
  readonly listen: readonly ListenConfig[]
  readonly upstreams: readonly UpstreamConfig[]
  readonly admin: Endpoint | undefined
  readonly portal: PortalConfig | undefined
}
