/**
 * What an import did: counts, the bad rows, and how both are told. Bounded, however many rows are bad; a file of rejects has them all.
 */

import { formatCsv } from '../../base/csv-format.ts'
import { MailwicketError } from '../../base/errors.ts'
import type { ImportWish, RowFate, RowResult } from '../../store/transfer/import-rows.ts'
import type { CommandContext } from '../frame/command-context.ts'
import type { PrivateFile } from '../frame/private-file.ts'

const WISHES: Readonly<Record<ImportWish, string>> = {
  update: '; --update changes it',
  generate: ': give password_hash or password, or let --generate make one',
  addUsers: '; make him with `user add`, or let --add-users make all that are missing',
}

/** As many as a person reads before correcting the file. */
const SHOWN = 50
/** As many as an answer in JSON carries. */
const KEPT = 1_000

export class ImportReport {
  readonly #rejects: PrivateFile | undefined
  /** By address: a mailbox with several devices stands on as many rows, and is one. */
  readonly #mailboxes = new Map<string, RowFate>()
  readonly #devices: Record<RowFate, number> = { added: 0, changed: 0, unchanged: 0 }
  readonly #badRows: { readonly line: number; readonly reason: string }[] = []
  #repeatedLines: number[] = []
  #usersAdded = 0
  #lackSecret = 0
  rows = 0
  /** Rows that say word for word what an earlier one says. */
  repeated = 0
  bad = 0
  /** Generated ones. */
  passwords = 0
  sawSecret = false
  isInterrupted = false

  constructor(rejects: PrivateFile | undefined) {
    this.#rejects = rejects
  }

  add(result: RowResult): void {
    this.rows += 1
    if ('bad' in result) {
      const { line, bad, wants } = result
      const reason = wants === undefined ? bad : `${bad}${WISHES[wants]}`
      if (this.bad === 0) this.#rejects?.write(formatCsv([['line', 'reason']]))
      this.bad += 1
      this.#rejects?.write(formatCsv([[String(line), reason]]))
      if (this.#badRows.length < KEPT) this.#badRows.push({ line, reason })
      return
    }
    const before = this.#mailboxes.get(result.address)
    if (before === undefined || before === 'unchanged') this.#mailboxes.set(result.address, result.mailbox)
    for (const device of result.devices) this.#devices[device] += 1
    this.#usersAdded += result.usersAdded
    if (result.lacksSecret) this.#lackSecret += 1
  }

  addRepeated(line: number): void {
    this.rows += 1
    this.repeated += 1
    if (this.#repeatedLines.length < SHOWN) this.#repeatedLines.push(line)
  }

  #mailboxCounts(): Record<RowFate, number> {
    const counts = { added: 0, changed: 0, unchanged: 0 }
    for (const fate of this.#mailboxes.values()) counts[fate] += 1
    return counts
  }

  /** For the audit: no names. */
  facts() {
    const { rows, bad, passwords, isInterrupted } = this
    const { added, changed } = this.#mailboxCounts()
    const counts = { mailboxesAdded: added, mailboxesChanged: changed, devicesAdded: this.#devices.added }
    return { rows, bad, ...counts, devicesChanged: this.#devices.changed, usersAdded: this.#usersAdded, generated: passwords, interrupted: isInterrupted }
  }

  /** Throws IMPORT_INCOMPLETE after the answer when there are bad rows. */
  answer(context: CommandContext, facts: { file: string; dryRun: boolean; passwords: string | null; nothingTaken: boolean }): void {
    const { file, dryRun, passwords, nothingTaken } = facts
    // A row that cannot even be parsed is known before its neighbours were tried.
    const badRows = this.#badRows.toSorted((a, b) => a.line - b.line)
    const counts = {
      rows: this.rows,
      mailboxes: this.#mailboxCounts(),
      devices: this.#devices,
      usersAdded: this.#usersAdded,
      withoutSecret: this.#lackSecret,
      repeated: this.repeated,
      bad: this.bad,
    }
    context.answer({ file, dryRun, nothingTaken, ...counts, passwords, badRows }, () => this.#format(dryRun || nothingTaken, passwords))
    if (this.#lackSecret > 0 && !nothingTaken)
      context.remark(
        `Mailboxes without an upstream password: ${this.#lackSecret}. Nobody gets in there until \`mailbox set ADDR --secret\`, or an import with the column secret and --update.`,
      )
    if (this.repeated > 0) {
      const lines = `${this.#repeatedLines.slice(0, 10).join(', ')}${this.repeated > 10 ? ' …' : ''}`
      context.remark(`Rows that stand in the file twice, word for word, count once: ${this.repeated} (line ${lines}).`)
    }
    if (this.bad === 0) return
    for (const { line, reason } of badRows.slice(0, SHOWN)) context.remark(`  line ${line}: ${reason}`)
    if (this.bad > SHOWN)
      context.remark(`  … and ${this.bad - SHOWN} more${this.#rejects === undefined ? '; --rejects FILE writes them all' : `, all in ${this.#rejects.path}`}`)
    const rows = this.bad === 1 ? '1 row is bad' : `${this.bad} rows are bad`
    const rest = nothingTaken ? ', and with --strict nothing was taken' : dryRun ? '; nothing was changed' : '; all others were taken'
    throw new MailwicketError('IMPORT_INCOMPLETE', { message: `${rows} of ${this.rows}${rest}.` })
  }

  #format(isConditional: boolean, passwords: string | null): string {
    const of = (what: string, { added, changed, unchanged }: Record<RowFate, number>): string =>
      `${what}: ${added} ${isConditional ? 'would be added' : 'added'}, ${changed} changed, ${unchanged} there already\n`
    return [
      of('Mailboxes', this.#mailboxCounts()),
      of('Devices  ', this.#devices),
      this.#usersAdded === 0 ? '' : `Users    : ${this.#usersAdded} ${isConditional ? 'would be added' : 'added'}\n`,
      passwords === null ? '' : `The new passwords are in ${passwords}. Hand them out, then delete it: they are nowhere else.\n`,
    ].join('')
  }
}
