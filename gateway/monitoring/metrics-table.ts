/**
 * Every metric of the gateway: name, kind, labels and what it tells. The registry is made from it, and so is the table of docs/monitoring.md.
 *
 * SECURITY: no label ever holds an address of a mailbox, a device, an IP address or anything that a peer wrote; their values are few.
 */

export interface MetricFacts {
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly labels: readonly string[]
  /** One sentence without a full stop. */
  readonly help: string
  /** Of several processes: added unless told. */
  readonly aggregator?: 'sum' | 'min' | 'max'
  /** Upper ends in seconds, histograms only. */
  readonly buckets?: readonly number[]
}

/** From a memoised login beside its upstream (milliseconds) to the deadline of a login (20 s). */
const LOGIN_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20] as const
/** argon2 takes about 25 ms on a free core, longer on a busy one. */
const HASH_BUCKETS = [0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.25, 0.5, 1, 2.5] as const
/** A read holds the loop: 50 µs is usual, 100 ms is a stall that every session feels. */
const READ_BUCKETS = [0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.005, 0.025, 0.1, 0.5, 2.5] as const
/** A page takes milliseconds; 250 ms is what the slowest may take in a large store. */
const PAGE_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10] as const
/** A write waits for the disk, and for whoever holds the lock. */
const WRITE_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15] as const

