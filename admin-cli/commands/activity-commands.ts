/**
 * `mailwicket activity` (logins and refusals as mail apps made them) and `mailwicket audit` (who changed what at Mailwicket).
 */

import { formatIso } from '../../base/iso-time.ts'
import { toActivityRow, toAuditRow } from '../../management/history/history-json.ts'
import type { UseCaseContext } from '../../management/use-case.ts'
import type { Activity } from '../../store/history/activity.ts'
import type { AuditEntry, AuditFilter } from '../../store/history/audit.ts'
import { addListOptions, answerList, type ListOptions, type ListShape } from '../frame/answer-list.ts'
import type { CommandContext } from '../frame/command-context.ts'
import { addExamples, type Command, does } from '../frame/command-frame.ts'
import { formatRelative, parseSince } from '../frame/moment.ts'
import { actorOf, manage } from '../frame/store-access.ts'
import type { Terminal } from '../frame/terminal.ts'

/** How often `--follow` looks: the gateway writes within a second of what happened. */
const FOLLOW_MS = 1000
const DEFAULT_LIMIT = 1000

interface ActivityOptions {
  readonly mailbox?: string
  readonly device?: string
  readonly since?: string
  readonly limit?: number
  readonly follow?: boolean
}

export function declareActivity(activity: Command, terminal: Terminal): void {
  activity.option('--mailbox <addr>', 'only of this address')
  activity.option('--device <id>', 'only of this device (ID or ADDR/NAME)')
  activity.option('--since <when>', '2h, 7d … back from now, or a date')
  addListOptions(activity, `the newest so many (default: ${DEFAULT_LIMIT})`)
  activity.option('--follow', 'go on showing what happens until Ctrl-C; with --json one object a line')
  addExamples(
    does(activity, terminal, (context, _, options) => showActivity(context, options)),
    ['activity --since 1h', 'the last hour'],
    ['activity --mailbox anna@example.com --follow', 'watch one mailbox while an app is being set up'],
  )
}

export function declareAudit(audit: Command, terminal: Terminal): void {
  audit.option('--since <when>', '2h, 7d … back from now, or a date')
  audit.option('--mailbox <addr>', 'only what was done to this mailbox and its devices')
  audit.option('--device <id>', 'only what was done to this device (ID or ADDR/NAME)')
  audit.option('--actor <who>', 'only by this user, or from this machine, terminal or SSH client')
  audit.option('--action <what>', 'only this, for example device.revoked; “device” for all of them')
  audit.option('--subject <what>', 'only of this address, login, ADDR/NAME or ID')
  addListOptions(audit, `the newest so many (default: ${DEFAULT_LIMIT})`)
  addExamples(
    does(audit, terminal, (context, _, options) => showAudit(context, options)),
    ['audit --since 7d', 'the last week'],
    ['audit --mailbox anna@example.com', 'the history of a mailbox and its devices'],
    ['audit --device anna@example.com/phone', 'the history of one device'],
    ['audit --actor root --action device.revoked --since 30d', 'what root revoked'],
  )
}

const ACTIVITY_LIST: ListShape<Activity> = {
  columns: [
    { head: 'when', rank: 1, cell: (entry, now) => formatRelative(entry.at, now) },
    { head: 'result', rank: 1, cell: entry => entry.result },
    { head: 'mailbox', rank: 1, least: 24, cell: entry => entry.address },
    { head: 'device', rank: 2, least: 8, cell: entry => entry.deviceName ?? entry.device ?? '-' },
    { head: 'protocol', rank: 5, cell: entry => entry.protocol },
    { head: 'from', rank: 3, cell: entry => entry.ip },
    { head: 'app', rank: 4, least: 10, cell: entry => entry.app ?? '-' },
    { head: '', rank: 6, cell: entry => (entry.count === 1 ? '' : `${entry.count} times`) },
  ],
  toJson: toActivityRow,
  whenEmpty: 'Nothing happened.',
}

async function showActivity(context: CommandContext, options: ActivityOptions): Promise<void> {
  const now = context.terminal.now()
  const { mailbox, device, since, limit = DEFAULT_LIMIT } = options
  const filter = {
    ...(mailbox === undefined ? {} : { mailbox }),
    ...(device === undefined ? {} : { device }),
    ...(since === undefined ? {} : { since: parseSince(since, now, '--since') }),
    limit,
  }
  if (options.follow === true) return followActivity(context, filter)
  const { readActivity } = await import('../../management/history/read-history.ts')
  await manage(context, async (useCases, operator) => {
    await answerList(context, readActivity(useCases, operator, filter), ACTIVITY_LIST)
    await remarkUnknown(context, useCases, mailbox)
  })
}

