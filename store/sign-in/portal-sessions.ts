/**
 * Sessions of the portal: who is signed in, in which browser, how far, and when it was last confirmed who he is.
 *
 * Invariants: a session that is found is one of somebody who is not blocked, was used within 12 hours and is younger than 30 days; `second` allows
 * nothing but the second step, for ten minutes; a renewed session keeps its age, and its old token is worth nothing.
 */
import type { Selectable } from 'kysely'
import { MailwicketError } from '../../base/errors.ts'
import { makeId, type PortalSessionId, type UserId } from '../../base/ids.ts'
import { Problem } from '../../base/problems.ts'
import type { Secret } from '../../base/secret.ts'
import { endPortalSessions } from '../accounts/people/sign-in-rows.ts'
import { getUserRow, parseLogin } from '../accounts/people/user-rows.ts'
import { hashToken, makeToken } from '../passwords/random-token.ts'
import type { PortalSessionsTable } from '../schema/portal-schema.ts'
import type { Change, StoreContext } from '../store-context.ts'
import { selectLiveSessions } from './live-sessions.ts'

const MINUTE_MS = 60_000
export const CONFIRMATION_MS = 5 * MINUTE_MS
/** The time of the last use is written at most so often. */
const SEEN_EVERY_MS = MINUTE_MS
/** Of one person; the one used longest ago gives way. */
const MAX_SESSIONS = 50
const MAX_AGENT_CHARACTERS = 200

export interface PortalSession {
  readonly id: PortalSessionId
  readonly stage: 'second' | 'full'
  readonly createdAt: number
  readonly seenAt: number
  /** Within the last five minutes it was confirmed who this is. */
  readonly isConfirmed: boolean
  /** As the browser calls itself; not to be trusted. */
  readonly agent: string
  readonly ip: string
}

export interface SignedIn extends PortalSession {
  readonly user: { readonly id: UserId; readonly login: string; readonly name: string | null }
}

export interface NewSession {
  /** `second`: the first step was right, another is due. */
  readonly stage: 'second' | 'full'
  readonly agent: string
  readonly ip: string
  /** The password's hash that was found right: when it is no longer that, nobody is signed in. Null: signed in without a password. */
  readonly phc: string | null
  /** What was used, for the audit. */
  readonly by: string
  /** What the browser had before; it ends. */
  readonly replaces?: Secret | undefined
}

export class PortalSessions {
  readonly #context: StoreContext

  constructor(context: StoreContext) {
    this.#context = context
  }

