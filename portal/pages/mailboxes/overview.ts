/** A mailbox at a glance. */
import { listDevices } from '../../../management/devices/manage-devices.ts'
import { listActivity } from '../../../management/history/read-history.ts'
import { listPeople } from '../../../management/people/manage-rights.ts'
import { may } from '../../../management/permissions.ts'
import type { Device } from '../../../store/accounts/devices/device-rows.ts'
import { type MailboxModel, type MailboxPerson, mailboxView } from '../../views/mailboxes/mailbox-view.ts'
import { showPage } from '../../web/answers.ts'
import type { SignedInRequest } from '../../web/page-request.ts'
import { deviceKindOf } from '../parts/device-kind.ts'
import { loadMailbox } from '../parts/mailbox-head.ts'
import { namesOf } from '../parts/people-names.ts'

const WEEK_MS = 7 * 86_400_000
const MOST_PEOPLE = 6
const MOST_ATTEMPTS = 1_000

export async function showMailbox(request: SignedInRequest): Promise<Response> {
  const { context, actor, reach, m, page } = request
  const { now } = page.formats
  const { head, sending } = await loadMailbox(request)
  const { address } = head
  const devices = await listDevices(context, actor, { mailbox: address })
  const name = await namesOf(
    request,
    devices.flatMap(({ user }) => user ?? []),
  )
  const connected = devices.filter(({ sessions }) => sessions > 0)
  const attempts = await listActivity(context, actor, { mailbox: address, since: now - WEEK_MS, limit: MOST_ATTEMPTS })
  const model: MailboxModel = {
    mailbox: head,
    endSoon: devices
      .filter(({ expiresAt }) => expiresAt !== null && expiresAt > now && expiresAt - now < WEEK_MS)
      .map(({ id, name: device, expiresAt, user }) => ({ id, name: device, endsAt: expiresAt ?? 0, user: user === null ? undefined : name(user) })),
    connected: connected.length,
    lastConnectionAt: devices.reduce<number | null>((latest, { lastConnection }) => Math.max(latest ?? 0, lastConnection?.at ?? 0) || null, null),
    recipientsToday: sending?.sentToday ?? 0,
    recipientsAllowed: sending?.recipientsPerDay ?? null,
    refusedThisWeek: attempts.filter(({ result }) => result !== 'ok').reduce((sum, { count }) => sum + count, 0),
    connectedNow: connected.map(({ id, name: device, lastConnection }) => ({
      id,
      name: device,
      kind: deviceKindOf(device, lastConnection?.app),
      app: lastConnection?.app ?? null,
      ip: lastConnection?.ip ?? '',
    })),
    people: may(reach, 'rights.view', { mailbox: address }) === 'yes' ? await findFirstPeople(request, address, devices) : [],
    withoutUser: devices.filter(({ user }) => user === null).length,
    mayResume: may(reach, 'mailbox.pause', { mailbox: address }) === 'yes',
  }
  return showPage(mailboxView(model, m, page))
}

async function findFirstPeople({ context, actor, services }: SignedInRequest, address: string, devices: readonly Device[]): Promise<MailboxPerson[]> {
  const { users } = services.store.as({ name: actor.login, source: actor.source })
  const people = (await listPeople(context, actor, address)).slice(0, MOST_PEOPLE)
  const summaries = await users.summaries(people.map(({ user }) => user))
  return people.map(({ user, name, manage, send }) => ({
    login: user,
    name: name ?? user,
    manages: manage,
    devices: devices.filter(device => device.user === user).length,
    maySend: send && summaries.get(user)?.maySend === true,
  }))
}
