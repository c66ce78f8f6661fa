/**
 * One mail transaction as the gateway knows it: the sender, and the recipients that the upstream has accepted or is being asked for.
 */
import { sanitise } from '../../upstream/upstream-failure.ts'
import type { CountedRecipient } from './sending/sending-ledger.ts'
import type { SendingPolicy } from './sending/sending-policy.ts'

/** An envelope of more recipients is relayed, but only so many are named in the log line. */
const MAX_LOGGED_RECIPIENTS = 50
/** RFC 5321 §4.5.3.1.3: a path has 256 octets at most; what is longer is cut in the log. */
const MAX_LOGGED_ADDRESS = 320

export interface SentMessage {
  readonly sender: string
  readonly recipients: readonly string[]
  readonly recipientCount: number
  readonly bytes: number
}

export interface AcceptedMessage extends SentMessage {
  /** The upstream's 250 text. */
  readonly reply: string
}

export class SmtpTransaction {
  readonly #policy: SendingPolicy
  #isBegun = false
  #sender = ''
  #recipients: string[] = []
  #accepted: CountedRecipient[] = []
  /** Asked for, and not answered yet, in the order in which the answers come. */
  #pending: CountedRecipient[] = []

  constructor(policy: SendingPolicy) {
    this.#policy = policy
  }

  /** Whether the upstream took a sender, and has not been told yet what becomes of the message. */
  get isBegun(): boolean {
    return this.#isBegun
  }

  /** Whether no recipient was accepted or asked for. */
  get isEmpty(): boolean {
    return this.#accepted.length + this.#pending.length === 0
  }

  /** The upstream took a new sender. */
  begin(sender: string): void {
    this.reset()
    this.#isBegun = true
    this.#sender = printable(sender)
  }

  /** Judges one more recipient: the reply that refuses it, or undefined. Those not answered yet count too: pipelining slips past no limit. */
  offer(): string | undefined {
    const judged = this.#policy.judgeRecipient(this.#accepted.length + this.#pending.length)
    if (typeof judged === 'string') return judged
    this.#pending.push(judged)
    return undefined
  }

  /** The upstream's answer to a recipient that was offered. */
  answer(recipient: string, isAccepted: boolean): void {
    const answered = this.#pending.shift()
    if (!isAccepted || answered === undefined) return answered?.release()
    this.#accepted.push(answered)
    if (this.#recipients.length < MAX_LOGGED_RECIPIENTS) this.#recipients.push(printable(recipient))
  }

  describe(bytes: number): SentMessage {
    return { sender: this.#sender, recipients: this.#recipients, recipientCount: this.#accepted.length, bytes }
  }

  /** The upstream has the message. */
  accept(bytes: number, reply: string): AcceptedMessage {
    const message = { ...this.describe(bytes), reply: sanitise(reply) }
    this.#policy.recordSent(this.#accepted)
    this.#accepted = []
    return message
  }

  /** Forgets what was accepted; what was counted for the day and not sent is given back. What is asked for belongs to what comes. */
  reset(): void {
    for (const recipient of this.#accepted) recipient.release()
    this.#isBegun = false
    this.#sender = ''
    this.#recipients = []
    this.#accepted = []
  }

  /** Nothing is sent any more: also what is asked for is given back, and an answer that still comes changes nothing. */
  end(): void {
    this.reset()
    for (const recipient of this.#pending) recipient.release()
    this.#pending = []
  }
}

/** SECURITY: addresses go to terminals and log parsers; letters and digits of every script, and printable ASCII. */
function printable(address: string): string {
  return address.replace(/[^\x21-\x7e\p{L}\p{N}]/gu, '?').slice(0, MAX_LOGGED_ADDRESS)
}
