/**
 * Recipients that count against a day's limit but are not in the store yet: those of transactions in flight, and those accepted in the
 * last moment. Of this process; other nodes see them once they are written, so between nodes a limit is kept to within a second.
 */
export class SendingLedger {
  readonly #counts = new Map<string, number>()

  /** `subjects`: the mailbox, the user and the device that a recipient counts for. */
  add(subjects: readonly string[], recipients: number): void {
    for (const subject of subjects) {
      const count = this.count(subject) + recipients
      if (count > 0) this.#counts.set(subject, count)
      else this.#counts.delete(subject)
    }
  }

  count(subject: string): number {
    return this.#counts.get(subject) ?? 0
  }
}
