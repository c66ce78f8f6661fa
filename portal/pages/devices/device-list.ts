/** The devices of a mailbox, and those that were disconnected lately. */
import { listQuiet } from '../../../management/devices/disconnect-devices.ts'
import { pageDevices } from '../../../management/page-lists.ts'
import { may } from '../../../management/permissions.ts'
import type { Device } from '../../../store/accounts/devices/device-rows.ts'
import { deviceListView, formerDevicesView } from '../../views/devices/device-list-view.ts'
import { showPage } from '../../web/answers.ts'
import type { SignedInRequest } from '../../web/page-request.ts'
import { deviceKindOf } from '../parts/device-kind.ts'
import { searchOf } from '../parts/list-query.ts'
import { loadMailbox } from '../parts/mailbox-head.ts'
import { namesOf } from '../parts/people-names.ts'
import { toDeviceRows } from './device-rows.ts'

const DAY_MS = 86_400_000
export const QUIET_MS = 90 * DAY_MS
const FORMER_MS = 30 * DAY_MS
/** A mailbox with more is searched. */
const MOST_DEVICES = 500

export async function showDevices(request: SignedInRequest): Promise<Response> {
  const { context, actor, reach, query, m, page } = request
  const { head } = await loadMailbox(request)
  const mailbox = head.address
  const search = searchOf(query)
  const { rows } = await pageDevices(context, actor, { filter: { mailbox, search: search === '' ? undefined : search, revoked: true }, limit: MOST_DEVICES })
  if (query.get('show') === 'former') return showFormer(request, head, rows.filter(isFormerSince(page.formats.now - FORMER_MS)))
  const devices = rows.filter(({ state }) => state !== 'revoked').sort(connectedFirst)
  const quiet = await listQuiet(context, actor, { mailbox, unusedSince: page.formats.now - QUIET_MS })
  const model = {
    mailbox: head,
    devices: await toDeviceRows(request, mailbox, devices),
    query: search,
    total: search === '' ? devices.length : head.devices,
    disconnectedLately: rows.filter(isFormerSince(page.formats.now - FORMER_MS)).length,
    quiet: quiet.length,
    mayAdd: may(reach, 'device.add', { mailbox }) === 'yes',
    mayInvite: may(reach, 'mailbox.invite', { mailbox }) === 'yes',
    mayAll: may(reach, 'device.disconnect', { mailbox }) === 'yes',
  }
  return showPage(deviceListView(model, m, page))
}

const isFormerSince =
  (since: number) =>
  ({ revokedAt }: Device): boolean =>
    revokedAt !== null && revokedAt > since

function connectedFirst(one: Device, other: Device): number {
  const rank = ({ sessions, lastConnection, createdAt }: Device) => [Math.min(1, sessions), lastConnection?.at ?? 0, createdAt] as const
  const [a, b] = [rank(one), rank(other)]
  return b[0] - a[0] || b[1] - a[1] || b[2] - a[2]
}

async function showFormer(
  request: SignedInRequest,
  mailbox: Parameters<typeof formerDevicesView>[0]['mailbox'],
  devices: readonly Device[],
): Promise<Response> {
  const { services, actor, m, page } = request
  const { audit } = services.store.as({ name: actor.login, source: actor.source })
  const by = new Map<string, string>()
  for (const entry of (await audit.page({ filter: { mailbox: mailbox.address, action: 'device.revoked' }, limit: MOST_DEVICES })).rows)
    if (entry.subjectId !== null) by.set(entry.subjectId, entry.actor)
  const name = await namesOf(request, by.values())
  const rows = [...devices]
    .sort((one, other) => (other.revokedAt ?? 0) - (one.revokedAt ?? 0))
    .map(({ id, name: device, revokedAt, lastConnection }) => ({
      name: device,
      kind: deviceKindOf(device, lastConnection?.app),
      at: revokedAt ?? 0,
      by: name(by.get(id) ?? '–'),
      last: lastConnection,
    }))
  return showPage(formerDevicesView({ mailbox, devices: rows }, m, page))
}
