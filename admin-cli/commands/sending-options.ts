/**
 * The options with which `mailbox set`, `device set` and `user set` say what may be sent, and how the rules are shown.
 */
import { MailwicketError } from '../../base/errors.ts'
import type { SendingChanges } from '../../store/sending/sending-change.ts'
import type { Sending } from '../../store/sending/sending-rows.ts'
import type { Command } from '../frame/command-frame.ts'

export interface SendingOptions {
  readonly maySend?: string
  readonly senders?: string
  readonly checkFrom?: string
  readonly recipientsPerMessage?: string
  readonly recipientsPerDay?: string
}

/** For the remedy of a `set` without any change. */
export const SENDING_OPTIONS = '--may-send, --senders, --check-from, --recipients-per-message, --recipients-per-day'

/** The rules of mailbox, user and device hold together: a help that shows one of them says so. */
export function addSendingOptions(command: Command): Command {
  return command
    .option('--may-send <yes|no>', 'whether it may send at all; the rules of mailbox, user and device hold together')
    .option('--senders <list>', 'from which addresses: own (the mailbox’s), others, *@domain, with commas between; “any” lifts it')
    .option('--check-from <yes|no>', 'hold the From line of a message against the senders too, not only MAIL FROM')
    .option('--recipients-per-message <n>', 'at most so many recipients a message; “none” lifts it')
    .option('--recipients-per-day <n>', 'at most so many recipients a day (UTC); “none” lifts it')
}

/** The changes that were asked for; undefined: none. Throws BAD_INPUT. */
export async function parseSendingOptions(options: SendingOptions): Promise<SendingChanges | undefined> {
  const { maySend, senders, checkFrom, recipientsPerMessage, recipientsPerDay } = options
  const changes: SendingChanges = {
    ...(maySend === undefined ? {} : { maySend: parseYesNo(maySend, '--may-send') }),
    ...(senders === undefined ? {} : { senders: await parseSenderList(senders) }),
    ...(checkFrom === undefined ? {} : { checksFrom: parseYesNo(checkFrom, '--check-from') }),
    ...(recipientsPerMessage === undefined ? {} : { recipientsPerMessage: parseLimit(recipientsPerMessage, '--recipients-per-message') }),
    ...(recipientsPerDay === undefined ? {} : { recipientsPerDay: parseLimit(recipientsPerDay, '--recipients-per-day') }),
  }
  return Object.keys(changes).length === 0 ? undefined : changes
}

function parseYesNo(text: string, option: string): boolean {
  const word = text.trim().toLowerCase()
  if (word === 'yes') return true
  if (word === 'no') return false
  throw badInput(`${option}: “${text.slice(0, 60)}” is neither yes nor no.`, `Say ${option} yes or ${option} no.`)
}

async function parseSenderList(text: string): Promise<readonly string[] | null> {
  const words = text
    .split(',')
    .map(word => word.trim())
    .filter(word => word !== '')
  const example = 'For example --senders own,info@example.com or --senders "*@example.com"; --senders any lifts the rule.'
  if (words.length === 0) throw badInput('--senders: the list is empty.', `${example} To stop sending: --may-send no`)
  if (words.some(word => word.toLowerCase() === 'any')) {
    if (words.length > 1) throw badInput('--senders: “any” stands alone.', example)
    return null
  }
  const { parseSenders } = await import('../../store/sending/sending-change.ts')
  try {
    return parseSenders(words)
  } catch (error) {
    if (!(error instanceof MailwicketError)) throw error
    throw badInput(`--senders: ${error.message}`, example)
  }
}

function parseLimit(text: string, option: string): number | null {
  const word = text.trim().toLowerCase()
  if (word === 'none') return null
  if (/^[1-9]\d{0,8}$/.test(word)) return Number(word)
  throw badInput(
    `${option}: “${text.slice(0, 60)}” is no number of recipients.`,
    `Give a whole number from 1, for example ${option} 100, or “none” for no limit. To stop sending: --may-send no`,
  )
}

function badInput(message: string, remedy: string): MailwicketError {
  return new MailwicketError('BAD_INPUT', { message, remedy })
}

/** `name  value` pairs for a person. */
export function toSendingFields({ maySend, senders, checksFrom, recipientsPerMessage, recipientsPerDay, sentToday }: Sending): [string, string][] {
  const limits = [
    ...(recipientsPerMessage === null ? [] : [`at most ${recipientsPerMessage} a message`]),
    ...(recipientsPerDay === null ? [] : [`at most ${recipientsPerDay} a day`]),
  ]
  return [
    ['May send', maySend ? 'yes' : 'no'],
    ['Senders', senders === null ? 'any' : senders.join(', ')],
    ['From line', checksFrom ? 'checked too' : 'not checked'],
    ['Recipients', `${limits.join(', ') || 'no limit'}; ${sentToday} today`],
  ]
}
