/**
 * Whom to tell of what happened: the person a device is linked to, else who manages its mailbox. Only who has an address (a login that is one), is
 * not blocked, and wants mail of that kind.
 *
 * What happened and what is queued of it are one change: several processes may call this, and each thing is queued once.
 */
import type { UserId } from '../base/ids.ts'
import type { Language, NoticeKind } from '../store/accounts/people/preferences.ts'
import type { AddedDevice, NoticedDevice } from '../store/history/unnoticed.ts'
import type { NoticeFacts } from '../store/notices/notice-queue.ts'
import type { Nouns, OpenedStore } from '../store/open-store.ts'

/** What a mail can be about. That of an invitation is queued with the invitation. */
export type NoticeSubject = NoticeKind | 'new-app' | 'invitation' | 'start'

const BY = { name: 'mailwicket', source: 'notices' } as const

/** Throws STORE_UNAVAILABLE, STORE_BUSY. */
export async function queueNotices(store: OpenedStore): Promise<void> {
  const portal = store.as(BY)
  if (!(await portal.unnoticed.isAny())) return
  await portal.change(async nouns => {
    for (const added of await nouns.unnoticed.devices()) await queueAdded(nouns, added)
    for (const { device, at, is, ip, app } of await nouns.unnoticed.connections()) await queue(nouns, device, is, { at, ip, app })
    for (const { device, endsAt } of await nouns.unnoticed.ends()) await queue(nouns, device, 'ends-soon', { endsAt })
  })
}

async function queueAdded(nouns: Nouns, { device, at, actor, source }: AddedDevice): Promise<void> {
  const person = source.startsWith('cli') ? undefined : await nouns.users.find(actor)
  const language = person === undefined ? null : (await nouns.preferences.of(person.id as UserId)).language
  const facts = { at, by: person === undefined ? null : (person.name ?? person.login), isInvited: person === undefined && actor.startsWith('invit') }
  await queue(nouns, device, 'new-device', facts, language)
}

async function queue(nouns: Nouns, device: NoticedDevice, is: NoticeKind | 'new-app', facts: NoticeFacts, language: Language | null = null): Promise<void> {
  const { id, name, mailbox, scopes } = device
  for (const { address, user } of await findReaders(nouns, device, is === 'new-app' ? 'new-network' : is))
    await nouns.notices.add({
      recipient: address,
      cause: `${is} ${id}`,
      kind: is,
      user,
      payload: { device: id, name, mailbox, reads: scopes.includes('imap'), sends: scopes.includes('smtp'), language, ...facts },
    })
}

async function findReaders(nouns: Nouns, { mailbox, user }: NoticedDevice, kind: NoticeKind) {
  const logins = user === null ? (await nouns.rights.at(mailbox)).filter(({ manage }) => manage).map(person => person.user) : [user]
  const readers: { readonly address: string; readonly user: UserId }[] = []
  for (const login of logins) {
    const person = login.includes('@') ? await nouns.users.find(login) : undefined
    if (person?.state !== 'active') continue
    const { notices } = await nouns.preferences.of(person.id as UserId)
    if (notices.includes(kind)) readers.push({ address: login, user: person.id as UserId })
  }
  return readers
}
