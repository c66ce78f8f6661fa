/**
 * The live sessions of this process, from the first byte of a login to the last byte of the splice (architecture §7).
 *
 * A login enters the table before it reads the store, so that no revocation can fall between the reading and the entering.
 */
import { type DeviceId, type MailboxId, makeId, type SessionId } from '../../base/ids.ts'
import type { DeviceStatus, Scope } from '../../store/schema/login-record.ts'
import { MachineCounts } from '../machine/machine-counts.ts'
import { judgeDevice } from './device-status.ts'
import type { Refusal } from './refusal.ts'

/** Why we end a session that the store no longer supports. */
export type EndReason = Refusal | 'password-changed' | 'removed' | 'kicked' | 'shutdown'

/** How a session after its login leaves when the gateway drains: `watched` cannot tell when it is done, `asked` ends itself then. */
export type Parting = { readonly kind: 'watched'; isAtRest(): boolean } | { readonly kind: 'asked'; endAtRest(): void }

export class LiveSession {
  readonly id: SessionId = makeId<SessionId>()
  readonly protocol: 'imap' | 'submission'
  readonly scope: Scope
  readonly ip: string
  /** When it was accepted, then when its login began; milliseconds since 1970, UTC. */
  since: number
  /** Known once the secret was right: the status under which it was. */
  device: DeviceStatus | undefined
  /** The address of its mailbox, for the log; known with the device. */
  mailbox: string | undefined
  app: string | null = null
  /** What it is counted under (`LiveSessions.claim`). */
  claims: readonly (DeviceId | MailboxId)[] = []
  /** Set at the hand-over: before it there is nothing to be finished. */
  parting: Parting | undefined
  #endBy: (why: EndReason) => void
  #ended: EndReason | undefined
  /** Bytes so far, from and to the client. */
  countBytes: () => { readonly bytesIn: number; readonly bytesOut: number } = () => ({ bytesIn: 0, bytesOut: 0 })

  constructor(facts: { protocol: 'imap' | 'submission'; scope: Scope; ip: string; since: number; end: (why: EndReason) => void }) {
    this.protocol = facts.protocol
    this.scope = facts.scope
    this.ip = facts.ip
    this.since = facts.since
    this.#endBy = facts.end
  }

  /** Ends the login or the splice that this entry stands for. */
  end(why: EndReason): void {
    this.#ended = why
    this.#endBy(why)
  }

  /** Says how it is ended from now on. An end that came a moment before, while nobody could carry it out, is carried out now. */
  endBy(end: (why: EndReason) => void): void {
    this.#endBy = end
    if (this.#ended !== undefined) end(this.#ended)
  }
}

export interface SessionCaps {
  readonly perDevice: number
  readonly perMailbox: number
}

export class LiveSessions {
  readonly #sessions = new Map<SessionId, LiveSession>()
  readonly #counts: MachineCounts
  #isClosed = false

  /** `counts`: of all processes of this machine. */
  constructor(counts = new MachineCounts()) {
    this.#counts = counts
  }

  enter(session: LiveSession): void {
    this.#sessions.set(session.id, session)
    // A connection that was in its TLS handshake when the gateway stopped comes too late.
    if (this.#isClosed) session.end('shutdown')
  }

  /** From now on each session that enters is ended. */
  admitNobody(): void {
    this.#isClosed = true
  }

  /** Ends every session, and each that enters from now on. */
  close(): void {
    this.admitNobody()
    for (const session of [...this.#sessions.values()]) session.end('shutdown')
  }

  leave(session: LiveSession): void {
    this.#unclaim(session)
    this.#sessions.delete(session.id)
  }

  /**
   * Counts a session that proved its device; or tells whether the device or its mailbox has as many as it may.
   * All processes of a machine count together. What was claimed ends with `release` or `leave`.
   */
  claim(
    session: LiveSession,
    { device, mailbox }: { readonly device: DeviceStatus; readonly mailbox: MailboxId },
    caps: SessionCaps,
  ): 'device' | 'mailbox' | undefined {
    this.#unclaim(session)
    if (this.#counts.count(device.id) >= caps.perDevice) return 'device'
    if (this.#counts.count(mailbox) >= caps.perMailbox) return 'mailbox'
    session.device = device
    session.claims = [device.id, mailbox]
    for (const id of session.claims) this.#counts.add(id, 1)
    return undefined
  }

  /** The login came to nothing: the session has no device any more. */
  release(session: LiveSession): void {
    session.device = undefined
    this.#unclaim(session)
  }

  #unclaim(session: LiveSession): void {
    for (const id of session.claims) this.#counts.add(id, -1)
    session.claims = []
  }

  find(id: SessionId): LiveSession | undefined {
    return this.#sessions.get(id)
  }

  all(): IterableIterator<LiveSession> {
    return this.#sessions.values()
  }

  get size(): number {
    return this.#sessions.size
  }
}

/** Why `session` has to end, given how its device stands now (undefined: gone from the store); undefined when it may go on. */
export function judgeSession(session: LiveSession, status: DeviceStatus | undefined, now: number): EndReason | undefined {
  if (session.device === undefined) return undefined
  if (status === undefined) return 'removed'
  if (status.passwordVersion !== session.device.passwordVersion) return 'password-changed'
  // Another kick than the one that the login knew of. Times are not compared: two machines, or one before and after it was set, disagree.
  if (status.kickedAt !== null && status.kickedAt !== session.device.kickedAt) return 'kicked'
  return judgeDevice(status, { scope: session.scope, ip: session.ip, now })
}
