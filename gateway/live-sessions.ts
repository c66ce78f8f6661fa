/**
 * The live sessions of this process, from the first byte of a login to the last byte of the splice (design section 7).
 *
 * A login enters the table before it reads the store, so that no revocation can fall between the reading and the entering.
 */
import { type DeviceId, makeId, type SessionId } from '../base/ids.ts'
import type { DeviceStanding, Scope } from '../store/login-record.ts'
import { judgeDevice } from './device-standing.ts'
import type { Refusal } from './refusal.ts'

/** Why we end a session that the store no longer supports. */
export type EndReason = Refusal | 'password-changed' | 'removed' | 'kicked' | 'shutdown'

export class LiveSession {
  readonly id: SessionId = makeId<SessionId>()
  readonly protocol: 'imap' | 'submission'
  readonly scope: Scope
  readonly ip: string
  /** When it was accepted, then when its login began; milliseconds since 1970, UTC. */
  since: number
  /** Known once the secret was right: the standing under which it was. */
  device: DeviceStanding | undefined
  app: string | null = null
  #endBy: (why: EndReason) => void
  #ended: EndReason | undefined
  /** Octets so far, from and to the client. */
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

export class LiveSessions {
  readonly #sessions = new Map<SessionId, LiveSession>()
  #isClosed = false

  enter(session: LiveSession): void {
    this.#sessions.set(session.id, session)
    // A connection that was in its TLS handshake when the gateway stopped comes too late.
    if (this.#isClosed) session.end('shutdown')
  }

  /** Ends every session, and each that enters from now on. */
  close(): void {
    this.#isClosed = true
    for (const session of [...this.#sessions.values()]) session.end('shutdown')
  }

  leave(session: LiveSession): void {
    this.#sessions.delete(session.id)
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

  /** The devices of all sessions that have proved one. */
  devices(): DeviceId[] {
    const ids = new Set<DeviceId>()
    for (const { device } of this.#sessions.values()) if (device !== undefined) ids.add(device.id)
    return [...ids]
  }
}

/** Why `session` has to end, given how its device stands now (undefined: gone from the store); undefined when it may go on. */
export function judgeSession(session: LiveSession, standing: DeviceStanding | undefined, now: number): EndReason | undefined {
  if (session.device === undefined) return undefined
  if (standing === undefined) return 'removed'
  if (standing.passwordVersion !== session.device.passwordVersion) return 'password-changed'
  // Compared with what the login read, not with the clock: clocks are set, and differ between machines.
  if (standing.kickedAt !== null && standing.kickedAt !== session.device.kickedAt) return 'kicked'
  return judgeDevice(standing, { scope: session.scope, ip: session.ip, now })
}
