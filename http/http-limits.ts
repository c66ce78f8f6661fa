/**
 * Every limit of the web side's server in one place, each with its reason. Times in milliseconds, sizes in bytes.
 */

export const HTTP_LIMITS = {
  /** Browsers send some kilobytes of cookies and headers at the very most. */
  headerBytes: 16 * 1024,
  /** A form of the largest page (an import of rights has no page) with long names. */
  bodyBytes: 256 * 1024,
  /** From the first byte of a request to the end of its headers. */
  headersMs: 10_000,
  /** A whole request: the largest body on a slow line. */
  requestMs: 30_000,
  /** Between two requests of a connection; longer than the three seconds between two looks of the page that waits for a first login. */
  idleMs: 10_000,
  /** How often the deadlines above are looked at. */
  checkMs: 1_000,
  /** Connections that wait in the kernel to be accepted. */
  listenBacklog: 1_024,
  /** In all, about 30 KiB each with TLS. */
  connections: 4_000,
  /** Of one network (IPv4 /32, IPv6 /64): an office of sixty browsers. */
  connectionsPerNetwork: 400,
  /** TLS handshakes under way: a server that does nothing else manages some hundred a second. */
  handshakeMs: 10_000,
  /** A stop waits so long for answers that are on their way. */
  drainMs: 5_000,
} as const
