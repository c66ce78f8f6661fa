/**
 * What the system and OpenSSL say of a connection that did not come up, in words for a person: for the log and for `check`.
 */

/** Codes of Node (system, resolver, OpenSSL, certificate verification) → words. */
const WORDS: readonly (readonly [RegExp, string])[] = [
  [/^ECONNREFUSED$/, 'nobody listens on this port'],
  [/^(ETIMEDOUT|CONNECT_TIMEOUT)$/, 'it does not answer'],
  [/^(EHOSTUNREACH|ENETUNREACH|EADDRNOTAVAIL)$/, 'there is no route to it'],
  [/^ENOTFOUND$/, 'its name was not found in DNS'],
  [/^EAI_AGAIN$/, 'the name server does not answer'],
  [/^(ECONNRESET|EPIPE)$/, 'it broke the connection off'],
  [/^CERT_HAS_EXPIRED$/, 'its certificate has expired'],
  [/^CERT_NOT_YET_VALID$/, 'its certificate is not valid yet'],
  [/^CERT_REVOKED$/, 'its certificate is revoked'],
  [/^ERR_TLS_CERT_ALTNAME_(INVALID|FORMAT)$/, 'its certificate is for another name'],
  [/^(DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN)$/, 'its certificate is signed by itself, not by an authority this machine trusts'],
  [/^(UNABLE_TO_|CERT_UNTRUSTED|CERT_SIGNATURE|INVALID_CA)/, 'its certificate is not from an authority this machine trusts'],
  [/(WRONG_VERSION_NUMBER|HTTP_REQUEST|PACKET_LENGTH_TOO_LONG|RECORD_LAYER_FAILURE|BAD_RECORD_TYPE|INVALID_RECORD)/, 'it does not speak TLS on this port'],
  [/(UNSUPPORTED_PROTOCOL|PROTOCOL_VERSION|NO_PROTOCOLS_AVAILABLE|VERSION_TOO_LOW)/, 'it speaks only a TLS version older than min_tls allows'],
  [/(HANDSHAKE_FAILURE|NO_SHARED_CIPHER|NO_CIPHERS?_|NO_SHARED_)/, 'it has no cipher or key exchange in common with this machine'],
  [/(DH_KEY_TOO_SMALL|EE_KEY_TOO_SMALL|CA_KEY_TOO_SMALL|BAD_DH)/, 'its key or its Diffie-Hellman group is too short to be safe'],
  [/(MD_TOO_WEAK|LEGACY_SIGALG|NO_SUITABLE_SIGNATURE|WRONG_SIGNATURE_TYPE)/, 'its signature is of a kind that is not safe any more'],
  [/UNSAFE_LEGACY_RENEGOTIATION/, 'its TLS is of a kind that is not safe any more (no secure renegotiation)'],
  [/(CERTIFICATE_REQUIRED|HANDSHAKE_FAILURE_ON_CLIENT_HELLO)/, 'it wants a certificate of ours'],
  [/UNRECOGNIZED_NAME/, 'it knows no server of this name'],
  [/^(ERR_SSL|ERR_OSSL|EPROTO)/, 'the TLS handshake failed'],
]

interface CodedError extends Error {
  readonly code?: string
  readonly library?: string
  readonly reason?: string
}

/** The code that tells most, '' when there is none; of several tries (one an address) that of the last. */
export function codeOf(error: unknown): string {
  const coded = error as CodedError & { readonly errors?: readonly unknown[] }
  const code = coded?.code ?? ''
  // Node keeps the name of OpenSSL's reason apart from a bare EPROTO.
  if ((code === '' || code === 'EPROTO') && typeof coded?.reason === 'string') return `ERR_SSL_${coded.reason.toUpperCase().replaceAll(' ', '_')}`
  if (code === '' && coded?.errors !== undefined) return codeOf(coded.errors.at(-1))
  if (code === 'EPROTO') return /:SSL routines:[^:]*:([^:\n]+)/.exec(coded.message)?.[1]?.toUpperCase().replaceAll(' ', '_') ?? code
  return code
}

/** SECURITY: never the message of OpenSSL or Node itself where there are words: it holds addresses of memory and files of a build. */
export function sayConnectionError(error: unknown): string {
  const code = codeOf(error)
  const words = WORDS.find(([pattern]) => pattern.test(code))?.[1]
  if (words !== undefined) return `${words} (${code})`
  return code === '' ? (error as Error).message : `the connection failed (${code})`
}
