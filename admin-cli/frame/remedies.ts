/**
 * Which command or option helps after a problem, in the words of the command line. What has no line here has the advice of its error code.
 */
import type { MailwicketError } from '../../base/errors.ts'
import { type FactsOf, isProblem, type Reason } from '../../base/problems.ts'

type Remedies = { readonly [R in Reason]?: (facts: FactsOf<R>) => string }

const REMEDIES: Remedies = {
  'mailbox.exists': () => 'Change it with `mailbox set`, or give it a device with `device add`.',
  'mailbox.unknown': () => 'List them with `mailbox list`, or put one behind the gateway with `mailbox add ADDR`.',
  'mailbox.no-secret': ({ address }) => `Run \`mailwicket mailbox set ${address} --secret-stdin\`.`,
  'device.unknown': () => 'List them with `device list`.',
  'migration.name-taken': ({ id }) => `Give it another name first: \`mailwicket device rename ${id} NAME\`.`,
  'migration.name-reserved': () => 'It belongs to --legacy-password-until of `mailbox set`: give the device another name.',
  'migration.device': ({ mailbox }) => `Its date is set with \`mailwicket mailbox set ${mailbox} --legacy-password-until DATE\`, and \`off\` ends it.`,
  'password.generated-only': () => 'Leave out --password-stdin and let one be generated.',
  'password.looks-generated': () => 'Leave out --password-stdin, or give another one.',
  'password.too-many-chosen': () => 'Leave out --password-stdin.',
  'user.unknown': () => 'List them with `user list`, or make one with `user add LOGIN`.',
  'user.blocked-linked': ({ login }) =>
    `Revoke the devices first (\`device list --user ${login}\` names them), or run \`user unblock ${login}\` if they may get in.`,
  'user.linked-at': () => 'Say what becomes of them: --revoke-devices ends them, --unlink lets them go on without a user.',
  'user.last-administrator': () => 'Make somebody else an administrator first: `user rights LOGIN --admin`.',
  'sending.no-senders': () => 'Say --senders any, or --may-send no.',
  'session.unknown': () => 'List them with `session list`.',
  'limits.unknown': () => '`limits list` shows who has five wrong passwords or more.',
  'limits.subject-form': () => '`limits list` shows what can be cleared.',
  'database.unknown': () => 'Run `mailwicket init`, or `mailwicket restore FILE` if you have a backup.',
  'database.replaced': () => 'Restart the gateway; use `mailwicket restore` to replace a store.',
  'database.no-store': () => 'Move the file away and run `mailwicket init`, or `mailwicket restore FILE`.',
  'database.empty': () => 'Run `mailwicket init --store URL`, or `mailwicket restore FILE` if you have a backup.',
  'database.has-store': () => 'Use it, or name another database; nothing is restored or moved over a store that is there.',
  'database.no-file': () => 'Use the means of PostgreSQL: pg_dump for backups.',
  'move.other-store': () => 'Empty it, or name another database.',
  'move.audit-differs': () => 'The old store was restored meanwhile. Empty the new place, and begin the move again.',
  'move.taken-over': () => 'Let that one finish. It can be run again at any time.',
  'backup.unknown': () => 'Name a file that `mailwicket backup` made.',
  'backup.key': () => 'Put that key on a second line of the master key file, restore, then run `mailwicket key rotate`.',
  'rotation.disturbed': () => 'Nothing is lost, and no key was removed: run `mailwicket key rotate` again.',
  'key-file.exposed': ({ path }) => `Run \`chmod 600 ${path}\`, and \`mailwicket key rotate\` if somebody may have read it.`,
}

/** What to do after this error. */
export function remedyFor(error: MailwicketError): string {
  if (!isProblem(error)) return error.remedy
  const advise = REMEDIES[error.reason] as ((facts: unknown) => string) | undefined
  return advise?.(error.facts) ?? error.remedy
}
