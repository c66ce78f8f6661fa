/**
 * One login, the same for every protocol: authenticate, connect to the upstream, judge once more, hand over.
 *
 * It logs exactly one `auth.*` line an attempt, records the attempt in the activity, and tells the caller only what a mail app may know.
 * SECURITY: the session is in the live table before the store is read, and the store's generation is compared at the hand-over:
 * a device that is revoked in between never gets a session.
 */
import type { Duplex } from 'node:stream'
import { normaliseAddress } from '../../base/address.ts'
import type { Log } from '../../base/log.ts'
import { orAborted } from '../../base/or-aborted.ts'
import type { Wire } from '../../base/sockets/wire.ts'
import type { Config } from '../../config/config.ts'
import type { GatewayStore } from '../../store/gateway-side/gateway-store.ts'
import { looksGenerated, normaliseSecret } from '../../store/passwords/app-password.ts'
import type { DeviceStatus, LoginDevice, LoginMailbox } from '../../store/schema/login-record.ts'
import { type FailureReply, UpstreamFailure } from '../../upstream/upstream-failure.ts'
import type { Route } from '../../upstream/upstream-routes.ts'
import type { Failure, Limiter } from '../abuse/limiter.ts'
import type { Limits } from '../limits.ts'
import type { Metrics } from '../monitoring/metrics.ts'
import { type EndReason, judgeSession, type LiveSession, type LiveSessions } from '../sessions/live-sessions.ts'
import { Ended, failureOf, type LoginResult } from '../sessions/login-result.ts'
import type { Recorder } from '../sessions/recorder.ts'
import { isIndistinct, isLimit, type Refusal } from '../sessions/refusal.ts'
import type { OutageGrace } from './outage-grace.ts'
import { type ProofServices, proveLogin } from './prove-login.ts'
import type { Credentials } from './sasl.ts'

export interface LoginServices extends ProofServices {
  readonly config: Config
  readonly limits: Limits
  readonly store: GatewayStore
  readonly recorder: Recorder
  readonly limiter: Limiter
  readonly live: LiveSessions
  readonly metrics: Metrics
  /** Where logins go on while the database is away; `store` is its view then. */
  readonly outageGrace?: OutageGrace | undefined
  /** Throws UpstreamFailure `not-configured`, `secret-missing`. */
  routeOf(mailbox: LoginMailbox): Route
}

export interface LoginAttempt {
  readonly session: LiveSession
  readonly credentials: Credentials
  /** When the client goes, the attempt ends. */
  readonly wire: Pick<Wire, 'onGone'>
  readonly tls: string | null
  readonly log: Log
}

export type LoginOutcome<Upstream> =
  | { readonly upstream: Upstream; readonly device: LoginDevice; readonly mailbox: LoginMailbox }
  /** `delayMs`: how long the answer is held back for the wrong ones before it. */
  | { readonly refused: Refusal; readonly delayMs?: number }
  | { readonly failed: FailureReply }
  /** The client left, or the session was ended meanwhile: nobody to answer. */
  | { readonly gone: EndReason | 'client-left' }

/** What is no failure. */
type TriedLogin<Upstream> = Extract<LoginOutcome<Upstream>, { readonly upstream: Upstream } | { readonly refused: Refusal }>

type Connect<Upstream> = (route: Route, signal: AbortSignal) => Promise<Upstream>

export async function logIn<Upstream extends { readonly socket: Duplex }>(
  services: LoginServices,
  attempt: LoginAttempt,
  connect: Connect<Upstream>,
): Promise<LoginOutcome<Upstream>> {
  const receivedAt = performance.now()
  const { session, wire } = attempt
  const ended = (outcome: 'ok' | 'refused' | 'failed', result: LoginResult) =>
    services.metrics.loginEnded({ protocol: session.protocol, outcome, result, seconds: (performance.now() - receivedAt) / 1000 })
  const controller = new AbortController()
  const { upstreamLoginMs } = services.limits
  const timer = setTimeout(() => controller.abort(new UpstreamFailure('timeout', `no login within ${upstreamLoginMs / 1000} s`)), upstreamLoginMs)
  session.endBy(why => controller.abort(new Ended(why)))
  wire.onGone = error => controller.abort(error)
  try {
    const outcome = await inTime(tryLogin(services, attempt, connect, controller.signal), controller.signal)
    clearTimeout(timer)
    if ('refused' in outcome) ended('refused', outcome.refused)
    else ended('ok', 'ok')
    if ('refused' in outcome && (isIndistinct(outcome.refused) || isLimit(outcome.refused))) {
      const response = services.limiter.reserveResponseTime(receivedAt, outcome.delayMs ?? 0)
      await wait(response.waitMs, controller.signal)
      if (controller.signal.aborted) response.giveBack()
    }
    if (!controller.signal.aborted || 'upstream' in outcome) return outcome
    // Already logged as refused: there is only nobody left to tell.
    return { gone: reasonOf(controller.signal.reason) }
  } catch (error) {
    ended('failed', failureOf(error))
    return explain(services, attempt, error)
  } finally {
    clearTimeout(timer)
    wire.onGone = undefined
  }
}

