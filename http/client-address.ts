/**
 * Whose request it is, behind reverse proxies that we know.
 *
 * SECURITY: `X-Forwarded-For` is believed only from a trusted proxy, and only its last address that is none of theirs: whatever a client
 * puts there itself stands before that.
 */
import { isIP } from 'node:net'
import { isInNetworks, type Network, normaliseIp } from '../base/network.ts'

/** More hops than any real set-up; the rest is not looked at. */
const MAX_HOPS = 20

/** `peer` is the address of the connection. */
export function clientAddressOf(peer: string, forwardedFor: string | undefined, trustedProxies: readonly Network[]): string {
  let client = normaliseIp(peer)
  if (forwardedFor === undefined || !isInNetworks(client, trustedProxies)) return client
  const hops = forwardedFor.split(',').slice(-MAX_HOPS)
  for (const hop of hops.reverse()) {
    const address = readHop(hop.trim())
    // What a trusted proxy could not say is nobody's address: the last one that is known has to answer for it.
    if (address === undefined) return client
    client = address
    if (!isInNetworks(client, trustedProxies)) return client
  }
  return client
}

/** Some proxies add a port, and brackets around IPv6. */
function readHop(text: string): string | undefined {
  const bare = /^\[([^\]]+)\](?::\d+)?$/.exec(text)?.[1] ?? /^(\d+\.\d+\.\d+\.\d+):\d+$/.exec(text)?.[1] ?? text
  return isIP(bare) === 0 ? undefined : normaliseIp(bare)
}
