/**
 * The frame of every probe: the gateway's own deadline, and its failures told in words.
 */
import { UpstreamDialler } from '../upstream-dialler.ts'
import { UpstreamFailure } from '../upstream-failure.ts'
import { UPSTREAM_LIMITS } from '../upstream-limits.ts'
import type { UpstreamLogin } from '../upstream-login.ts'
import { asProbeError } from './probe-failure.ts'
import type { ProbeTarget } from './probe-target.ts'

/** Throws UPSTREAM_LOGIN_FAILED with the server's own words; CERTIFICATE_INVALID when `ca` cannot be read. */
export async function tryAt<Facts>(
  protocol: 'imap' | 'submission',
  target: ProbeTarget,
  login: UpstreamLogin | undefined,
  attempt: (dialler: UpstreamDialler, signal: AbortSignal) => Promise<Facts>,
): Promise<Facts> {
  const controller = new AbortController()
  const { loginMs } = UPSTREAM_LIMITS
  const timer = setTimeout(() => controller.abort(new UpstreamFailure('timeout', `no login within ${loginMs / 1000} s`)), loginMs)
  try {
    return await attempt(new UpstreamDialler({ host: target.host, port: target.port, tls: target.tls }, target.trust), controller.signal)
  } catch (error) {
    throw asProbeError(error, protocol, target, login)
  } finally {
    clearTimeout(timer)
  }
}
