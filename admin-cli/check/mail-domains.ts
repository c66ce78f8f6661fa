/** Which domains checks in DNS look at. */
import type { Config } from '../../config/config.ts'

/** A person waits for it; the rest are alike. */
const MAX_DOMAINS = 8

export function listMailDomains({ hostname, upstreams }: Config): readonly string[] {
  const domains = new Set(upstreams.flatMap(upstream => upstream.domains))
  // One upstream for everything names no domains: the gateway's own is a good guess.
  if (domains.size === 0) domains.add(hostname.slice(hostname.indexOf('.') + 1))
  return [...domains].slice(0, MAX_DOMAINS)
}
