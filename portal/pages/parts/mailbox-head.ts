/** The head that the five pages of a mailbox share, with the tabs that the reader may open. */
import { domainOf } from '../../../base/address.ts'
import { getMailbox, type MailboxState } from '../../../management/mailboxes/manage-mailboxes.ts'
import { countDevices } from '../../../management/page-lists.ts'
import { listPeople } from '../../../management/people/manage-rights.ts'
import { type Action, may, type Reach, shareOf } from '../../../management/permissions.ts'
import type { MailboxHead, MailboxTab } from '../../views/mailboxes/mailbox-head.ts'
import type { SignedInRequest } from '../../web/page-request.ts'
import { addressOf } from './subject.ts'

export interface LoadedMailbox extends MailboxState {
  readonly head: MailboxHead
}

/** Throws NOT_FOUND. */
export async function loadMailbox({ context, actor, reach, ...request }: SignedInRequest): Promise<LoadedMailbox> {
  const state = await getMailbox(context, actor, addressOf({ ...request }))
  const { mailbox, aliases } = state
  const { address } = mailbox
  const tabs = tabsOf(reach, address)
  const users = tabs.includes('users') ? (await listPeople(context, actor, address)).length : undefined
  const head: MailboxHead = {
    address,
    note: mailbox.note ?? '',
    aliases: aliases.length,
    paused: mailbox.state !== 'active',
    devices: shareOf(reach, 'device.view', address) === 'yes' ? mailbox.devices : await countDevices(context, actor, { mailbox: address }),
    users,
    tabs,
    domain: domainSeenBy(reach, address),
  }
  return { ...state, head }
}

/** The mail service that the way to this mailbox leads through; undefined: the reader's own mailboxes. */
export function domainSeenBy(reach: Reach, address: string): string | undefined {
  const domain = domainOf(address)
  return reach.isAdministrator || reach.domains.has(domain) ? domain : undefined
}

/** What the settings have something to change for. */
export const SETTINGS_ACTIONS: readonly Action[] = ['mailbox.describe', 'mailbox.secret', 'sending.narrow', 'mailbox.pause', 'mailbox.remove']

function tabsOf(reach: Reach, address: string): MailboxTab[] {
  const isSeen: Readonly<Record<MailboxTab, boolean>> = {
    overview: true,
    devices: shareOf(reach, 'device.view', address) !== 'no',
    users: may(reach, 'rights.view', { mailbox: address }) === 'yes',
    activity: shareOf(reach, 'activity.view', address) !== 'no',
    settings: SETTINGS_ACTIONS.some(action => may(reach, action, { mailbox: address }) === 'yes'),
  }
  return (Object.keys(isSeen) as MailboxTab[]).filter(tab => isSeen[tab])
}
