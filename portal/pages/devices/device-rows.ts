/** Devices as lists and their own page show them: who, what, when last, why kept out; and what the reader may do with each. */

import { listDeviceActions } from '../../../management/devices/manage-devices.ts'
import { listSessions } from '../../../management/devices/manage-sessions.ts'
import { listActivity } from '../../../management/history/read-history.ts'
import type { Device } from '../../../store/accounts/devices/device-rows.ts'
import type { DeviceActs, DeviceRow, RefusedReason } from '../../views/devices/device-list-view.ts'
import type { SignedInRequest } from '../../web/page-request.ts'
import { deviceKindOf } from '../parts/device-kind.ts'
import { stateOf } from '../parts/device-state.ts'
import { scopeChoiceOf } from '../parts/form-checks.ts'

const DAY_MS = 86_400_000
export const REFUSALS_SHOWN_MS = 30 * DAY_MS
/** Of one mailbox, on one page. */
const MOST_ROWS = 1_000

/** The word of the log → the word of the page. */
export const REFUSED_REASONS: Readonly<Record<string, RefusedReason>> = {
  expired: 'ended',
  disabled: 'paused',
  'mailbox-disabled': 'mailbox-paused',
  network: 'network',
  scope: 'scope',
  'wrong-secret': 'wrong-secret',
  'too-many-sessions': 'too-many-sessions',
  'user-blocked': 'user-blocked',
}

export function actsOf({ reach }: SignedInRequest, device: Device): DeviceActs {
  const actions = listDeviceActions(reach, device)
  const isGone = device.state === 'revoked'
  return {
    // What it stands for is the real server's password.
    password: !isGone && device.kind !== 'legacy' && actions.includes('device.password'),
    rules: !isGone && (actions.includes('device.rename') || actions.includes('device.narrow')),
    pause: !isGone && actions.includes('device.pause'),
    disconnect: !isGone && actions.includes('device.disconnect'),
  }
}

/** All of one mailbox. */
export async function toDeviceRows(request: SignedInRequest, mailbox: string, devices: readonly Device[]): Promise<DeviceRow[]> {
  const { context, actor, services, page } = request
  const nouns = services.store.as({ name: actor.login, source: actor.source })
  const makers = await nouns.audit.makersOf(devices.map(({ id }) => id))
  const people = await nouns.users.summaries([...new Set([...devices.flatMap(({ user }) => user ?? []), ...makers.values()])])
  const name = (login: string) => people.get(login)?.name ?? login
  const since = new Map<string, number>()
  for (const session of await listSessions(context, actor, { mailbox }))
    since.set(session.device, Math.min(session.since, since.get(session.device) ?? session.since))
  const refused = await listActivity(context, actor, {
    mailbox,
    results: Object.keys(REFUSED_REASONS),
    since: page.formats.now - REFUSALS_SHOWN_MS,
    limit: MOST_ROWS,
  })
  const refusals = Map.groupBy(refused, ({ device }) => device)
  const mailboxSends = (await nouns.sending.get({ mailbox })).maySend
  const rights = new Map((await nouns.rights.at(mailbox)).map(person => [person.user, person.send]))
  const rows: DeviceRow[] = []
  for (const device of devices) {
    const { id, user, lastConnection } = device
    const person = user === null ? undefined : { login: user, name: name(user) }
    const personSends = user === null || (people.get(user)?.maySend !== false && rights.get(user) !== false)
    const tries = (refusals.get(id) ?? []).filter(one => one.at > (lastConnection?.at ?? 0))
    const reason = REFUSED_REASONS[tries.at(-1)?.result ?? '']
    const maker = makers.get(id)
    rows.push({
      id,
      name: device.name,
      kind: deviceKindOf(device.name, lastConnection?.app),
      user: person,
      scope: scopeChoiceOf(device.scopes),
      sendingOff: device.scopes.includes('smtp') && !(mailboxSends && personSends),
      networks: device.allowFrom,
      state: stateOf(device),
      endsAt: device.expiresAt,
      sessions: device.sessions,
      connectedSince: since.get(id),
      last: lastConnection === null ? null : { at: lastConnection.at, app: lastConnection.app, ip: lastConnection.ip },
      madeAt: device.createdAt,
      madeBy: maker === undefined ? '–' : name(maker),
      refused: reason === undefined ? undefined : { reason, tries: tries.reduce((sum, { count }) => sum + count, 0) },
      may: actsOf(request, device),
    })
  }
  return rows
}
