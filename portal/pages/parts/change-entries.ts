/** Rows of the audit as pages show them: by whom, by which way, what, before and after. What has a sentence of its own is said in words. */
import type { AuditEntry } from '../../../store/history/audit.ts'
import type { AuditFact } from '../../../store/schema/audit-words.ts'
import { SAME_CHANGE } from '../../messages/change-words.ts'
import type { Messages } from '../../messages/en.ts'
import type { Formats } from '../../messages/formats.ts'
import type { ChangeDetail, ChangeEntry } from '../../views/activity/activity-rows.ts'

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
  const names = ([...new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})])] as AuditFact[]).filter(name => !isSaid(entry.action, name))
  const facts = names.flatMap(name => factOf(name, before?.[name], after?.[name], m, formats) ?? [])
  const details = names.filter(name => !ENDS.includes(name)).flatMap(name => detailOf(name, entry, { m, formats }) ?? [])
  return { kind: 'change', at, actor: nameOf(actor), through: throughOf(source), action: actionOf(entry), subject, mailbox, facts, details }
}

/** An invitation is one of three things, each with a sentence of its own. */
function actionOf({ action, subject, after }: AuditEntry): string {
  if (action === 'limits.cleared' && subject === 'all') return 'limits.all-cleared'
  if (action !== 'invitation.made') return Object.hasOwn(SAME_CHANGE, action) ? SAME_CHANGE[action as keyof typeof SAME_CHANGE] : action
  const { kind, user } = after ?? {}
  if (kind === 'phone' || kind === 'start') return `invitation.${kind}`
  return user === null || user === undefined ? 'invitation.open' : 'invitation.added'
}

function subjectOf(entry: AuditEntry): Pick<ChangeEntry, 'subject' | 'mailbox'> {
  const { action, subject, before, after } = entry
  if (action.startsWith('token.')) return { subject: String(after?.name ?? before?.name ?? subject), mailbox: undefined }
  const slash = subject.indexOf('/')
  if (slash > 0 && subject.includes('@')) return { subject: subject.slice(slash + 1), mailbox: subject.slice(0, slash) }
  return actionOf(entry) === 'invitation.added' ? { subject: String(after?.user), mailbox: subject } : { subject, mailbox: undefined }
}

/** What the sentence says already, or what is of no use to a reader: the number of a password, the id of a device. */
const isSaid = (action: string, field: AuditFact): boolean =>
  OF_NO_USE.includes(field) ||
  (field === 'name' && action.startsWith('token.')) ||
  (field === 'state' && action.startsWith('device.')) ||
  (action.startsWith('invitation.') && (field === 'kind' || field === 'user'))

const OF_NO_USE: readonly AuditFact[] = ['version', 'device', 'session']
const ENDS: readonly AuditFact[] = ['endsAt', 'expiresAt', 'sessionsEnded']

function factOf(field: AuditFact, before: unknown, after: unknown, m: Messages, formats: Formats): string | undefined {
  if (field === 'sessionsEnded' && typeof after === 'number' && after > 0) return m.changeFacts.sessionsEnded(after)
  if (field === 'endsAt' && typeof after === 'number') return m.changeFacts.validUntil(dayAndTime(after, formats))
  if (field !== 'expiresAt' || after === (before ?? null)) return undefined
  return typeof after === 'number' ? m.changeFacts.endsOn(dayAndTime(after, formats)) : m.changeFacts.noEnd
}

const dayAndTime = (at: number, { day, time }: Formats): string => `${day(at)}, ${time(at)}`

/** Undefined: nothing is there, or it is what it was. */
function detailOf(field: AuditFact, { before, after }: AuditEntry, words: Pick<Telling, 'm' | 'formats'>): ChangeDetail | undefined {
  const [was, is] = [textOf(field, before?.[field], words), textOf(field, after?.[field], words)]
  if (was === is) return undefined
  // Of what is gone, it is told as it was.
  if (after === null) return { label: labelOf(field, words.m), was: null, is: was }
  return { label: labelOf(field, words.m), was, is: is ?? words.m.noFact }
}

/** A newer node may know words that this one does not. */
const labelOf = (field: AuditFact, { factLabels }: Messages): string => (Object.hasOwn(factLabels, field) ? factLabels[field] : field)

function throughOf(source: string): ChangeEntry['through'] {
  if (source.startsWith('portal') || source === 'invitation') return 'portal'
  if (source.startsWith('api')) return 'api'
  return source.startsWith('cli') ? 'command-line' : 'gateway'
}

/** Facts that hold one of our words, where the others hold what people typed. */
const WORDED: ReadonlySet<AuditFact> = new Set<AuditFact>(['scopes', 'kind', 'state', 'role', 'secret', 'by', 'rightsSince', 'senders'])
const TIMES: readonly AuditFact[] = ['legacyPasswordUntil']

function textOf(field: AuditFact, value: unknown, { m, formats }: Pick<Telling, 'm' | 'formats'>): string | null {
  if (value === undefined || value === null || (Array.isArray(value) && value.length === 0)) return null
  const wordOf = (text: string): string => (WORDED.has(field) && Object.hasOwn(m.factWords, text) ? (m.factWords[text] ?? text) : text)
  if (typeof value === 'boolean') return m.factWords[value ? 'yes' : 'no'] ?? null
  if (typeof value === 'number') return TIMES.includes(field) ? dayAndTime(value, formats) : formats.number(value)
  const text = Array.isArray(value) ? formats.list(value.map(one => wordOf(String(one)))) : wordOf(String(value))
  return text.length > MOST_CHARACTERS ? `${text.slice(0, MOST_CHARACTERS)}…` : text
}
