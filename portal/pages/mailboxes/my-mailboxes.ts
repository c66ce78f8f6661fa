/** The mailboxes of somebody who looks after no whole domain, with the devices they use. */

import { domainOf } from '../../../base/address.ts'
import { listDevices } from '../../../management/devices/manage-devices.ts'
import { pageMailboxes } from '../../../management/page-lists.ts'
import { may } from '../../../management/permissions.ts'
import type { Device } from '../../../store/accounts/devices/device-rows.ts'
import { links, withQuery } from '../../links.ts'
import { type MyDevice, type MyMailbox, myMailboxesView } from '../../views/mailboxes/mailbox-list-view.ts'
import { showPage } from '../../web/answers.ts'
import type { SignedInRequest } from '../../web/page-request.ts'
import { deviceKindOf } from '../parts/device-kind.ts'
import { stateOf } from '../parts/device-state.ts'
import { readCursor } from '../parts/list-query.ts'
import { firstNameOf } from '../parts/people-names.ts'

const SOON_MS = 7 * 86_400_000
const MOST_ASKED = 2
const PAGE_ROWS = 50

export async function showMyMailboxes(request: SignedInRequest): Promise<Response> {
  const { context, actor, reach, session, services, m, page, query } = request
  const { login, name } = session.user
  const devices = Map.groupBy(await listDevices(context, actor, { user: login }), ({ mailbox }) => mailbox)
  const mailboxes: MyMailbox[] = []
  const { rows, next } = await pageMailboxes(context, actor, { ...readCursor(query), limit: PAGE_ROWS })
  for (const { address } of rows) {
    const mayAdd = may(reach, 'device.add', { mailbox: address }) === 'yes'
    mailboxes.push({
      address,
      whose: await whoseIs(request, address),
      devices: (devices.get(address) ?? []).map(device => toMyDevice(device, page.formats.now)),
      mayAdd,
      askNames: mayAdd ? [] : await whomToAsk(request, address),
    })
  }
  const record = await services.store.as({ name: login, source: actor.source }).credentials.find(login)
  const suggestPasskey = services.url.startsWith('https:') && record?.passkeys === 0 && !record.hasTotp
  const pages = {
    next: next === null ? undefined : withQuery(links.mailboxes, { after: next }),
    previous: query.has('after') ? links.mailboxes : undefined,
  }
  return showPage(myMailboxesView({ firstName: firstNameOf(name ?? login), mailboxes, pages, suggestPasskey }, m, page))
}

function toMyDevice(device: Device, now: number): MyDevice {
  const { id, name, lastConnection, expiresAt, sessions } = device
  const endsSoon = expiresAt !== null && expiresAt > now && expiresAt - now < SOON_MS
  return {
    id,
    name,
    kind: deviceKindOf(name, lastConnection?.app),
    connected: sessions > 0,
    lastConnectionAt: lastConnection?.at ?? null,
    state: stateOf(device),
    endsSoonAt: endsSoon ? expiresAt : null,
  }
}

/** Its own, when the login is its address or an alias of it, or its first part, or when nobody else has anything to do with it. */
async function whoseIs({ services, actor }: SignedInRequest, address: string): Promise<MyMailbox['whose']> {
  const { login } = actor
  const nouns = services.store.as({ name: login, source: actor.source })
  if (login.includes('@') && (await nouns.aliases.resolve(login)) === address) return 'yours'
  const people = (await nouns.rights.at(address)).filter(({ state }) => state === 'active')
  if (!people.some(({ user }) => user === login)) return 'lookedAfter'
  return people.length === 1 || address.startsWith(`${login}@`) ? 'yours' : 'shared'
}

/** Who manages the mailbox, else its domain. */
async function whomToAsk({ services, actor }: SignedInRequest, address: string): Promise<string[]> {
  const nouns = services.store.as({ name: actor.login, source: actor.source })
  const here = (await nouns.rights.at(address)).filter(({ manage, state }) => manage && state === 'active').map(({ name, user }) => name ?? user)
  const managers = here.length > 0 ? here : (await nouns.roles.list({ domain: domainOf(address) })).map(({ name, user }) => name ?? user)
  return managers.slice(0, MOST_ASKED)
}
