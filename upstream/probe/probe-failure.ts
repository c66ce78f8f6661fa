/**
 * What both probes make of a server that cannot be used: its words made safe to show, and what to do about it.
 */
import type { UpstreamTls } from '../../config/config.ts'

/** Of the server's words, what one line of a message can hold. */
const MAX_WORDS = 200

const HEADER_ADVICE =
  'Its [[upstream]] says forward_client = "proxy": the port must expect a PROXY header, and the server must take it from this machine (Dovecot: haproxy = yes in the inet_listener and haproxy_trusted_networks; Postfix: smtpd_upstream_proxy_protocol = haproxy).'

export interface ProbeFailure {
  /** The system's or TLS's own code, '' when there was none. */
  readonly code: string
  readonly message: string
}

/** `tlsPort`: where servers of the protocol mostly speak TLS from the first byte. */
export function adviceFor(
  { code, message }: ProbeFailure,
  { host, tls, tlsPort, wantsHeader }: { readonly host: string; readonly tls: UpstreamTls; readonly tlsPort: number; readonly wantsHeader?: boolean },
): string {
  if (/ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|CONNECT_TIMEOUT|ETIMEDOUT/.test(code))
    return 'Check address and port, and that a firewall lets this machine through.'
  if (/ENOTFOUND|EAI_AGAIN/.test(code)) return `The name ${host} was not found in DNS: check its spelling and this machine's resolver.`
  if (/SELF_SIGNED|UNABLE_TO_|CERT_UNTRUSTED|SIGNATURE/.test(code))
    return 'Its certificate is not from an authority this machine trusts: name the authority with `ca = "file.pem"` in its [[upstream]].'
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') return 'Its certificate is for another name: give that name as the address in [[upstream]].'
  if (code === 'CERT_HAS_EXPIRED') return 'Its certificate has expired: renew it at the upstream.'
  // Connected, and its certificate was not reached: what follows is mostly what comes of a header that was not expected.
  if (wantsHeader === true) return HEADER_ADVICE
  if (/STARTTLS/i.test(message) || /STARTTLS/.test(code))
    return `It offers no STARTTLS on this port. Use its TLS port (mostly ${tlsPort}) with tls = "implicit".`
  if (/WRONG_VERSION_NUMBER|ERR_SSL/.test(code) && tls === 'implicit')
    return `It does not speak TLS on this port. Use its TLS port (mostly ${tlsPort}), or tls = "starttls".`
  return 'Check address, port and tls in its [[upstream]].'
}

/** One line of foreign text: cut, and without control characters. */
export function quote(text: string): string {
  const line = text
    .replace(/\p{Cc}+/gu, ' ')
    // Node's advice is for somebody who runs Node.
    .replace(/; if the root CA is installed locally.*$/, '')
    .trim()
  return line.length > MAX_WORDS ? `${line.slice(0, MAX_WORDS)}…` : line
}
