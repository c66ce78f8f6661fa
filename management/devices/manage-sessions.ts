/**
 * Live sessions, and ending them: the app may connect again at once. To keep it out, its device is paused or disconnected.
 */
import { Problem } from '../../base/problems.ts'
import type { KickTarget, Session } from '../../store/history/sessions.ts'
import type { Nouns } from '../../store/open-store.ts'
import type { Actor } from '../actor.ts'
import { findDevice, findMailbox, isOf } from '../find-subject.ts'
import { type Action, may, type Reach, type Verdict } from '../permissions.ts'
import { change, look, notAllowed, type UseCaseContext } from '../use-case.ts'
import { devicesOf } from '../within.ts'

export interface SessionPlace {
  readonly device?: string | undefined
  readonly mailbox?: string | undefined
}

/** Longest first; of all devices, one device or one mailbox. Throws NOT_FOUND (no such device or mailbox). */
export function listSessions(context: UseCaseContext, actor: Actor, { device, mailbox }: SessionPlace = {}): Promise<Session[]> {
  return look(context, actor, async (nouns, reach) => {
    if (device !== undefined) await findDevice(nouns, reach, device, 'device.view')
    if (mailbox !== undefined) await findMailbox(nouns, reach, mailbox, 'mailbox.view')
    return nouns.sessions.list({ device, mailbox, within: devicesOf(reach, 'device.view') })
  })
}

/** By its whole ID. Throws NOT_FOUND, NOT_ALLOWED. */
export function getSession(context: UseCaseContext, actor: Actor, id: string): Promise<Session> {
  return look(context, actor, async (nouns, reach) => findSession(nouns, reach, id, 'device.view'))
}

async function findSession(nouns: Nouns, reach: Reach, id: string, action: Action): Promise<Session> {
  const session = await nouns.sessions.find(id)
  const verdict = session === undefined ? 'outside' : await judge(nouns, reach, action, session)
  if (session === undefined || verdict === 'outside') throw new Problem('session.unknown', { ref: id })
  if (verdict === 'no') throw notAllowed(action)
  return session
}

/** Gives how many live ones end. Throws NOT_FOUND, NOT_ALLOWED, AMBIGUOUS_ID. */
export function endSessions(context: UseCaseContext, actor: Actor, target: KickTarget): Promise<{ readonly sessions: number }> {
  return change(context, actor, async (nouns, reach) => {
    if ('device' in target) await findDevice(nouns, reach, target.device, 'session.end')
    else if ('mailbox' in target) await findMailbox(nouns, reach, target.mailbox, 'session.end')
    // Whoever is not the operator names a session by its whole ID.
    else if (!reach.isOperator) for (const id of target.ids) await findSession(nouns, reach, id, 'session.end')
    return nouns.sessions.kick(target)
  })
}

async function judge(nouns: Nouns, reach: Reach, action: Action, { mailbox, device }: Session): Promise<Verdict> {
  // Of a device that is gone only administrators know.
  if (mailbox === null) return reach.isAdministrator ? may(reach, action, 'installation') : 'outside'
  return may(reach, action, isOf(await nouns.devices.get(device)))
}
