/**
 * `mailwicket session …`: the live connections of all nodes, and ending them.
 */
import { MailwicketError } from '../../base/errors.ts'
import { toSessionRow } from '../../management/history/history-json.ts'
import type { Session } from '../../store/history/sessions.ts'
import { answerList, type CommandContext } from '../frame/command-context.ts'
import { addExamples, type Command, does } from '../frame/command-frame.ts'
import { formatBytes, formatRelative } from '../frame/moment.ts'
import { manage } from '../frame/store-access.ts'
import type { Terminal } from '../frame/terminal.ts'

interface KickOptions {
  readonly device?: string
  readonly mailbox?: string
}

export function declareSession(session: Command, terminal: Terminal): void {
  addExamples(session, ['session list', 'who is connected now'])

  const list = session.command('list').description('list the live sessions of all nodes')
  list.option('--device <id>', 'only of this device (ID or ADDR/NAME)')
  list.option('--mailbox <addr>', 'only of this mailbox')
  addExamples(
    does(list, terminal, (context, _, options) => listSessions(context, options)),
    ['session list', 'everybody who is connected now'],
    ['session list --mailbox anna@example.com', 'of one mailbox'],
  )

  const kick = session.command('kick [id...]').description('end sessions; the app may connect again at once (to keep it out: device disable or revoke)')
  kick.option('--device <id>', 'all sessions of this device (ID or ADDR/NAME)')
  kick.option('--mailbox <addr>', 'all sessions of this mailbox')
  addExamples(
    does(kick, terminal, (context, [ids], options) => kickSessions(context, ids, options)),
    ['session kick 8x2m', 'one session, by the beginning of its ID'],
    ['session kick --device anna@example.com/phone', 'all of one device'],
  )
}

async function listSessions(context: CommandContext, options: KickOptions): Promise<void> {
  const { listSessions: list } = await import('../../management/devices/manage-sessions.ts')
  const sessions = await manage(context, (useCases, operator) => list(useCases, operator, options))
  const now = context.terminal.now()
  const toCells = (session: Session) => [
    session.id,
    session.mailbox ?? '-',
    session.deviceName ?? session.device,
    session.protocol,
    session.ip,
    session.app ?? '-',
    formatRelative(session.since, now),
    formatBytes(session.bytesIn),
    formatBytes(session.bytesOut),
    session.node,
  ]
  const heads = ['id', 'mailbox', 'device', 'protocol', 'from', 'app', 'since', 'received', 'sent', 'node']
  await answerList(context, sessions, { heads, toJson: toSessionRow, toCells, whenEmpty: 'Nobody is connected.' })
}

async function kickSessions(context: CommandContext, ids: readonly string[], options: KickOptions): Promise<void> {
  const { device, mailbox } = options
  const given = [ids.length > 0, device !== undefined, mailbox !== undefined].filter(Boolean).length
  if (given !== 1) throw new MailwicketError('BAD_INPUT', { message: 'Which sessions to end?', remedy: 'Give session IDs, or --device ID, or --mailbox ADDR.' })
  const target = device !== undefined ? { device } : mailbox !== undefined ? { mailbox } : { ids: [...ids] }
  const { endSessions } = await import('../../management/devices/manage-sessions.ts')
  const { sessions } = await manage(context, (useCases, operator) => endSessions(useCases, operator, target))
  context.answer({ sessions }, () => `${sessions === 1 ? '1 session ends' : `${sessions} sessions end`} within a second.\n`)
}
