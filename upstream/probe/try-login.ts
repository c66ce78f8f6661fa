/**
 * The frame of every probe: the gateway's own deadline, its failures told in words, and a goodbye.
 */
import type { Duplex } from 'node:stream'
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

/** How long a server may take to say goodbye. */
const GOODBYE_MS = 1_000

/** Goes as a good client does. */
export function leave(socket: Duplex, goodbye: string): void {
  socket.on('error', () => {})
  socket.resume()
  socket.end(`${goodbye}\r\n`)
  const timer = setTimeout(() => socket.destroy(), GOODBYE_MS)
  socket.on('close', () => clearTimeout(timer))
  socket.on('end', () => socket.destroy())
}