/** In the order of the documentation. */
export const METRICS = {
  mailwicket_not_ready: { type: 'gauge', labels: ['reason'], aggregator: 'min', help: '1 for each reason why /readyz says 503, else 0' },
  mailwicket_warning: { type: 'gauge', labels: ['reason'], aggregator: 'max', help: '1 for each warning of /readyz, else 0' },
  mailwicket_logins_total: {
    type: 'counter',
    labels: ['protocol', 'result'],
    help: 'Attempts to log in by their result: ok, the reason of the refusal, or what failed; the words are those of `reason` in the log',
  },
  mailwicket_login_duration_seconds: {
    type: 'histogram',
    labels: ['protocol', 'outcome'],
    help: 'From the receipt of a login to its outcome (ok, refused, failed), the upstream included, the fixed beat of refusals not',
    buckets: LOGIN_BUCKETS,
  },
  mailwicket_limited_total: { type: 'counter', labels: ['kind'], help: 'Connections and attempts that a limit refused or slowed down, by the kind of limit' },
  mailwicket_connections_total: { type: 'counter', labels: ['protocol', 'listener'], help: 'Connections accepted, by the address that was bound' },
  mailwicket_connections_failed_total: {
    type: 'counter',
    labels: ['protocol', 'listener'],
    help: 'Connections that ended before a word of mail: no PROXY header where one is demanded, or no TLS handshake',
  },
  mailwicket_unauthenticated_connections: { type: 'gauge', labels: [], help: 'Connections at this moment that are not logged in' },
  mailwicket_sessions: { type: 'gauge', labels: ['protocol'], help: 'Sessions at this moment that are logged in' },
  mailwicket_sessions_ended_total: {
    type: 'counter',
    labels: ['protocol', 'why'],
    help: 'Sessions that were logged in and are over, by `why` of their session.end line',
  },
  mailwicket_session_bytes_total: {
    type: 'counter',
    labels: ['protocol', 'direction'],
    help: 'Bytes from apps (in) and to apps (out) after login, those of live sessions included',
  },
  mailwicket_messages_accepted_total: { type: 'counter', labels: [], help: 'Messages that an upstream accepted with 250' },
  mailwicket_messages_refused_total: {
    type: 'counter',
    labels: ['what'],
    help: 'Refusals of submissions: a sender, recipient or message by our rules, or (upstream) a whole message by the upstream; (uncertain) messages of which it did not say what became',
  },
  mailwicket_upstream_login_duration_seconds: {
    type: 'histogram',
    labels: ['upstream', 'protocol'],
    help: 'Connecting and logging in at an upstream, where it succeeded',
    buckets: LOGIN_BUCKETS,
  },
  mailwicket_upstream_failures_total: {
    type: 'counter',
    labels: ['upstream', 'protocol', 'reason'],
    help: 'Logins at an upstream that failed; refused-us: it does not take our credentials',
  },
  mailwicket_hash_queue_length: { type: 'gauge', labels: [], help: 'Passwords that wait for their argon2; at 256 the next login is told to try again' },
  mailwicket_hashes_running: { type: 'gauge', labels: [], help: 'argon2 computations at this moment' },
  mailwicket_hash_duration_seconds: { type: 'histogram', labels: [], help: 'One argon2, without its wait in the queue', buckets: HASH_BUCKETS },
  mailwicket_hash_memo_hits_total: { type: 'counter', labels: [], help: 'Passwords that needed no argon2 because they were right before' },
  mailwicket_store_read_duration_seconds: { type: 'histogram', labels: ['query'], help: 'One read of the store', buckets: READ_BUCKETS },
  mailwicket_store_write_duration_seconds: { type: 'histogram', labels: [], help: 'One batch of records, until it is committed', buckets: WRITE_BUCKETS },
  mailwicket_store_failures_total: { type: 'counter', labels: ['operation'], help: 'Reads and writes of the store that failed' },
  mailwicket_store_pending_notes: { type: 'gauge', labels: [], help: 'Last connections, activity, sessions and counts that wait to be written' },
  mailwicket_store_last_write_failure_timestamp_seconds: {
    type: 'gauge',
    labels: [],
    aggregator: 'max',
    help: 'When records could last not be written, seconds since 1970; 0: never since the start',
  },
  mailwicket_store_free_bytes: {
    type: 'gauge',
    labels: [],
    aggregator: 'min',
    help: 'Room on the disk of the store; missing where that is the business of a database server',
  },
  mailwicket_store_reserve_bytes: {
    type: 'gauge',
    labels: [],
    aggregator: 'min',
    help: 'Room that is kept for changes that end access when the disk is full; below 4 MiB: used, or not made yet',
  },
  mailwicket_generation_age_seconds: {
    type: 'gauge',
    labels: [],
    aggregator: 'max',
    help: 'Since the store was last asked, with success, whether sessions must end; revocations are late by so much',
  },
  mailwicket_certificate_days_left: {
    type: 'gauge',
    labels: ['cert', 'name'],
    aggregator: 'min',
    help: 'Whole days until a certificate expires, negative afterwards',
  },
  mailwicket_process_serving: {
    type: 'gauge',
    labels: ['process'],
    help: '1 while the process serves, else 0; there only where a supervisor has workers',
  },
  mailwicket_process_starts_total: { type: 'counter', labels: ['process'], help: 'How often the supervisor started the process' },
  mailwicket_portal_requests_total: { type: 'counter', labels: ['status'], help: 'Requests to the portal and its API, by the class of their answer' },
  mailwicket_portal_request_duration_seconds: {
    type: 'histogram',
    labels: [],
    help: 'From a request to the portal or its API to the beginning of the answer',
    buckets: PAGE_BUCKETS,
  },
  mailwicket_portal_sign_ins_total: {
    type: 'counter',
    labels: ['result'],
    help: 'Attempts to sign in to the portal: signed-in, second (the password was right, the second step is due), wrong, limited',
  },
  mailwicket_portal_mails_total: { type: 'counter', labels: ['result'], help: 'Mails of the portal: sent, failed (tried again later), given-up' },
  mailwicket_portal_sessions: { type: 'gauge', labels: [], help: 'Browsers that are signed in to the portal; missing where it does not run or does not know' },
  mailwicket_portal_mail_queue_length: { type: 'gauge', labels: [], help: 'Mails of the portal that wait; missing where it does not run or does not know' },
  mailwicket_portal_restarts_total: { type: 'counter', labels: [], help: 'Ends of the portal that were not asked for; it is started again' },
} as const satisfies Record<string, MetricFacts>

export type MetricName = keyof typeof METRICS
export type LabelsOf<Name extends MetricName> = (typeof METRICS)[Name]['labels'][number]
