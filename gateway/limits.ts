/**
 * Every limit of the gateway in one place, each with its reason. Times in milliseconds, sizes in bytes.
 *
 * Deadlines and caps of connections reach their users as a value (`GatewayOptions.limits`, then the services), so that a test need not wait for a
 * real minute. Bounds of parsers, caches and batches, for which nobody waits, are taken from here.
 */

import { UPSTREAM_LIMITS } from '../upstream/upstream-limits.ts'

export const LIMITS = {
  /** A whole command with its literals. An AUTHENTICATE line may have 12,288 octets (RFC 4954 §4); nothing real before login is larger. */
  commandBytes: 64 * 1024,
  /** All that a client may send before it is logged in: about four of the largest commands. */
  preLoginBytes: 256 * 1024,
  /** Commands before login; apps need about ten. SECURITY: replies to more could pile up for a client that does not read them. */
  preLoginCommands: 200,
  /** From accept to login, TLS and all wrong tries included: what Dovecot and Cyrus allow is one to three minutes. */
  loginMs: 60_000,
  /** What is left of it for who had to wait for his turn: as long as a login through a slow upstream. */
  loginLeastMs: 30_000,
  /** A balancer sends its PROXY header at once. */
  proxyHeaderMs: 10_000,
  /** A mobile network with heavy loss needs some seconds for a handshake, never this long. */
  tlsHandshakeMs: 20_000,
  /** What is left of it for who had to wait for his turn: two round trips on a slow line. */
  tlsHandshakeLeastMs: 3_000,
  /** From the client's command to its answer. */
  upstreamLoginMs: UPSTREAM_LIMITS.loginMs,
  /** Malformed commands before BYE (architecture §11). */
  malformedCommands: 10,
  /** Refused logins on one connection before BYE: an app with a mistyped password needs two or three. */
  refusedLogins: 10,
  /** After one side's FIN the other may still send (architecture §4). */
  halfOpenMs: 30_000,
  /** A relay without a message: no app is silent for so long with one in mind; longer than the ten minutes that RFC 5321 §4.5.3.2.6 gives an upstream for its 250. */
  relayIdleMs: 15 * 60_000,
  /** An upload of which the upstream takes nothing: longer than any disk sync, short enough that no dead session is kept for long. */
  uploadStallMs: 5 * 60_000,
  /** How long an upstream may think about a message it has got (RFC 5321 §4.5.3.2.6). */
  finalReplyMs: 10 * 60_000,
  /** The same when the session is to end: a revocation closes within a second, a shutdown waits for two. */
  finalReplyGraceMs: 700,
  /** How long a refused message may pause before its sender is told: a client that waits for a reply has sent all it will; a stumble of a network is shorter. */
  refusalQuietMs: 5_000,
  /** How long an upstream may take to answer a client that said QUIT or has gone. */
  lateReplyMs: 5_000,
  /** How long the last reply may take to leave before the socket is destroyed. */
  disconnectMs: 1_000,
  /** A session through which nothing moved for so long is idle: longer than a stumble of a mobile network between two packets of an upload. */
  drainQuietMs: 1_000,
  /** How often it is looked which sessions may go. */
  drainLookMs: 100,
  /** So many logins a second are nothing even for a small machine: a few sessions need not wait for the whole drain time. */
  drainLeastPerSecond: 10,
  /** First TCP keepalive probe: under the five minutes after which home routers forget a connection. */
  keepAliveMs: UPSTREAM_LIMITS.keepAliveMs,
  /** Connections that are not logged in, all listeners together, about 60 KiB each and twice that at worst. Above it the oldest gives way. */
  unauthenticatedConnections: 8_000,
  /** The same of one address block: an office that reconnects after a failure of its line, not one that wants it all. */
  unauthenticatedPerBlock: 1_000,
  /** Address blocks whose wrong secrets are counted at a time, about 400 bytes each: so many with few, and so many with more. The one that failed longest ago gives way. */
  countedBlocks: 20_000,
  /** The same of addresses, and of networks that mailboxes recognise. */
  countedMailboxes: 10_000,
  /** Pairs of block and mailbox that logged in, kept to spare the store a question and a row. */
  recognisedNetworksInMemory: 50_000,
  /** The store is told of a recognised network once in so long. */
  recognisedNetworkRepeatMs: 24 * 3_600_000,
  /** How long a block counts as known to a mailbox before the store is asked: it hears of it within seconds, in bad times within minutes. */
  provedBelievedMs: 10 * 60_000,
  /** How long the store is not asked again about a block that is unknown. */
  unknownBelievedMs: 10_000,
  /** Connections of a closed block that still get a handshake and a refusal with words; the others are closed at accept. */
  closedBlockConnectionsPerSecond: 10,
  /** How long a connection of a closed block is kept, unread, before it is closed. */
  closedHoldMs: 5_000,
  /** Connections that wait in the kernel to be accepted. One that does not fit comes again after seconds, also that of a known app. */
  listenBacklog: 8_192,
  /**
   * TLS handshakes for blocks in which nobody is known: about a tenth of a core. As many at once after a pause: an office whose line is back, in a
   * moment that nobody notices.
   */
  unknownHandshakes: { perSecond: 100, atOnce: 10 },
  /** The same for those in which somebody is known: half a core, so that the other half is there for who is in. */
  recognisedHandshakes: { perSecond: 500, atOnce: 25 },
  /** Refusals leave in windows of this length, so many in each: 1,000 a second, about a sixth of a core, and never so many at once that a login would notice. */
  refusalWindowMs: 50,
  refusalsPerWindow: 50,
  /** Counts and recognised networks reach the store this often (architecture §6). */
  limiterSyncMs: 1_000,
  /** Rows of counts written or read at a time. */
  limiterSyncRows: 500,
  /** Wrong answers leave at a multiple of this, counted from receipt: longer than one queued argon2 (about 50 ms each). */
  responseBucketMs: 500,
  /** Logins with a migration password of which nobody knows yet whether it is right. SECURITY: each may be a failed login that an upstream counts against us. */
  migrationTries: { atOnce: 32, atOncePerMailbox: 4, waiting: 1_000, waitingPerMailbox: 60 },
  /** Those whose secret the upstream accepted before: an app opens up to ten connections at once, a person has a handful of apps. */
  migrationLogins: { atOnce: 64, atOncePerMailbox: 16, waiting: 4_000, waitingPerMailbox: 200 },
  /** An app with a wrong password tries every few minutes; servers ban an address for ten minutes or longer. */
  migrationRefusedMs: 10 * 60_000,
  /** A day of sessions; nothing but a place in the queue hangs on it. */
  migrationAcceptedMs: 24 * 3_600_000,
  /** How long the answer to a migration password is waited for after the client heard "later": servers hold back refusals for a minute and more. */
  migrationAnswerMs: 2 * 60_000,
  /** About 100 bytes each, two sets. */
  migrationMemoryEntries: 20_000,
  migrationSecretBytes: 255,
  /** Logins that are let in again while the database is away, where that is set: about 1 KiB each. The one that was used longest ago gives way. */
  rememberedLogins: 50_000,
  /** Bytes of the client after login in which an ID command is looked for. */
  idPeekBytes: 8 * 1024,
  /** Four times a second: a revocation is heard in time to end sessions within a second. */
  generationPollMs: 250,
  /** What a device may send is read this often at most: a right that is withdrawn is gone as soon as a session that is revoked. */
  sendingTermsMs: 250,
  /** Where the database tells of moves: they are heard at once, and looked for in case one was lost. */
  generationLookMs: 1_000,
  /** A node whose last look at the generation is older than this hears too late of revocations: it is not ready. Twelve looks, so that a slow disk is no alarm. */
  generationFreshMs: 3_000,
  /** Last connections, activity and sessions reach the store at least this often (within 1 s, architecture §7). */
  recordMs: 400,
  /** Transferred bytes of a live session are written this often. */
  sessionRefreshMs: 5_000,
  /** Other nodes and the command line believe that a node is gone after 10 s without a heartbeat. */
  heartbeatMs: 2_000,
  /** Accepted messages waiting to be counted; when the store stays away for longer, the oldest count no more against a day's limit. */
  pendingSent: 50_000,
  /** Ends of sessions waiting for the store, about 100 bytes each; a node has fewer sessions, so those beyond began while it was away, and it never knew them. */
  pendingEnded: 100_000,
  /** Attempts waiting for the store; older ones are dropped first when the store stays away. */
  pendingActivity: 20_000,
} as const

type Widened<Value> = Value extends number ? number : { readonly [Key in keyof Value]: Widened<Value[Key]> }

/** As `LIMITS`, with other numbers. */
export type Limits = Widened<typeof LIMITS>

/** The same for the monitoring endpoint. Who may reach it is not known to it, so it must not be a way to hold up mail. */
export const ADMIN_LIMITS = {
  /** Prometheus holds one connection, a balancer one or two; several of each, and room for a person. */
  connections: 32,
  /** A scraper's headers have a few hundred bytes. */
  headerBytes: 8 * 1024,
  /** A whole request, from accept or from the one before. */
  requestMs: 5_000,
  /** How often the deadlines above are looked at. */
  checkMs: 1_000,
  /** Between two requests, and for a client that does not read its answer: longer than the usual 15 s between two scrapes. */
  idleMs: 30_000,
  /** Making the text holds the loop for a millisecond, with 50,000 sessions for seven: it is made anew only so often. */
  textMs: 250,
} as const