/** Attempts at an address that is no mailbox are listed like others: whoever mistyped it is told. */
async function remarkUnknown(context: CommandContext, { store }: UseCaseContext, mailbox: string | undefined): Promise<void> {
  if (mailbox === undefined) return
  const { aliases, mailboxes, names } = store.as(actorOf(context))
  const owner = await aliases.resolve(mailbox)
  if (owner === undefined) {
    const { nearestMailbox } = await import('../frame/suggest-name.ts')
    const meant = await nearestMailbox(names, mailbox)
    context.remark(`There is no mailbox ${mailbox}.${meant === undefined ? '' : ` Did you mean ${meant}?`}`)
  } else if ((await mailboxes.find(mailbox)) === undefined) context.remark(`${mailbox} is an alias: its logins are listed as those of ${owner}.`)
}

/** One line an entry, without a table: its columns could not know what is still to come. */
function formatLine(entry: Activity): string {
  const app = entry.app === null ? '' : `, ${entry.app}`
  const times = entry.count === 1 ? '' : ` (${entry.count} times)`
  return `${formatIso(entry.at)}  ${entry.result.padEnd(18)} ${entry.address}${entry.deviceName === null ? '' : `/${entry.deviceName}`}  ${entry.protocol} from ${entry.ip}${app}${times}`
}

async function followActivity(context: CommandContext, filter: { mailbox?: string; device?: string; since?: number; limit: number }): Promise<void> {
  const { terminal } = context
  const stopped = new AbortController()
  const stop = () => stopped.abort()
  const forget = [terminal.onSignal('SIGINT', stop), terminal.onSignal('SIGTERM', stop)]
  const [{ formatCell }, { listActivity, readActivityCursor }] = await Promise.all([
    import('../frame/table.ts'),
    import('../../management/history/read-history.ts'),
  ])
  try {
    await manage(context, async (useCases, operator) => {
      await remarkUnknown(context, useCases, filter.mailbox)
      // Without --since: from now on.
      let cursor = filter.since === undefined ? await readActivityCursor(useCases, operator) : undefined
      context.remark('Waiting for what happens next; Ctrl-C ends.')
      while (!stopped.signal.aborted) {
        const entries = await listActivity(useCases, operator, { ...filter, ...(cursor === undefined ? {} : { after: cursor }) })
        for (const entry of entries) {
          cursor = Math.max(cursor ?? 0, entry.cursor)
          terminal.stdout.write(`${context.json ? JSON.stringify(toActivityRow(entry)) : formatCell(formatLine(entry))}\n`)
        }
        await pause(FOLLOW_MS, stopped.signal)
      }
    })
  } finally {
    for (const off of forget) off()
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    if (signal.aborted) return resolve()
    const timer = setTimeout(done, ms)
    function done() {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    signal.addEventListener('abort', done)
  })
}

const AUDIT_LIST: ListShape<AuditEntry> = {
  columns: [
    { head: 'when', rank: 1, cell: (entry, now) => formatRelative(entry.at, now) },
    { head: 'who', rank: 2, least: 10, cell: entry => `${entry.actor} (${entry.source})` },
    { head: 'did', rank: 1, cell: entry => entry.action },
    { head: 'to', rank: 1, least: 24, cell: entry => entry.subject },
    { head: 'change', rank: 3, least: 12, cell: formatChange },
  ],
  toJson: toAuditRow,
  whenEmpty: 'No entries.',
}

async function showAudit(context: CommandContext, options: Omit<AuditFilter, 'since'> & ListOptions & { since?: string }): Promise<void> {
  const { since, subject, mailbox, device, actor, action, limit = DEFAULT_LIMIT } = options
  const from = since === undefined ? undefined : parseSince(since, context.terminal.now(), '--since')
  const { readAudit } = await import('../../management/history/read-history.ts')
  await manage(context, (useCases, operator) =>
    answerList(context, readAudit(useCases, operator, { since: from, subject, mailbox, device, actor, action, limit }), AUDIT_LIST),
  )
}

/** `expiresAt: null → 2027-01-31…`, only what differs. */
function formatChange(entry: AuditEntry): string {
  const before = (entry.before ?? {}) as Record<string, unknown>
  const after = (entry.after ?? {}) as Record<string, unknown>
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].filter(name => JSON.stringify(before[name]) !== JSON.stringify(after[name]))
  return names
    .map(name => {
      const [old, fresh] = [before[name], after[name]].map(value => formatFact(name, value))
      return old === '' ? `${name}: ${fresh}` : `${name}: ${old} → ${fresh}`
    })
    .join(', ')
}

function formatFact(name: string, value: unknown): string {
  if (value === undefined) return ''
  // Moments are kept in milliseconds; a person reads dates.
  if (typeof value === 'number' && /(?:At|Until)$/.test(name)) return formatIso(value)
  return typeof value === 'string' ? value : JSON.stringify(value)
}
