/**
 * Every limit of the gateway in one place, each with its reason. Times in milliseconds, sizes in octets.
 */

export const LIMITS = {
  /** A whole command with its literals. An AUTHENTICATE line may have 12,288 octets (RFC 4954 §4); nothing real before login is larger. */
  commandBytes: 64 * 1024,
  /** All that a client may send before it is logged in: about four of the largest commands. */
  preLoginBytes: 256 * 1024,
  /** Commands before login; apps need about ten. SECURITY: replies to more could pile up for a client that does not read them. */
  preLoginCommands: 200,
  /** From accept to login, TLS and all wrong tries included: what Dovecot and Cyrus allow is one to three minutes. */
  loginMs: 60_000,
  /** A balancer sends its PROXY header at once. */
  proxyHeaderMs: 10_000,
  /** A mobile network with heavy loss needs some seconds for a handshake, never this long. */
  tlsHandshakeMs: 20_000,
  /** From the client's command to its answer: mail apps give up at 30 s, so they must hear from us before. */
  upstreamLoginMs: 20_000,
  /** Malformed commands before BYE (design section 11). */
  malformedCommands: 10,
  /** Refused logins on one connection before BYE: an app with a mistyped password needs two or three. */
  refusedLogins: 10,
  /** One line of the upstream before login; RFC 9051 sets no bound, Dovecot's longest is under 2,000. */
  upstreamLineBytes: 16 * 1024,
  /** All that an upstream may say between two of our commands. */
  upstreamReplyBytes: 64 * 1024,
  /** After one side's FIN the other may still send (design section 4). */
  halfOpenMs: 30_000,
  /** An upload of which the upstream takes nothing: longer than any disk sync, short enough that no dead session is kept for long. */
  uploadStallMs: 5 * 60_000,
  /** How long an upstream may think about a message it has got (RFC 5321 §4.5.3.2.6). */
  finalReplyMs: 10 * 60_000,
  /** The same when the session is to end: a revocation closes within a second, a shutdown waits for two. */
  finalReplyGraceMs: 700,
  /** How long a farewell may take to leave before the socket is destroyed. */
  farewellMs: 1_000,
  /** First TCP keepalive probe: under the five minutes after which home routers forget a connection. */
  keepAliveMs: 120_000,
  /** Connections that are not logged in, all listeners together: bounds memory to about 400 MiB. */
  unauthenticatedConnections: 8_000,
  /** Wrong answers leave at a multiple of this, counted from receipt: longer than one queued argon2 (about 50 ms each). */
  refusalGridMs: 500,
  /** Bytes of the client after login in which an ID command is looked for. */
  idPeekBytes: 8 * 1024,
  /** Four times a second: a revocation is heard in time to end sessions within a second. */
  generationPollMs: 250,
  /** Last connections, activity and sessions reach the store at least this often (within 1 s, design section 7). */
  recordMs: 400,
  /** Transferred bytes of a live session are written this often. */
  sessionRefreshMs: 5_000,
  /** Other nodes and the command line believe that a node is gone after 10 s without a heartbeat. */
  heartbeatMs: 2_000,
  /** Accepted messages waiting to be counted; when the store stays away for longer, the oldest count no more against a day's limit. */
  pendingSent: 50_000,
  /** Attempts waiting for the store; older ones are dropped first when the store stays away. */
  pendingActivity: 20_000,
} as const
