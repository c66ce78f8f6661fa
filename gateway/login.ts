/**
 * One login, the same for every protocol: authenticate, connect to the upstream, judge once more, hand over.
 *
 * It logs exactly one `auth.*` line an attempt, notes the attempt in the activity, and tells the caller only what a mail app may know.
 * SECURITY: the session is in the live table before the store is read, and the store's generation is compared at the hand-over:
 * a device that is revoked in between never gets a session.
 */
import type { Duplex } from 'node:stream'
import { normaliseAddress } from '../base/address.ts'
import type { Config, UpstreamConfig } from '../base/config.ts'
import { MailwicketError } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import type { GatewayStore } from '../store/gateway-store.ts'
import type { DeviceStanding, LoginDevice, LoginMailbox } from '../store/login-record.ts'
import { type Authenticator, authenticate } from './authenticate.ts'
import { LIMITS } from './limits.ts'
import { type EndReason, judgeSession, type LiveSession } from './live-sessions.ts'
import type { Recorder } from './recorder.ts'
import { isIndistinct, type Refusal } from './refusal.ts'
import type { Credentials } from './sasl.ts'
import { type FailureReply, UpstreamFailure } from './upstream-failure.ts'
import type { UpstreamLogin } from './upstream-login.ts'
import type { Wire } from './wire.ts'

/** Where a mailbox's mail lives and how we get in. */
export interface Route {
  readonly config: UpstreamConfig
  readonly login: UpstreamLogin
}

