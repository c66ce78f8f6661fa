/**
 * What a device may send (architecture §5): may it at all, as whom, to how many. A refusal is the whole reply, in words a person understands.
 *
 * The rules are asked for at every MAIL and every DATA (recent-terms.ts), so a right that is withdrawn is gone within a quarter of a second, also on a
 * connection that lives, and many connections at once have one limit a day together.
 */
import { normaliseAddress } from '../../../base/address.ts'
import type { SendingTerms } from '../../../store/sending/sending-rows.ts'
import { checkFromHeader } from '../message/from-header.ts'
import type { HeaderCheck } from '../message/smtp-payload.ts'
import type { CountedRecipient, SendingLedger } from './sending-ledger.ts'

export const POLICY_REPLIES = {
  mayNotSend: (who: 'mailbox' | 'user' | 'device') => `550 5.7.1 ${WHO[who]} may not send mail; your administrator can allow it\r\n`,
  senderNotAllowed: (address: string) => `550 5.7.1 This device may not send as ${address.replace(/[^\x21-\x7e]/g, '?')}\r\n`,
  // RFC 5321 §4.5.3.1.10: 452 for too many recipients; the app sends to the others in another message.
  tooManyRecipients: (limit: number) => `452 4.5.3 A message may have ${limit} ${limit === 1 ? 'recipient' : 'recipients'} at most\r\n`,
  tooManyToday: (limit: number) => `451 4.7.1 No more than ${limit} recipients a day; try again tomorrow\r\n`,
} as const

const WHO = { mailbox: 'This mailbox', user: 'The person this device belongs to', device: 'This device' } as const

export interface SendingPolicy {
  /** Judges MAIL FROM; '' is the null reverse-path. Throws STORE_UNAVAILABLE. */
  judgeSender(address: string): Promise<string | undefined>
  /** Judges one more recipient of a message that has `accepted` already: the reply that refuses it, or the recipient, which counts for the day. */
  judgeRecipient(accepted: number): string | CountedRecipient
  /** Judges the message as a whole, before its data. Throws STORE_UNAVAILABLE. */
  judgeMessage(): Promise<string | undefined>
  /** The check of the From header of this message; undefined where no rule asks for it. */
  headerCheck(): HeaderCheck | undefined
  /** The upstream accepted a message for these. */
  recordSent(recipients: readonly CountedRecipient[]): void
}

export interface PolicyServices {
  readonly readTerms: () => Promise<SendingTerms>
  readonly ledger: SendingLedger
  /** Has it written; `onWritten` is called when it is. */
  readonly recordSent: (recipients: number, at: number, onWritten: () => void) => void
}

export function makeSendingPolicy({ readTerms, ledger, recordSent }: PolicyServices): SendingPolicy {
  let terms: SendingTerms['rules'] = []
  let own: readonly string[] = []
  let subjects: readonly string[] = []
  let sender = ''
  const isAllowed = (address: string) => terms.every(({ senders }) => senders === null || senders.some(pattern => matches(address, pattern, own)))
  const judgeTerms = async () => {
    const read = await readTerms()
    terms = read.rules
    own = read.own
    subjects = terms.map(({ subject }) => subject)
    const denied = terms.find(({ maySend }) => !maySend)
    if (denied !== undefined) return POLICY_REPLIES.mayNotSend(denied.of)
    // The null reverse-path belongs to nobody: receipts and bounces must have it (RFC 8098 §3).
    return sender === '' || isAllowed(sender) ? undefined : POLICY_REPLIES.senderNotAllowed(sender)
  }
  return {
    judgeSender(address) {
      sender = address
      return judgeTerms()
    },
    judgeRecipient(accepted) {
      for (const { recipientsPerMessage, recipientsPerDay, sentToday, subject } of terms) {
        if (recipientsPerMessage !== null && accepted >= recipientsPerMessage) return POLICY_REPLIES.tooManyRecipients(recipientsPerMessage)
        if (recipientsPerDay !== null && sentToday + ledger.count(subject) >= recipientsPerDay) return POLICY_REPLIES.tooManyToday(recipientsPerDay)
      }
      return ledger.add(subjects)
    },
    async judgeMessage() {
      const refused = await judgeTerms()
      if (refused !== undefined) return refused
      const exceeded = terms.find(
        ({ recipientsPerDay, sentToday, subject }) => recipientsPerDay !== null && sentToday + ledger.count(subject) > recipientsPerDay,
      )
      return exceeded === undefined ? undefined : POLICY_REPLIES.tooManyToday(exceeded.recipientsPerDay as number)
    },
    headerCheck: () => (terms.some(({ checksFrom, senders }) => checksFrom && senders !== null) ? checkFromHeader(isAllowed) : undefined),
    recordSent(recipients) {
      const at = Date.now()
      for (const recipient of recipients) recipient.sent(at)
      recordSent(recipients.length, at, () => {
        for (const recipient of recipients) recipient.release()
      })
    },
  }
}

function matches(text: string, pattern: string, own: readonly string[]): boolean {
  const address = normaliseAddress(text)
  if (address === undefined) return false
  if (pattern === 'own') return own.includes(address)
  return pattern.startsWith('*@') ? address.endsWith(pattern.slice(1)) : address === pattern
}