async function tryLogin<Upstream extends { readonly socket: Duplex }>(
  services: LoginServices,
  attempt: LoginAttempt,
  connect: Connect<Upstream>,
  signal: AbortSignal,
): Promise<TriedLogin<Upstream>> {
  const { config, store, limiter, live, metrics } = services
  const { session, credentials } = attempt
  // Before the store is read: it tells this login from an earlier one of the same connection.
  session.since = Date.now()
  const tried = await limiter.admit(session.ip, normaliseAddress(credentials.address))
  signal.throwIfAborted()
  if (tried.terms === 'closed') {
    metrics.limited('block')
    return refuse(services, attempt, 'closed')
  }
  if (tried.terms === 'generated-only' && !looksGenerated(credentials.secret)) {
    metrics.limited('mailbox')
    return refuse(services, attempt, 'limited', { failure: await limiter.limited(tried, credentials.secret) })
  }
  const tryRoute = (route: Route, ofTry: AbortSignal) =>
    metrics.timeUpstreamLogin({ upstream: route.config.name, protocol: session.protocol, credentials: 'of-client' }, () => connect(route, ofTry))
  const proof = await proveLogin(services, credentials, session, {
    connect: tryRoute,
    signal,
    mayTryUntagged: async () => (await limiter.admit(session.ip, tried.address)).terms === 'open',
    // SECURITY: the upstream hears of a guess also when its author does not wait for the answer, and when the answer is late or none. A refusal that
    // is waited for is counted below.
    onTried: async outcome => {
      if (outcome === 'unknown' || signal.aborted) await limiter.wrong(tried, normaliseSecret(credentials.secret))
    },
  })
  if (!('upstream' in proof)) signal.throwIfAborted()
  if ('refused' in proof) {
    const { refused, device } = proof
    const mailbox = 'mailbox' in proof ? proof.mailbox : undefined
    const failure = isIndistinct(refused) ? await limiter.wrong(tried, normaliseSecret(credentials.secret)) : undefined
    return refuse(services, attempt, refused, { device, mailbox, failure, migrationRefusal: 'migrationRefusal' in proof ? proof.migrationRefusal : undefined })
  }
  const { device, mailbox, generation } = proof
  // SECURITY: while hashes without a tag are computed, the guesses of others may have gone over the limit. It must not tell that this one was right.
  if (device.tag === null && (await limiter.admit(session.ip, tried.address)).terms !== 'open')
    return refuse(services, attempt, 'wrong-secret', { failure: await limiter.wrong(tried, normaliseSecret(credentials.secret)) })
  limiter.right(tried, mailbox.id)
  const caps = {
    perDevice: config.sessionsPerDevice,
    perMailbox: config.upstreams.find(({ name }) => name === mailbox.upstream)?.sessionsPerMailbox ?? Number.POSITIVE_INFINITY,
  }
  const full = live.claim(session, { device: statusOf(device), mailbox: mailbox.id }, caps)
  if (full !== undefined) {
    metrics.limited(full === 'device' ? 'sessions-per-device' : 'sessions-per-mailbox')
    if ('upstream' in proof) proof.upstream.socket.destroy()
    return refuse(services, attempt, 'too-many-sessions', { device })
  }
  session.mailbox = mailbox.address
  const upstream =
    'upstream' in proof
      ? proof.upstream
      : await metrics.timeUpstreamLogin({ upstream: mailbox.upstream, protocol: session.protocol }, async () => connect(services.routeOf(mailbox), signal))
  try {
    signal.throwIfAborted()
    const newest = await store.readGeneration()
    const hasMoved = newest !== generation
    // Also when nothing moved: an expiry comes without a change.
    const status = hasMoved ? (await store.findDeviceStatuses([device.id])).get(device.id) : session.device
    const why = judgeSession(session, status, Date.now())
    // A kick is no refusal: the app may come back at once with the same password.
    if (why === 'kicked' || why === 'shutdown') throw new Ended(why)
    if (why !== undefined) {
      upstream.socket.destroy()
      live.release(session)
      return refuse(services, attempt, asRefusal(why), { device })
    }
    session.device = status
    signal.throwIfAborted()
    const proved = { device: hasMoved ? { ...device, ...status } : device, mailbox, generation: newest }
    if (tried.address !== undefined) services.outageGrace?.remember(tried.address, normaliseSecret(credentials.secret), proved)
  } catch (error) {
    upstream.socket.destroy()
    throw error
  }
  succeed(services, attempt, device, mailbox)
  return { upstream, device, mailbox }
}

/** Only what a live session is judged by: it is kept for hours, and the hash has no business there. */
function statusOf({ id, state, mailboxState, userState, scopes, expiresAt, allowFrom, passwordVersion, kickedAt }: LoginDevice): DeviceStatus {
  return { id, state, mailboxState, userState, scopes, expiresAt, allowFrom, passwordVersion, kickedAt }
}

