/**
 * Every limit towards an upstream before its bytes are only moved, each with its reason. Times in milliseconds, sizes in bytes.
 */

export const UPSTREAM_LIMITS = {
  /** From the client's command to its answer: mail apps give up at 30 s, so they must hear from us before. */
  loginMs: 20_000,
  /** One line of the upstream before login; RFC 9051 sets no bound, Dovecot's longest is under 2,000. */
  lineBytes: 16 * 1024,
  /** All that an upstream may say between two of our commands. */
  replyBytes: 64 * 1024,
  /** First TCP keepalive probe: under the five minutes after which home routers forget a connection. */
  keepAliveMs: 120_000,
} as const
