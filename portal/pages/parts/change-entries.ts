/** Rows of the audit as pages show them: by whom, by which way, what, before and after. */
import type { AuditEntry } from '../../../store/history/audit.ts'
import type { ChangeEntry } from '../../views/activity/activity-rows.ts'

/** Words of the audit that say what another word says already. */
const SAME: Readonly<Record<string, string>> = {
  'invitation.made': 'invitation.added',
  'mailbox.rights': 'user.rights',
  'user.role-given': 'user.rights',
  'user.role-taken': 'user.rights',
}
const MOST_CHARACTERS = 200

export function toChangeEntry({ at, actor, source, action, subject, before, after }: AuditEntry, nameOf: (login: string) => string): ChangeEntry {
  const slash = subject.indexOf('/')
  const mailbox = slash > 0 && subject.includes('@') ? subject.slice(0, slash) : undefined
  const names = [...new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})])]
  return {
    kind: 'change',
    at,
    actor: nameOf(actor),
    through: throughOf(source),
    action: SAME[action] ?? action,
    subject: mailbox === undefined ? subject : subject.slice(slash + 1),
    mailbox,
    details: names.map(name => ({ field: name, before: textOf(before?.[name]), after: textOf(after?.[name]) })),
  }
}

function throughOf(source: string): ChangeEntry['through'] {
  if (source.startsWith('portal') || source === 'invitation') return 'portal'
  if (source.startsWith('api')) return 'api'
  return source.startsWith('cli') ? 'command-line' : 'gateway'
}

function textOf(value: unknown): string | null {
  if (value === undefined || value === null) return null
  const text = Array.isArray(value) ? value.join(', ') : String(value)
  return text.length > MOST_CHARACTERS ? `${text.slice(0, MOST_CHARACTERS)}…` : text
}