function succeed({ recorder, metrics, outageGrace }: LoginServices, attempt: LoginAttempt, device: LoginDevice, mailbox: LoginMailbox): void {
  const { session, tls, log } = attempt
  const { protocol, ip, app } = session
  const at = Date.now()
  log.info('auth.ok', {
    mailbox: mailbox.address,
    device: device.id,
    deviceName: device.name,
    app,
    ...(outageGrace?.isFromMemory(device) ? { outage: true } : {}),
  })
  metrics.sessionBegan(session)
  recorder.connected(session, { device: device.id, at, ip, protocol, app, tls })
  recorder.attempted({ at, address: mailbox.address, device: device.id, result: 'ok', protocol, ip, app }, session)
}

interface RefusalFacts {
  readonly device?: LoginDevice | undefined
  /** The address of the mailbox that was meant, where there is one. */
  readonly mailbox?: string | undefined
  readonly failure?: Failure | undefined
  /** Why it was not the migration password either. */
  readonly migrationRefusal?: string | undefined
}

function refuse(
  services: LoginServices,
  attempt: LoginAttempt,
  refused: Refusal,
  { device, mailbox, failure, migrationRefusal }: RefusalFacts = {},
): { refused: Refusal; delayMs: number } {
  // packaging/fail2ban matches this line: `remote` before all that a client chooses, `reason` last.
  const more = { ...(migrationRefusal === undefined ? {} : { legacy: migrationRefusal }), ...(failure?.isRepeated ? { repeated: true } : {}) }
  attempt.log.warn('auth.refused', { ...recordFailure(services, attempt, refused, device, mailbox), ...more, reason: refused })
  return { refused, delayMs: failure?.delayMs ?? 0 }
}

/** One place for all that was not refused and did not work: who is told, how loudly it is logged. */
function explain(
  services: LoginServices,
  attempt: LoginAttempt,
  error: unknown,
): Extract<LoginOutcome<never>, { readonly failed: FailureReply } | { readonly gone: string }> {
  const { session, log } = attempt
  const reason = failureOf(error)
  const fields = { ...recordFailure(services, attempt, reason), reason }
  if (error instanceof Ended) {
    log.warn('auth.failed', fields)
    return { gone: reasonOf(error) }
  }
  if (error instanceof UpstreamFailure) {
    log.warn('auth.failed', fields)
    log[error.severity](error.reason === 'refused-us' ? 'upstream.refused-us' : 'upstream.failed', {
      reason: error.reason,
      detail: error.detail,
      device: session.device?.id,
    })
    return { failed: error.reply }
  }
  if (reason === 'client-left') {
    log.info('auth.failed', fields)
    return { gone: reasonOf(error) }
  }
  log.error('auth.failed', { ...fields, err: (error as Error).message, ...(reason === 'bug' ? { stack: (error as Error).stack } : {}) })
  return { failed: 'unavailable' }
}

function reasonOf(error: unknown): EndReason | 'client-left' {
  return error instanceof Ended ? error.why : 'client-left'
}

/** Records the attempt in the activity, under the mailbox where one of its aliases was given, and gives the fields of its log line. */
function recordFailure(
  { recorder }: LoginServices,
  { session, credentials }: LoginAttempt,
  result: LoginResult,
  device?: LoginDevice,
  mailbox?: string,
): Record<string, unknown> {
  const { protocol, ip, app } = session
  const address = printableAddress(credentials.address)
  const id = device?.id ?? session.device?.id ?? null
  recorder.attempted({ at: Date.now(), address: mailbox ?? address, device: id, result, protocol, ip, app })
  return { mailbox: address, device: id }
}

/** SECURITY: people type their password into the field for the name. What is not an address with a domain that has a dot is not written anywhere. */
function printableAddress(text: string): string {
  const address = normaliseAddress(text)
  return address?.slice(address.lastIndexOf('@')).includes('.') === true ? address : '(not an address)'
}

/** What ended the login at the hand-over, as the refusal that the client would have got a moment later. */
function asRefusal(why: Exclude<EndReason, 'kicked' | 'shutdown'>): Refusal {
  if (why === 'password-changed') return 'wrong-secret'
  return why === 'removed' ? 'revoked' : why
}

/**
 * The answer is due when the signal comes, wherever the login waits; what waits may say in its own words why it was late. A login that goes on
 * afterwards meets the signal at its next step and does nothing.
 */
function inTime<Upstream extends { readonly socket: Duplex }>(login: Promise<TriedLogin<Upstream>>, signal: AbortSignal): Promise<TriedLogin<Upstream>> {
  const isDue = new AbortController()
  const onAbort = () => void setImmediate(() => isDue.abort(signal.reason))
  signal.addEventListener('abort', onAbort, { once: true })
  return orAborted(login, isDue.signal, late => {
    late.then(
      outcome => 'upstream' in outcome && outcome.upstream.socket.destroy(),
      () => {},
    )
  })
}

/** SECURITY: answers that must not be told apart leave at the ends of response-time buckets, counted from the receipt of the command. */
function wait(waitMs: number, signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    if (signal.aborted) return resolve()
    const timer = setTimeout(resolve, waitMs)
    signal.addEventListener('abort', () => {
      clearTimeout(timer)
      resolve()
    })
  })
}
