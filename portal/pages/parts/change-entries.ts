/** Rows of the audit as pages show them: by whom, by which way, what, before and after. What has a sentence of its own is said in words. */
import type { AuditEntry } from '../../../store/history/audit.ts'
import type { Messages } from '../../messages/en.ts'
import type { Formats } from '../../messages/formats.ts'
import type { ChangeEntry } from '../../views/activity/activity-rows.ts'

/** Words of the audit that say what another word says already. */
const SAME: Readonly<Record<string, string>> = {
  'invitation.link': 'invitation.renewed',
  'invitation.restarted': 'invitation.renewed',
  'mailbox.rights': 'user.rights',
  'user.role-given': 'user.rights',
  'user.role-taken': 'user.rights',
}
const MOST_CHARACTERS = 200

/** In whose words, and with whose names. */
export interface Telling {
  readonly m: Messages
  readonly formats: Formats
  nameOf(login: string): string
}

export function toChangeEntry(entry: AuditEntry, { m, formats, nameOf }: Telling): ChangeEntry {
  const { at, actor, source, before, after } = entry
  const { subject, mailbox } = subjectOf(entry)
  const names = [...new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})])].filter(name => !isSaid(entry.action, name))
  const facts = names.flatMap(name => factOf(name, before?.[name], after?.[name], m, formats) ?? [])
  const details = names
    .filter(name => !ENDS.includes(name))
    .map(field => ({ field, before: textOf(before?.[field]), after: textOf(after?.[field]) }))
    .filter(detail => detail.before !== detail.after)
  return { kind: 'change', at, actor: nameOf(actor), through: throughOf(source), action: actionOf(entry), subject, mailbox, facts, details }
}

/** An invitation is one of three things, each with a sentence of its own. */
function actionOf({ action, after }: AuditEntry): string {
  if (action !== 'invitation.made') return SAME[action] ?? action
  const { kind, user } = after ?? {}
  if (kind === 'phone' || kind === 'start') return `invitation.${kind}`
  return user === null || user === undefined ? 'invitation.open' : 'invitation.added'
}

function subjectOf(entry: AuditEntry): Pick<ChangeEntry, 'subject' | 'mailbox'> {
  const { subject, after } = entry
  const slash = subject.indexOf('/')
  if (slash > 0 && subject.includes('@')) return { subject: subject.slice(slash + 1), mailbox: subject.slice(0, slash) }
  return actionOf(entry) === 'invitation.added' ? { subject: String(after?.['user']), mailbox: subject } : { subject, mailbox: undefined }
}

/** What the sentence says already, or what is of no use to a reader: the number of a password, the id of a device. */
const isSaid = (action: string, field: string): boolean =>
  field === 'version' ||
  (field === 'state' && action.startsWith('device.')) ||
  (action.startsWith('invitation.') && (field === 'kind' || field === 'user' || field === 'device'))

const ENDS = ['endsAt', 'expiresAt', 'sessionsEnded']

function factOf(field: string, before: unknown, after: unknown, m: Messages, formats: Formats): string | undefined {
  if (field === 'sessionsEnded' && typeof after === 'number' && after > 0) return m.changeFacts.sessionsEnded(after)
  if (field === 'endsAt' && typeof after === 'number') return m.changeFacts.validUntil(formats.day(after))
  if (field !== 'expiresAt' || after === (before ?? null)) return undefined
  return typeof after === 'number' ? m.changeFacts.endsOn(formats.day(after)) : m.changeFacts.noEnd
}

function throughOf(source: string): ChangeEntry['through'] {
  if (source.startsWith('portal') || source === 'invitation') return 'portal'
  if (source.startsWith('api')) return 'api'
  return source.startsWith('cli') ? 'command-line' : 'gateway'
}

function textOf(value: unknown): string | null {
  if (value === undefined || value === null || (Array.isArray(value) && value.length === 0)) return null
  const text = Array.isArray(value) ? value.join(', ') : String(value)
  return text.length > MOST_CHARACTERS ? `${text.slice(0, MOST_CHARACTERS)}…` : text
}
