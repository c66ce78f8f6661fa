/** One device: facts, thirty days as bars, live sessions, refused tries, rules, history. */

import { getDevice } from '../../../management/devices/manage-devices.ts'
import { listSessions } from '../../../management/devices/manage-sessions.ts'
import { isOf } from '../../../management/find-subject.ts'
import { listActivity, pageAudit } from '../../../management/history/read-history.ts'
import { may } from '../../../management/permissions.ts'
import type { Activity } from '../../../store/history/activity.ts'
import { type DeviceModel, deviceView, type RefusedTries, type RuleFields } from '../../views/devices/device-view.ts'
import type { FormState } from '../../views/page-context.ts'
import { showPage } from '../../web/answers.ts'
import type { SignedInRequest } from '../../web/page-request.ts'
import { toChangeEntry } from '../parts/change-entries.ts'
import { domainSeenBy } from '../parts/mailbox-head.ts'
import { namesOf } from '../parts/people-names.ts'
import { findPeople } from './add-device.ts'
import { REFUSED_REASONS, toDeviceRows } from './device-rows.ts'

const PASSWORD_KINDS = { generated: 'generated', chosen: 'chosen', imported: 'chosen', legacy: 'migration' } as const
const DAYS = 30
const DAY_MS = 86_400_000
const MOST_CHANGES = 50
const MOST_REFUSALS = 20
const MOST_ATTEMPTS = 2_000

export async function showDevice(request: SignedInRequest): Promise<Response> {
  return devicePage(request, request.kept === undefined ? {} : { values: request.kept.shown() })
}

/** `form`: of the rules. */
export async function devicePage(request: SignedInRequest, form: FormState<RuleFields>): Promise<Response> {
  const { context, actor, reach, session, m, page } = request
  const { device, version } = await getDevice(context, actor, request.param('d'))
  const { id, mailbox: address } = device
  const { now } = page.formats
  const [row] = await toDeviceRows(request, address, [device])
  if (row === undefined) throw new Error('one device has one row')
  const attempts = await listActivity(context, actor, { device: id, since: now - DAYS * DAY_MS, limit: MOST_ATTEMPTS })
  const changes = (await pageAudit(context, actor, { filter: { device: id }, limit: MOST_CHANGES })).rows
  const name = await namesOf(
    request,
    changes.map(change => change.actor),
  )
  const sessions = await listSessions(context, actor, { device: id })
  const model: DeviceModel = {
    address,
    domain: domainSeenBy(reach, address),
    device: row,
    passwordChangedAt: device.passwordChangedAt,
    passwordKind: PASSWORD_KINDS[device.kind],
    connections: countByDay(attempts, request),
    sessions: sessions.map(({ id: session, protocol, since, ip, app, bytesIn, bytesOut }) => ({
      id: session,
      protocol,
      since,
      ip,
      app,
      tls: device.lastConnection?.tls ?? null,
      bytesReceived: bytesOut,
      bytesSent: bytesIn,
    })),
    refused: attempts
      .filter(({ result }) => Object.hasOwn(REFUSED_REASONS, result))
      .reverse()
      .slice(0, MOST_REFUSALS)
      .map(toRefusal),
    changes: changes.map(change => toChangeEntry(change, { m, formats: page.formats, nameOf: name })),
    rules: row.may.rules
      ? {
          form: { ...form, version, confirmNeeded: form.confirmNeeded },
          people: await findPeople(request, address),
          mayChooseUser: may(reach, 'device.add-for-others', isOf(device)) === 'yes',
        }
      : undefined,
    acts: { version, confirmNeeded: !session.isConfirmed },
  }
  return showPage(deviceView(model, m, page), { status: form.errors === undefined && form.problem === undefined ? 200 : 422 })
}

function toRefusal({ at, count, result, ip, app }: Activity): RefusedTries {
  return { at, count, reason: REFUSED_REASONS[result] ?? 'wrong-secret', ip, app }
}

/** The oldest day first. Repeats that are one row count on the day of the last of them. */
function countByDay(attempts: readonly Activity[], { page }: SignedInRequest): number[] {
  const days = Array.from({ length: DAYS }, () => 0)
  for (const { at, count, result } of attempts) {
    if (result !== 'ok') continue
    const day = DAYS - 1 - page.formats.daysSince(at)
    if (day >= 0 && day < DAYS) days[day] = (days[day] ?? 0) + count
  }
  return days
}
