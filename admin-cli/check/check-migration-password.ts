/**
 * How far a migration is: who uses the migration password yet, and who of them loses it soon.
 */

import { MailwicketError } from '../../base/errors.ts'
import type { Config } from '../../config/config.ts'
import type { MigrationPasswordUse } from '../../store/accounts/migration-passwords.ts'
import type { CommandContext } from '../frame/command-context.ts'
import { formatEnd } from '../frame/moment.ts'
import { withStoreOf } from '../frame/store-access.ts'
import { doubtful, type Finding, good } from './check-finding.ts'

const CHECK = 'cut-over'
const DAY_MS = 86_400_000
/** Time to call the people who have not moved. */
const SOON_MS = 14 * DAY_MS
/** An app that is in use connects at least once a week. */
const IN_USE_MS = 7 * DAY_MS
/** As many as one line can show. */
const MAX_NAMES = 10

export async function checkMigrationPasswords(context: CommandContext, config: Config): Promise<Finding[]> {
  try {
    return judgeMigrationPasswords(await withStoreOf(context, config, store => store.migrationPasswords.list()), context.terminal.now())
  } catch (error) {
    // A store that does not open has its own line.
    if (error instanceof MailwicketError) return []
    throw error
  }
}

export function judgeMigrationPasswords(uses: readonly MigrationPasswordUse[], now: number): Finding[] {
  const open = uses.filter(({ state }) => state === 'legacy')
  if (open.length === 0) return []
  const inUse = open.filter(({ lastConnection }) => lastConnection !== null && lastConnection.at >= now - IN_USE_MS)
  const soon = inUse.filter(({ until }) => until <= now + SOON_MS)
  const first = Math.min(...open.map(({ until }) => until))
  const summary = `${countOf(open.length, formatEnd(first, now))}; ${inUse.length} used it in the last 7 days.`
  if (soon.length === 0) return [good(CHECK, summary)]
  const names = soon.slice(0, MAX_NAMES).map(({ address }) => address)
  const more = soon.length > MAX_NAMES ? ` and ${soon.length - MAX_NAMES} more` : ''
  return [
    doubtful(
      CHECK,
      `${summary} ${soon.length === 1 ? 'This one loses' : 'These lose'} it within 14 days: ${names.join(', ')}${more}.`,
      'Move their apps to passwords of their own (`device add`), or the date: `mailbox set ADDR --legacy-password-until DATE`. `mailbox list --legacy` shows who used it when.',
    ),
  ]
}

function countOf(count: number, end: string): string {
  return count === 1
    ? `One mailbox takes its upstream password too, until ${end}`
    : `${count} mailboxes take their upstream password too, the first until ${end}`
}
