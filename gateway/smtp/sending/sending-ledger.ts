/**
 * Recipients that count against a day's limit but are not in the store yet: those of transactions in flight, and those accepted in the
 * last moment. Of the processes of this machine; others see them once they are written, so between machines a limit is kept to within a second.
 *
 * Each recipient knows for whom it counts and gives that back once, whoever asks and however late: nothing is left behind by a relay that
 * ended, a device that was linked to somebody in between, or a day that is over.
 */
import { dayOf } from '../../../store/sending/sending-rows.ts'
import { MachineCounts } from '../../machine/machine-counts.ts'

export interface CountedRecipient {
  /** The upstream accepted the message: it counts for the day of `at` from now on. */
  sent(at: number): void
  /** It is not sent to after all, or the store counts it now. */
  release(): void
}

export class SendingLedger {
  readonly #counts: MachineCounts

  constructor(counts = new MachineCounts()) {
    this.#counts = counts
  }

  /** `subjects`: the mailbox, the user and the device that the recipient counts for. */
  add(subjects: readonly string[]): CountedRecipient {
    // Which day it will be is not known before it is sent: until then it counts on every day.
    let keys: readonly string[] = subjects.map(pendingKeyOf)
    this.#move([], keys)
    return {
      sent: at => {
        const before = keys
        keys = before.length === 0 ? [] : subjects.map(subject => keyOf(subject, at))
        this.#move(before, keys)
      },
      release: () => {
        this.#move(keys, [])
        keys = []
      },
    }
  }

  count(subject: string): number {
    return this.#counts.count(pendingKeyOf(subject)) + this.#counts.count(keyOf(subject, Date.now()))
  }

  #move(from: readonly string[], to: readonly string[]): void {
    for (const key of from) this.#counts.add(key, -1)
    for (const key of to) this.#counts.add(key, 1)
  }
}

/** Other counts of a mailbox go by its bare id. */
function pendingKeyOf(subject: string): string {
  return `recipients of ${subject}`
}

function keyOf(subject: string, at: number): string {
  return `${pendingKeyOf(subject)} on day ${dayOf(at)}`
}