  /** Undefined: the person was blocked, or the password changed, while it was checked. Throws NOT_FOUND. */
  async start(
    login: string,
    { stage, agent, ip, phc, by, replaces }: NewSession,
  ): Promise<{ readonly token: Secret; readonly session: PortalSession } | undefined> {
    const token = makeToken()
    return this.#context.change(async change => {
      const { db, at } = change
      const user = await getUserRow(db, parseLogin(login))
      const credentials = await db.selectFrom('credentials').select('phc').where('user_id', '=', user.id).executeTakeFirst()
      if (user.state !== 'active' || (phc !== null && credentials?.phc !== phc)) return undefined
      if (replaces !== undefined) await db.deleteFrom('portal_sessions').where('token_hash', '=', hashToken(replaces)).execute()
      const row: Selectable<PortalSessionsTable> = {
        id: makeId<PortalSessionId>(),
        token_hash: hashToken(token),
        user_id: user.id,
        stage,
        created_at: at,
        seen_at: at,
        confirmed_at: stage === 'full' ? at : null,
        agent: printable(agent),
        ip,
      }
      await db.insertInto('portal_sessions').values(row).execute()
      await dropOldest(change, user.id)
      if (stage === 'full') await auditSignIn(change, user, { by, ip })
      return { token, session: toSession(row, at) }
    })
  }

  /** Who is signed in by this token; undefined: nobody, or no longer. */
  async find(token: Secret): Promise<SignedIn | undefined> {
    const { db, now } = this.#context
    const at = now()
    const row = await selectLiveSessions(db, at).where('portal_sessions.token_hash', '=', hashToken(token)).executeTakeFirst()
    if (row === undefined) return undefined
    if (row.seen_at < at - SEEN_EVERY_MS || row.seen_at > at) await this.#noteUse(row.id, at)
    return { ...toSession(row, at), user: { id: row.user_id, login: row.login, name: row.name } }
  }

  /** Pages can be read also while nothing can be written (a full disk): the session then only seems idle. */
  async #noteUse(id: PortalSessionId, at: number): Promise<void> {
    try {
      await this.#context.db.updateTable('portal_sessions').set({ seen_at: at }).where('id', '=', id).execute()
    } catch (error) {
      if (!(error instanceof MailwicketError) || error.kind !== 'temporary') throw error
    }
  }

  /**
   * A new token for the same session: after the second step, a confirmation or a change of a factor. `confirmed`: it was just shown who this is.
   * Undefined: the session has ended meanwhile, or another request has renewed it.
   */
  async renew(token: Secret, { confirmed, by, ip }: { readonly confirmed: boolean; readonly by: string; readonly ip: string }): Promise<Secret | undefined> {
    const fresh = makeToken()
    return this.#context.change(async change => {
      const { db, at } = change
      const row = await selectLiveSessions(db, at).where('portal_sessions.token_hash', '=', hashToken(token)).executeTakeFirst()
      if (row === undefined) return undefined
      await db
        .updateTable('portal_sessions')
        .set({ token_hash: hashToken(fresh), stage: 'full', seen_at: at, ip, ...(confirmed ? { confirmed_at: at } : {}) })
        .where('id', '=', row.id)
        .execute()
      if (row.stage === 'second') await auditSignIn(change, { id: row.user_id, login: row.login }, { by, ip })
      return fresh
    })
  }

  /** The one used last first. Throws NOT_FOUND. */
  async list(login: string): Promise<PortalSession[]> {
    const { db, now } = this.#context
    const at = now()
    const user = await getUserRow(db, parseLogin(login))
    const rows = await selectLiveSessions(db, at)
      .where('portal_sessions.user_id', '=', user.id)
      .where('portal_sessions.stage', '=', 'full')
      .orderBy('portal_sessions.seen_at', 'desc')
      .execute()
    return rows.map(row => toSession(row, at))
  }

  /** Of everybody. */
  async count(): Promise<number> {
    const { db, now } = this.#context
    const { n } = await selectLiveSessions(db, now())
      .where('portal_sessions.stage', '=', 'full')
      .clearSelect()
      .select(({ fn }) => fn.countAll<number>().as('n'))
      .executeTakeFirstOrThrow()
    return Number(n)
  }

  /** Signs out the browser that has this token. */
  async leave(token: Secret): Promise<void> {
    await this.#context.change(({ db }) => db.deleteFrom('portal_sessions').where('token_hash', '=', hashToken(token)).execute())
  }

  /** One of a person's sessions. Throws NOT_FOUND. */
  async end(login: string, id: string): Promise<void> {
    await this.#context.change(async change => {
      const user = await getUserRow(change.db, parseLogin(login))
      const { numDeletedRows } = await change.db
        .deleteFrom('portal_sessions')
        .where('id', '=', id as PortalSessionId)
        .where('user_id', '=', user.id)
        .executeTakeFirst()
      if (numDeletedRows === 0n) throw new Problem('portal-session.unknown', { login: user.login, id })
      await auditEnded(change, user, 1)
    })
  }

  /** All of a person's sessions but one; gives how many ended. Throws NOT_FOUND. */
  async endOthers(login: string, except: PortalSessionId | undefined): Promise<number> {
    return this.#context.change(async change => {
      const user = await getUserRow(change.db, parseLogin(login))
      const ended = await endPortalSessions(change, user.id, except)
      if (ended > 0) await auditEnded(change, user, ended)
      return ended
    })
  }
}

function toSession(row: Selectable<PortalSessionsTable>, at: number): PortalSession {
  const { id, stage, created_at: createdAt, seen_at: seenAt, confirmed_at: confirmedAt, agent, ip } = row
  // Of the future: the clock was set back since, and nobody knows how long ago it was.
  const isConfirmed = stage === 'full' && confirmedAt !== null && confirmedAt <= at && confirmedAt > at - CONFIRMATION_MS
  return { id, stage, createdAt, seenAt, isConfirmed, agent, ip }
}

/** As many characters as a list shows, and none that turns or hides the others. */
function printable(agent: string): string {
  return Array.from(agent.replace(/[^\x20-\x7e]+/g, ' '))
    .slice(0, MAX_AGENT_CHARACTERS)
    .join('')
}

async function dropOldest({ db }: Change, user: UserId): Promise<void> {
  const tooMany = await db
    .selectFrom('portal_sessions')
    .select('id')
    .where('user_id', '=', user)
    .orderBy('seen_at', 'desc')
    .orderBy('id')
    .limit(MAX_SESSIONS)
    .offset(MAX_SESSIONS)
    .execute()
  const ids = tooMany.map(({ id }) => id)
  if (ids.length > 0) await db.deleteFrom('portal_sessions').where('id', 'in', ids).execute()
}

function auditSignIn(change: Change, { id, login }: { readonly id: UserId; readonly login: string }, after: { by: string; ip: string }): Promise<void> {
  return change.audit({ action: 'user.signed-in', subject: login, subjectId: id, before: null, after })
}

function auditEnded(change: Change, { id, login }: { readonly id: UserId; readonly login: string }, sessions: number): Promise<void> {
  return change.audit({ action: 'user.sessions-ended', subject: login, subjectId: id, before: { sessions }, after: null })
}
