/**
 * `mailwicket limits …`: who is held back for too many wrong passwords, and letting go of it.
 */
import { MailwicketError } from '../../base/errors.ts'
import { toLimitRow } from '../../management/history/history-json.ts'
import type { Limit } from '../../store/limits/limits.ts'
import type { Restriction } from '../../store/schema/failure-limits.ts'
import { addListOptions, answerList, type ListOptions, type ListShape } from '../frame/answer-list.ts'
import type { CommandContext } from '../frame/command-context.ts'
import { addExamples, type Command, does } from '../frame/command-frame.ts'
import { formatRelative } from '../frame/moment.ts'
import { manage } from '../frame/store-access.ts'
import type { Terminal } from '../frame/terminal.ts'

interface ClearOptions {
  readonly all?: boolean
}

/** What it means for who is behind the row. */
const MEANINGS: Readonly<Record<Restriction, string>> = {
  none: 'nothing yet',
  delayed: 'wrong answers are delayed',
  'generated-only': 'only generated passwords are tried',
  refused: 'refused',
}

export function declareLimits(limits: Command, terminal: Terminal): void {
  addExamples(limits, ['limits list', 'who is held back now'])

  const list = limits.command('list').description('list address blocks and mailboxes with five or more different wrong passwords')
  addListOptions(list)
  addExamples(
    does(list, terminal, (context, _, options) => listLimits(context, options)),
    ['limits list', 'the most wrong passwords first'],
  )

  const clear = limits.command('clear [subject]').description('forget the wrong passwords of an IP address, an IPv6 /64 or a mailbox')
  clear.option('--all', 'of everybody')
  addExamples(
    does(clear, terminal, (context, [subject], options) => clearLimits(context, subject, options)),
    ['limits clear 192.0.2.7', 'let this address try again'],
    ['limits clear anna@example.com', 'forget what was guessed for this mailbox'],
  )
}

const LIMIT_LIST: ListShape<Limit> = {
  columns: [
    { head: 'from', rank: 1, cell: limit => limit.block ?? 'everywhere' },
    { head: 'to', rank: 1, least: 24, cell: limit => limit.address ?? 'any mailbox' },
    { head: 'wrong passwords', rank: 2, cell: limit => String(limit.failures) },
    { head: 'what it means', rank: 3, cell: limit => MEANINGS[limit.restriction] },
    { head: 'until', rank: 4, cell: (limit, now) => formatRelative(limit.until, now) },
  ],
  toJson: toLimitRow,
  whenEmpty: 'Nobody is held back.',
}

async function listLimits(context: CommandContext, { limit }: ListOptions): Promise<void> {
  const { readLimits } = await import('../../management/history/manage-limits.ts')
  await manage(context, (useCases, operator) => answerList(context, readLimits(useCases, operator, { limit }), LIMIT_LIST))
}

async function clearLimits(context: CommandContext, subject: string | undefined, { all = false }: ClearOptions): Promise<void> {
  if ((subject === undefined) !== all)
    throw new MailwicketError('BAD_INPUT', { message: 'Whose wrong passwords?', remedy: 'Give an IP address, a mailbox, or --all; `limits list` shows them.' })
  const { clearLimits: clear } = await import('../../management/history/manage-limits.ts')
  const { cleared } = await manage(context, (useCases, operator) => clear(useCases, operator, subject === undefined ? 'all' : { subject }))
  context.answer({ cleared }, () => `${cleared === 1 ? '1 count is' : `${cleared} counts are`} forgotten within two seconds.\n`)
}
