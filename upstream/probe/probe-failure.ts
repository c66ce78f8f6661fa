/**
 * What the probes make of a server at which a login fails: where it was, its words, and what to do about it.
 */
import { MailwicketError } from '../../base/errors.ts'
import { formatEndpoint } from '../../base/network.ts'
import { codeOf } from '../connection-words.ts'
import { UpstreamFailure } from '../upstream-failure.ts'
import type { UpstreamLogin } from '../upstream-login.ts'
import type { ProbeTarget } from './probe-target.ts'

const HEADER_ADVICE =
  'Its [[upstream]] says forward_client = "proxy" or "proxy-v1": the port must expect a PROXY header of that version, and the server must take it from this machine (Dovecot: haproxy = yes in the inet_listener and haproxy_trusted_networks; Postfix: smtpd_upstream_proxy_protocol = haproxy; Haraka: "proxy-v1").'

const SUBMISSION_ADVICE = 'Give the address of its submission service (mostly port 587 or 465): there apps log in before they send.'

/** Where servers of the protocol mostly speak TLS from the first byte. */
const TLS_PORTS = { imap: 993, submission: 465 } as const

/** Throws what is neither a failure of the upstream nor of our files. */
export function asProbeError(error: unknown, protocol: 'imap' | 'submission', target: ProbeTarget, login: UpstreamLogin | undefined): MailwicketError {
  if (error instanceof MailwicketError) return error
  if (!(error instanceof UpstreamFailure)) throw error
  const where = formatEndpoint(target)
  if (error.reason === 'refused-us' && login !== undefined) {
    const name = login.authzid === '' ? login.user : `${login.user} for ${login.authzid}`
    return new MailwicketError('UPSTREAM_LOGIN_FAILED', {
      message: `${where} refused the login of ${name}: ${error.detail}`,
      remedy: 'Check login and secret; the words are the server’s own.',
      cause: error,
    })
  }
  return new MailwicketError('UPSTREAM_LOGIN_FAILED', {
    message: `${where} cannot be used: ${error.detail}`,
    remedy: adviceFor(error, protocol, target),
    cause: error,
  })
}

function adviceFor({ reason, cause }: UpstreamFailure, protocol: 'imap' | 'submission', { host, tls, proxyHeader }: ProbeTarget): string {
  const code = codeOf(cause)
  const tlsPort = TLS_PORTS[protocol]
  if (reason === 'unreachable' && /ENOTFOUND|EAI_AGAIN/.test(code))
    return `The name ${host} was not found in DNS: check its spelling and this machine's resolver.`
  if (reason === 'unreachable') return 'Check address and port, and that a firewall lets this machine through.'
  if (/SELF_SIGNED|UNABLE_TO_|CERT_UNTRUSTED|CERT_SIGNATURE/.test(code))
    return 'Its certificate is not from an authority this machine trusts: name the authority with `ca = "file.pem"` in its [[upstream]].'
  if (/CERT_ALTNAME/.test(code)) return 'Its certificate is for another name: give that name as the address in [[upstream]].'
  if (code === 'CERT_HAS_EXPIRED') return 'Its certificate has expired: renew it at the upstream.'
  if (/UNSUPPORTED_PROTOCOL|PROTOCOL_VERSION|NO_PROTOCOLS_AVAILABLE|VERSION_TOO_LOW/.test(code))
    return 'Let the server speak TLS 1.2; if it cannot, and the line to it is your own, set min_tls = "1.0" in its [[upstream]].'
  // Connected, and its certificate was not reached: what follows is mostly what comes of a header that was not expected.
  if (reason === 'proxy-refused' || (proxyHeader !== undefined && reason === 'closed')) return HEADER_ADVICE
  if (reason === 'tls-failed' && tls === 'implicit') return `It does not speak TLS on this port. Use its TLS port (mostly ${tlsPort}), or tls = "starttls".`
  return ADVICE[reason]?.(protocol, tlsPort) ?? 'Check address, port and tls in its [[upstream]].'
}

const ADVICE: Partial<Record<UpstreamFailure['reason'], (protocol: 'imap' | 'submission', tlsPort: number) => string>> = {
  'starttls-refused': (_, tlsPort) => `It offers no STARTTLS on this port. Use its TLS port (mostly ${tlsPort}) with tls = "implicit".`,
  'no-mechanism': protocol =>
    protocol === 'submission' ? SUBMISSION_ADVICE : 'Does it want TLS first? Check tls in its [[upstream]]; a master user in authzid style needs AUTH=PLAIN.',
  'says-unavailable': () => 'The words are the server’s own: it may be at its limit or in repair. Try again later.',
  'refused-us': () => 'Check login and secret; the words are the server’s own.',
  'offers-unauthenticate': () => 'Turn UNAUTHENTICATE off at the upstream, or accept it with allow_unauthenticate = true in its [[upstream]].',
  'refused-xclient': () => 'Name this machine in its smtpd_authorized_xclient_hosts (Postfix), or set forward_client = "none".',
}
