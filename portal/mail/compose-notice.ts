/**
 * What a notice says, in the reader's language: their own choice, else that of whoever acted, else English.
 *
 * SECURITY: the link of an invitation is made here, when its mail is about to be sent, and is in no other mail; names that people gave are text.
 */

import { MailwicketError } from '../../base/errors.ts'
import type { DeviceId, UserId } from '../../base/ids.ts'
import type { NoticeSubject } from '../../management/queue-notices.ts'
import type { Notice } from '../../store/notices/notice-queue.ts'
import type { Nouns } from '../../store/open-store.ts'
import { links } from '../links.ts'
import { type Formats, makeFormats } from '../messages/formats.ts'
import { isLanguage, type Language, messagesOf } from '../messages/languages.ts'
import type { MailText } from './mail-layout.ts'

/** What the queue has of a device. */
interface DeviceFacts {
  readonly device: DeviceId
  readonly name: string
  readonly mailbox: string
  readonly reads: boolean
  readonly sends: boolean
  readonly language: string | null
  readonly at: number
  readonly by: string | null
  readonly isInvited: boolean
  readonly ip: string
  readonly app: string | null
  readonly endsAt: number
}

interface Reader {
  readonly language: Language
  readonly formats: Formats
}

/** Undefined: there is nothing to say any more. Throws STORE_UNAVAILABLE. */
export async function composeNotice(nouns: Nouns, notice: Notice, { url, now }: { readonly url: string; readonly now: number }): Promise<MailText | undefined> {
  const kind = notice.kind as NoticeSubject
  if (kind === 'invitation' || kind === 'start') return composeInvitation(nouns, String(notice.payload['invitation']), { url, now })
  const facts = notice.payload as unknown as DeviceFacts
  const liked = notice.user === null ? undefined : await nouns.preferences.of(notice.user)
  const reader = readerOf(liked?.language ?? facts.language, liked?.timeZone, now)
  const { mail } = messagesOf(reader.language)
  const footer = mail.footer(new URL(url).host, `${url}${links.account}`)
  return { language: reader.language, ...sayOf(kind, facts, reader, `${url}${links.device(facts.mailbox, facts.device)}`), footer }
}

function sayOf(kind: Exclude<NoticeSubject, 'invitation' | 'start'>, facts: DeviceFacts, { language, formats }: Reader, link: string) {
  const { mail } = messagesOf(language)
  const { name, mailbox, ip, app } = facts
  switch (kind) {
    case 'new-device': {
      const scope = facts.reads && facts.sends ? 'both' : facts.sends ? 'send' : 'read'
      const by = facts.by ?? (facts.isInvited ? mail.byInvited : mail.byOperator)
      return { subject: mail.newDeviceSubject(name, mailbox), text: mail.newDevice(name, mailbox, scope, by, formats.momentAt(facts.at), link) }
    }
    case 'new-network':
      return { subject: mail.newNetworkSubject(name), text: mail.newNetwork(name, mailbox, ip, app, formats.momentAt(facts.at), link) }
    case 'new-app':
      return { subject: mail.newAppSubject(name), text: mail.newApp(name, mailbox, app ?? '?', ip, formats.momentAt(facts.at), link) }
    case 'ends-soon': {
      const day = formats.monthDay(facts.endsAt)
      return { subject: mail.endsSoonSubject(name, day), text: mail.endsSoon(name, day, link) }
    }
  }
}

async function composeInvitation(nouns: Nouns, id: string, { url, now }: { readonly url: string; readonly now: number }): Promise<MailText | undefined> {
  const open = await findOpen(nouns, id)
  if (open === undefined) return undefined
  const { user, madeBy, endsAt, mailbox } = open
  const [invited, maker] = [user === null ? undefined : await nouns.users.find(user), await nouns.users.find(madeBy)]
  const like = async (person: { readonly id: string } | undefined) => (person === undefined ? undefined : nouns.preferences.of(person.id as UserId))
  const [own, makers] = [await like(invited), await like(maker)]
  const { language, formats } = readerOf(own?.language ?? makers?.language, own?.timeZone ?? makers?.timeZone, now)
  const { mail } = messagesOf(language)
  const by = maker === undefined ? mail.byOperator : (maker.name ?? maker.login)
  const token = (await nouns.invitations.mint(id)).token.reveal().toString('utf8')
  return mailbox === null
    ? { language, subject: mail.startSubject, text: mail.start(by, `${url}${links.welcome(token)}`, formats.momentAt(endsAt)) }
    : {
        language,
        subject: mail.invitationSubject(mailbox),
        text: mail.invitation(by, mailbox, `${url}${links.invitationOpen(token)}`, formats.monthDay(endsAt)),
      }
}

async function findOpen(nouns: Nouns, id: string) {
  try {
    const invitation = await nouns.invitations.get(id)
    return invitation.state === 'open' ? invitation : undefined
  } catch (error) {
    if (error instanceof MailwicketError && error.code === 'NOT_FOUND') return undefined
    throw error
  }
}

/** Nobody's time zone is known: that of the world. */
function readerOf(language: string | null | undefined, timeZone: string | null | undefined, now: number): Reader {
  const known = language != null && isLanguage(language) ? language : 'en'
  return { language: known, formats: makeFormats({ language: known, timeZone: timeZone ?? 'UTC', now }) }
}
