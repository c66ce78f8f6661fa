/**
 * `mailwicket session …`: the live connections of all nodes, and ending them.
 */
import { MailwicketError } from '../../base/errors.ts'
import { toSessionRow } from '../../management/history/history-json.ts'
import type { Session, SessionSort } from '../../store/history/sessions.ts'
import { addListOptions, answerList, type ListOptions, type ListShape } from '../frame/answer-list.ts'
import type { CommandContext } from '../frame/command-context.ts'
import { addExamples, type Command, does, Option } from '../frame/command-frame.ts'
import { formatBytes, formatRelative } from '../frame/moment.ts'
import { readRefs } from '../frame/read-refs.ts'
import { manage } from '../frame/store-access.ts'
import type { Terminal } from '../frame/terminal.ts'

interface KickOptions {
  readonly device?: string
  readonly mailbox?: string
}

interface ListSessionsOptions extends KickOptions, ListOptions {
  readonly domain?: string
  readonly upstream?: string
  readonly sort?: SessionSort
}

export function declareSession(session: Command, terminal: Terminal): void {
  addExamples(session, ['session list', 'who is connected now'])

  const list = session.command('list').description('list the live sessions of all nodes')
  list.option('--device <id>', 'only of this device (ID or ADDR/NAME)')
  list.option('--mailbox <addr>', 'only of this mailbox')
  list.option('--domain <domain>', 'only of mailboxes of this domain')
  list.option('--upstream <name>', 'only of mailboxes of this upstream')
  list.addOption(new Option('--sort <by>', 'since (default): the longest first; mailbox').choices(['since', 'mailbox']))
  addListOptions(list)
  addExamples(
    does(list, terminal, (context, _, options) => listSessions(context, options)),
    ['session list', 'everybody who is connected now'],
    ['session list --mailbox anna@example.com', 'of one mailbox'],
  )

  const kick = session
    .command('kick [id...]')
    .description('end sessions; the app may connect again at once (to keep it out: device disable or revoke). “-”: one ID a line of standard input')
  kick.option('--device <id>', 'all sessions of this device (ID or ADDR/NAME)')
  kick.option('--mailbox <addr>', 'all sessions of this mailbox')
  addExamples(
    does(kick, terminal, (context, [ids], options) => kickSessions(context, ids, options)),
    ['session kick 8x2m', 'one session, by the beginning of its ID'],
    ['session kick --device anna@example.com/phone', 'all of one device'],
  )
}

const SESSION_LIST: ListShape<Session> = {
  columns: [
    { head: 'id', rank: 1, cell: session => session.id },
    { head: 'mailbox', rank: 1, least: 24, cell: session => session.mailbox ?? '-' },
    { head: 'device', rank: 1, least: 8, cell: session => session.deviceName ?? session.device },
    { head: 'protocol', rank: 6, cell: session => session.protocol },
    { head: 'from', rank: 2, cell: session => session.ip },
    { head: 'app', rank: 4, least: 10, cell: session => session.app ?? '-' },
    { head: 'since', rank: 3, cell: (session, now) => formatRelative(session.since, now) },
    { head: 'received', rank: 7, cell: session => formatBytes(session.bytesIn) },
    { head: 'sent', rank: 5, cell: session => formatBytes(session.bytesOut) },
    { head: 'node', rank: 8, cell: session => session.node },
  ],
  toJson: toSessionRow,
  whenEmpty: 'Nobody is connected.',
}

async function listSessions(context: CommandContext, { limit, sort, ...filter }: ListSessionsOptions): Promise<void> {
  const { device, mailbox, domain, upstream } = filter
  const { readSessions } = await import('../../management/page-lists.ts')
  await manage(context, (useCases, operator) =>
    answerList(context, readSessions(useCases, operator, { filter: { device, mailbox, domain, upstream }, sort, limit }), SESSION_LIST),
  )
}

async function kickSessions(context: CommandContext, ids: readonly string[], options: KickOptions): Promise<void> {
  const { device, mailbox } = options
  const given = [ids.length > 0, device !== undefined, mailbox !== undefined].filter(Boolean).length
  if (given !== 1) throw new MailwicketError('BAD_INPUT', { message: 'Which sessions to end?', remedy: 'Give session IDs, or --device ID, or --mailbox ADDR.' })
  const target = device !== undefined ? { device } : mailbox !== undefined ? { mailbox } : { ids: [...(await readRefs(context, ids))] }
  const { endSessions } = await import('../../management/devices/manage-sessions.ts')
  const { sessions } = await manage(context, (useCases, operator) => endSessions(useCases, operator, target))
  context.answer({ sessions }, () => `${sessions === 1 ? '1 session ends' : `${sessions} sessions end`} within a second.\n`)
}
