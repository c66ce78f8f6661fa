/** Which sentences there are for changes: one for each word of the audit, but for those that say the same, and for what has several meanings. */
import type { AuditAction } from '../../store/schema/audit-words.ts'

/** Words of the audit that say what another sentence says already. */
export const SAME_CHANGE = {
  'invitation.link': 'invitation.renewed',
  'invitation.restarted': 'invitation.renewed',
  'mailbox.rights': 'user.rights',
  'user.role-given': 'user.rights',
  'user.role-taken': 'user.rights',
} as const satisfies Partial<Readonly<Record<AuditAction, string>>>

/** `invitation.made` is one of four things; a block that is lifted may be every one. */
type Meaning = 'invitation.added' | 'invitation.open' | 'invitation.phone' | 'invitation.start' | 'limits.all-cleared'

export type ChangeWord = Exclude<AuditAction, keyof typeof SAME_CHANGE | 'invitation.made'> | (typeof SAME_CHANGE)[keyof typeof SAME_CHANGE] | Meaning
