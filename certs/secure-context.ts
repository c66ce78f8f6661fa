/**
 * The TLS settings of our listeners and towards upstreams: versions, cipher suites, session tickets.
 *
 * RFC 9325 §3.1.1, RFC 8996 §2: TLS 1.2 is the least; older versions only where the configuration asks for them.
 */
import { constants } from 'node:crypto'
import { createSecureContext, type SecureContext, type SecureVersion } from 'node:tls'
import type { MinTls } from '../config/config.ts'

const VERSIONS: Readonly<Record<MinTls, SecureVersion>> = { '1.0': 'TLSv1', '1.1': 'TLSv1.1', '1.2': 'TLSv1.2', '1.3': 'TLSv1.3' }

/** AES-128 before AES-256: as safe for this purpose and cheaper for every byte of mail. */
const TLS_1_3_SUITES = ['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256']

// RFC 9325 §4.2: with TLS 1.2 only suites with forward secrecy and authenticated encryption.
const TLS_1_2_SUITES = [
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
]

/** What devices of that time have, also in TLS 1.2: key exchange by RSA, CBC. OpenSSL allows the SHA-1 signatures of TLS 1.0 and 1.1 at security level 0 only. */
const OLD_SUITES = [
  'ECDHE-RSA-AES128-SHA256',
  'ECDHE-RSA-AES256-SHA384',
  'AES128-GCM-SHA256',
  'AES256-GCM-SHA384',
  'AES128-SHA256',
  'AES256-SHA256',
  'ECDHE-ECDSA-AES128-SHA',
  'ECDHE-RSA-AES128-SHA',
  'ECDHE-ECDSA-AES256-SHA',
  'ECDHE-RSA-AES256-SHA',
  'AES128-SHA',
  'AES256-SHA',
  '@SECLEVEL=0',
]

/** Phones look for mail every 15 minutes: OpenSSL's 5 minutes would let none of them resume. */
const TICKET_LIFETIME_SECONDS = 2 * 3600

const SECURE_OPTIONS =
  constants.SSL_OP_CIPHER_SERVER_PREFERENCE |
  // A client that puts ChaCha20 first has no AES in hardware.
  constants.SSL_OP_PRIORITIZE_CHACHA |
  // SECURITY: renegotiation costs the server far more than the client, and no mail app needs it.
  constants.SSL_OP_NO_RENEGOTIATION

export interface PemPair {
  readonly certPem: string
  readonly keyPem: string
}

/**
 * A context that offers the certificates, at most one of each kind of key. `ticketKeys` (48 bytes) are the same for all contexts of a process, else neither
 * a connection after STARTTLS nor one after a reload could resume a session. Throws what OpenSSL says.
 */
export function makeServerContext(pairs: readonly PemPair[], minTls: MinTls, ticketKeys: Buffer | undefined): SecureContext {
  const isOld = minTls === '1.0' || minTls === '1.1'
  return createSecureContext({
    cert: pairs.map(({ certPem }) => certPem),
    key: pairs.map(({ keyPem }) => keyPem),
    minVersion: VERSIONS[minTls],
    ciphers: [...TLS_1_3_SUITES, ...TLS_1_2_SUITES, ...(isOld ? OLD_SUITES : [])].join(':'),
    secureOptions: SECURE_OPTIONS,
    sessionTimeout: TICKET_LIFETIME_SECONDS,
    // A session is resumed only where it was made: the same words for all contexts.
    sessionIdContext: 'mailwicket',
    ...(ticketKeys === undefined ? {} : { ticketKeys }),
  })
}

export interface ClientTrust {
  /** PEM of the only authorities to trust; undefined: the system's. */
  readonly authorities: readonly Buffer[] | undefined
  readonly minTls: MinTls
  /** Trust exactly those certificates, also when none of them is an authority. */
  readonly isPinned: boolean
}

/** A context to connect to an upstream. Throws what OpenSSL says. */
export function makeClientContext({ authorities, minTls, isPinned }: ClientTrust): SecureContext {
  const isOld = minTls === '1.0' || minTls === '1.1'
  return createSecureContext({
    minVersion: VERSIONS[minTls],
    ...(authorities === undefined ? {} : { ca: [...authorities] }),
    ...(isPinned ? { allowPartialTrustChain: true } : {}),
    // OpenSSL allows the SHA-1 signatures of TLS 1.0 and 1.1 at security level 0 only; certificates are verified as ever.
    ...(isOld ? { ciphers: 'DEFAULT@SECLEVEL=0' } : {}),
  })
}
