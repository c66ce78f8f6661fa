/**
 * Migration passwords on the command line: until when a mailbox takes its upstream password too, for one mailbox or a whole domain, and who still uses it.
 */
import { MailwicketError } from '../../base/errors.ts'
import { formatIso, formatIsoOrNull } from '../../base/iso-time.ts'
import type { MigrationFilter, MigrationPasswordUse } from '../../store/accounts/migration-passwords.ts'
import { answerList, isNarrowed, type ListOptions, type ListShape } from '../frame/answer-list.ts'
import type { CommandContext } from '../frame/command-context.ts'
import type { Command } from '../frame/command-frame.ts'
import { formatEnd, formatRelative, parseExpiry } from '../frame/moment.ts'
import { manage } from '../frame/store-access.ts'

const OPTION = '--legacy-password-until'

export function addMigrationOption(command: Command): void {
  command.option(`${OPTION} <when>`, 'migration: until then (2027-01-31, 30d) apps get in with its upstream password too; `off` ends that at once')
}

/** Milliseconds since 1970, UTC; null: not at all. Throws BAD_INPUT. */
export function parseMigrationEnd(text: string, now: number): number | null {
  return text.trim().toLowerCase() === 'off' ? null : parseExpiry(text, now, OPTION)
}

/** What `mailbox show` says of it. */
export function formatMigrationEnd(until: number | null, now: number): string {
  if (until === null) return 'refused: every app needs a password of its own'
  return `${until > now ? 'works too, until' : 'worked until'} ${formatEnd(until, now)}`
}

/** `mailbox set --all-of DOMAIN`. */
export async function setMigrationEndOfDomain(context: CommandContext, domainText: string, when: string): Promise<void> {
  const [{ domainOf, parseAddress }, { openProgress }] = await Promise.all([import('../../base/address.ts'), import('../frame/progress.ts')])
  const domain = domainOf(parseAddress(`any@${domainText.replace(/^@/, '')}`))
  const now = context.terminal.now()
  const until = parseMigrationEnd(when, now)
  const progress = await openProgress(context, 'Mailboxes')
  try {
    const { migrateDomain } = await import('../../management/mailboxes/migrate-mailboxes.ts')
    const input = { domain, until, onProgress: progress.onProgress }
    const { mailboxes, changed } = await manage(context, (useCases, operator) => migrateDomain(useCases, operator, input))
    progress.stop()
    const what = until === null ? 'take no upstream password any more' : `take their upstream password too, until ${formatEnd(until, now)}`
    context.answer(
      { domain, mailboxes, changed, legacyPasswordUntil: formatIsoOrNull(until) },
      () => `The mailboxes of ${domain} (${mailboxes}) ${what}; ${changed} changed.\n`,
    )
  } finally {
    progress.stop()
  }
}

/** `mailbox list --legacy`: who has to move yet, the latest user first. */
export async function listMigrationPasswords(context: CommandContext, { limit, ...filter }: ListOptions & MigrationFilter): Promise<void> {
  const { readMigrationPasswords } = await import('../../management/mailboxes/migrate-mailboxes.ts')
  await manage(context, (useCases, operator) =>
    answerList(
      context,
      readMigrationPasswords(useCases, operator, { filter, limit }),
      isNarrowed(filter) ? { ...MIGRATION_LIST, whenEmpty: 'No such mailbox takes its upstream password.' } : MIGRATION_LIST,
    ),
  )
}

function toMigrationRow({ address, state, until, lastConnection: last, sessions, devices }: MigrationPasswordUse) {
  return {
    address,
    state,
    legacyPasswordUntil: formatIso(until),
    lastConnection: last === null ? null : { at: formatIso(last.at), ip: last.ip, protocol: last.protocol, app: last.app },
    sessions,
    devices,
  }
}

const MIGRATION_LIST: ListShape<MigrationPasswordUse> = {
  columns: [
    { head: 'address', rank: 1, cell: use => use.address },
    { head: 'state', rank: 2, cell: use => (use.state === 'legacy' ? 'accepted' : use.state) },
    { head: 'until', rank: 5, cell: (use, now) => formatEnd(use.until, now) },
    { head: 'last used', rank: 3, cell: ({ lastConnection: last }, now) => (last === null ? 'never' : `${formatRelative(last.at, now)} (${last.protocol})`) },
    { head: 'from', rank: 6, cell: use => use.lastConnection?.ip ?? '-' },
    { head: 'app', rank: 4, least: 10, cell: use => use.lastConnection?.app ?? '-' },
    { head: 'sessions', rank: 8, cell: use => String(use.sessions) },
    { head: 'devices', rank: 7, cell: use => String(use.devices) },
  ],
  toJson: toMigrationRow,
  whenEmpty: `No mailbox takes its upstream password. For a move: mailwicket mailbox set ADDR ${OPTION} 30d`,
}

/** For `--all-of`, which changes nothing but the date. Throws BAD_INPUT. */
export function checkAllOf(address: string | undefined, options: Readonly<Record<string, unknown>>): void {
  // `verify` is there always: it is true unless switched off.
  const others = Object.keys(options).filter(name => !['allOf', 'legacyPasswordUntil', 'verify'].includes(name))
  if (address === undefined && others.length === 0 && options.legacyPasswordUntil !== undefined) return
  throw new MailwicketError('BAD_INPUT', {
    message: `--all-of sets ${OPTION} for a whole domain, and nothing else.`,
    remedy: `Give it with ${OPTION} and without an address, or name one mailbox.`,
  })
}