export interface LoginServices extends Authenticator {
  readonly config: Config
  readonly store: GatewayStore
  readonly recorder: Recorder
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
  | { readonly refused: Refusal }
  | { readonly failed: FailureReply }
  /** The client left, or the session was ended meanwhile: nobody to answer. */
  | { readonly gone: string }

/** The session was ended from outside while it logged in. */
class Ended extends Error {
  readonly why: EndReason
  constructor(why: EndReason) {
    super(why)
    this.why = why
  }
}

type Connect<Upstream> = (route: Route, signal: AbortSignal) => Promise<Upstream>

export async function logIn<Upstream extends { readonly socket: Duplex }>(
  services: LoginServices,
  attempt: LoginAttempt,
  connect: Connect<Upstream>,
): Promise<LoginOutcome<Upstream>> {
  const receivedAt = performance.now()
  const { session, wire } = attempt
  const controller = new AbortController()
  const timer = setTimeout(() => controller.abort(new UpstreamFailure('timeout', `no login within ${LIMITS.upstreamLoginMs / 1000} s`)), LIMITS.upstreamLoginMs)
  session.endBy(why => controller.abort(new Ended(why)))
  wire.onGone = error => controller.abort(error)
  try {
    const outcome = await tryLogin(services, attempt, connect, controller.signal)
    clearTimeout(timer)
    if ('refused' in outcome && isIndistinct(outcome.refused)) await untilGrid(receivedAt, controller.signal)
    if (!controller.signal.aborted || 'upstream' in outcome) return outcome
    // Already logged as refused: there is only nobody left to tell.
    return { gone: reasonOf(controller.signal.reason) }
  } catch (error) {
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
): Promise<LoginOutcome<Upstream>> {
  const { store } = services
  const { session, credentials } = attempt
  // Before the generation is read: a kick from here on means this login, an earlier one does not.
  session.since = Date.now()
  const generation = await store.readGeneration()
  const verdict = await authenticate(services, credentials, session)
  signal.throwIfAborted()
  if ('refused' in verdict) return refuse(services, attempt, verdict.refused, verdict.device)
  const { device, mailbox } = verdict
  session.device = standingOf(device)
  const upstream = await connect(services.routeOf(mailbox), signal)
  try {
    signal.throwIfAborted()
    if ((await store.readGeneration()) !== generation) {
      const standing = (await store.findStandings([device.id])).get(device.id)
      const why = judgeSession(session, standing, Date.now())
      // A kick is no refusal: the app may come back at once with the same password.
      if (why === 'kicked' || why === 'shutdown') throw new Ended(why)
      if (why !== undefined) {
        upstream.socket.destroy()
        session.device = undefined
        return refuse(services, attempt, asRefusal(why), device)
      }
      session.device = standing
    }
    signal.throwIfAborted()
  } catch (error) {
    upstream.socket.destroy()
    throw error
  }
  succeed(services, attempt, device, mailbox)
  return { upstream, device, mailbox }
}

/** Only what a live session is judged by: it is kept for hours, and the hash has no business there. */
function standingOf({ id, state, mailboxState, userState, scopes, expiresAt, allowFrom, passwordVersion, kickedAt }: LoginDevice): DeviceStanding {
  return { id, state, mailboxState, userState, scopes, expiresAt, allowFrom, passwordVersion, kickedAt }
}

function succeed({ recorder }: LoginServices, attempt: LoginAttempt, device: LoginDevice, mailbox: LoginMailbox): void {
  const { session, tls, log } = attempt
  const { protocol, ip, app } = session
  const at = Date.now()
  log.info('auth.ok', { mailbox: mailbox.address, device: device.id, deviceName: device.name, app })
  recorder.connected(session, { device: device.id, at, ip, protocol, app, tls })
  recorder.attempted({ at, address: mailbox.address, device: device.id, result: 'ok', protocol, ip, app })
}

function refuse(services: LoginServices, attempt: LoginAttempt, refused: Refusal, device: LoginDevice | undefined): { refused: Refusal } {
  attempt.log.warn('auth.refused', { ...noteFailure(services, attempt, refused, device), reason: refused })
  return { refused }
}

/** One place for all that was not refused and did not work: who is told, how loudly it is logged. */
function explain(services: LoginServices, attempt: LoginAttempt, error: unknown): { failed: FailureReply } | { gone: string } {
  const { session, log } = attempt
  if (error instanceof Ended) {
    log.warn('auth.failed', { ...noteFailure(services, attempt, error.why), reason: error.why })
    return { gone: reasonOf(error) }
  }
  if (error instanceof UpstreamFailure) {
    log.warn('auth.failed', { ...noteFailure(services, attempt, `upstream-${error.reason}`), reason: `upstream-${error.reason}` })
    log[error.severity](error.reason === 'refused-us' ? 'upstream.refused-us' : 'upstream.failed', {
      reason: error.reason,
      detail: error.detail,
      device: session.device?.id,
    })
    return { failed: error.reply }
  }
  if (error instanceof MailwicketError && error.kind === 'client') {
    log.info('auth.failed', { ...noteFailure(services, attempt, 'client-left'), reason: 'client-left' })
    return { gone: reasonOf(error) }
  }
  const isKnown = error instanceof MailwicketError
  const reason = isKnown ? error.code.toLowerCase().replaceAll('_', '-') : 'bug'
  log.error('auth.failed', {
    ...noteFailure(services, attempt, reason),
    reason,
    err: (error as Error).message,
    ...(isKnown ? {} : { stack: (error as Error).stack }),
  })
  return { failed: 'unavailable' }
}

function reasonOf(error: unknown): string {
  return error instanceof Ended ? error.why : 'client-left'
}

/** Notes the attempt in the activity and gives the fields of its log line. */
function noteFailure({ recorder }: LoginServices, { session, credentials }: LoginAttempt, result: string, device?: LoginDevice): Record<string, unknown> {
  const { protocol, ip, app } = session
  const address = printableAddress(credentials.address)
  const id = device?.id ?? session.device?.id ?? null
  recorder.attempted({ at: Date.now(), address, device: id, result, protocol, ip, app })
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

/** SECURITY: answers that must not be told apart leave on a grid of moments counted from the receipt of the command. */
function untilGrid(receivedAt: number, signal: AbortSignal): Promise<void> {
  const elapsed = performance.now() - receivedAt
  const wait = Math.ceil(elapsed / LIMITS.refusalGridMs) * LIMITS.refusalGridMs - elapsed
  return new Promise(resolve => {
    if (signal.aborted) return resolve()
    const timer = setTimeout(resolve, wait)
    signal.addEventListener('abort', () => {
      clearTimeout(timer)
      resolve()
    })
  })
}
