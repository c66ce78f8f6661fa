/**
 * `mailwicket import FILE`: mailboxes and devices from CSV or JSON Lines. What a row means is in import-fields.ts, what becomes of it in store/transfer/importer.ts.
 */
import { basename, resolve } from 'node:path'
import { MailwicketError } from '../../base/errors.ts'
import type { Config } from '../../config/config.ts'
import type { Store } from '../../store/open-store.ts'
import { BadRow, type FreshPassword, type ImportRow, type ImportRules, type RowResult } from '../../store/transfer/import-rows.ts'
import type { CommandContext } from '../frame/command-context.ts'
import { addExamples, type Command, does, Option } from '../frame/command-frame.ts'
import { Interrupted } from '../frame/interrupted.ts'
import type { PrivateFile } from '../frame/private-file.ts'
import { openProgress } from '../frame/progress.ts'
import { withStore } from '../frame/store-access.ts'
import type { Terminal } from '../frame/terminal.ts'
import { ImportReport } from './import-report.ts'
import type { Format, ImportSource } from './import-source.ts'
import { SeenRows } from './seen-rows.ts'

interface ImportOptions {
  readonly format?: Format
  readonly dryRun?: boolean
  readonly update?: boolean
  readonly strict?: boolean
  readonly generate?: string
  readonly addUsers?: boolean
  readonly rejects?: string
}

/** Rows of one transaction. With a mailbox and a device each they hold the write lock for about a tenth of a second. */
const BATCH_ROWS = 250
/** Where passwords are to be hashed: a batch is a second or two, so that the bar moves and Ctrl-C is heard. */
const HASHING_BATCH_ROWS = 50

export function declareImport(command: Command, terminal: Terminal): void {
  command.argument('<file>', 'CSV or JSON Lines; - for standard input')
  command.addOption(new Option('--format <format>', 'what the file is (default: by its name, else by its first line)').choices(['csv', 'json']))
  command.option('--dry-run', 'change nothing; say what would happen and which rows are bad')
  command.option('--update', 'change mailboxes and devices that are there and differ; without it such a row is bad')
  command.option('--strict', 'take all rows or none: one bad row stops everything')
  command.option('--generate <new-file>', 'make a password for each new device that has none, and write them to this file, 0600')
  command.option('--add-users', 'make users that are named and not there')
  command.option('--rejects <new-file>', 'write every bad row to this file: line and reason')
  addExamples(
    does(command, terminal, (context, [file], options) => importFile(context, file, options)),
    ['import staff.csv --dry-run', 'what would happen?'],
    ['import staff.csv --generate passwords.csv', 'one password a device, in a new file that only you can read'],
    ['import old-gateway.json --update', 'take a file again after it was changed'],
    ['import - --format csv < staff.csv', 'from standard input'],
  )
}

async function importFile(context: CommandContext, path: string, options: ImportOptions): Promise<void> {
  if (path === '-' && options.strict === true) {
    throw new MailwicketError('BAD_INPUT', { message: '--strict reads the file twice, which standard input cannot be.', remedy: 'Write it to a file first.' })
  }
  await withStore(context, async (store, config) => {
    const target = path === '-' ? '-' : resolve(context.terminal.cwd, path)
    const { createPrivateFile } = await import('../frame/private-file.ts')
    const opened: PrivateFile[] = []
    const open = (name: string | undefined): PrivateFile | undefined => {
      if (name === undefined) return undefined
      const file = createPrivateFile(resolve(context.terminal.cwd, name))
      opened.push(file)
      return file
    }
    try {
      // Before anything else: nobody waits for an hour to hear that the file for the passwords is there already.
      const rejects = open(options.rejects)
      const passwords = options.dryRun === true ? undefined : open(options.generate)
      const run = new ImportRun({ context, store, config, target, options, passwords })
      if (options.strict === true && options.dryRun !== true) {
        const rehearsal = await run.once('Checking', new ImportReport(rejects), 'rehearse')
        if (rehearsal.bad > 0) {
          passwords?.discard()
          return rehearsal.answer(context, { file: path, dryRun: false, passwords: null, nothingTaken: true })
        }
      }
      const report = await run.once(
        options.dryRun === true ? 'Checking' : 'Importing',
        new ImportReport(rejects),
        options.dryRun === true ? 'rehearse' : 'import',
      )
      if (report.passwords === 0) passwords?.discard()
      report.answer(context, {
        file: path,
        dryRun: options.dryRun === true,
        passwords: report.passwords === 0 ? null : (passwords?.path ?? null),
        nothingTaken: false,
      })
    } finally {
      for (const file of opened) file.close()
    }
  })
}

interface RunParts {
  readonly context: CommandContext
  readonly store: Store
  readonly config: Config
  readonly target: string
  readonly options: ImportOptions
  readonly passwords: PrivateFile | undefined
}

class ImportRun {
  readonly #parts: RunParts

  constructor(parts: RunParts) {
    this.#parts = parts
  }

  async once(what: string, report: ImportReport, mode: 'rehearse' | 'import'): Promise<ImportReport> {
    const { context, store, config, target, options } = this.#parts
    const { openSource } = await import('./import-source.ts')
    const source = openSource(context.terminal, target, options.format)
    const { update = false, addUsers = false, generate } = options
    const name = target === '-' ? 'standard input' : basename(target)
    const rehearse = mode === 'rehearse'
    const { importer, close } = await store.transfer.openImport({
      rules: await rulesOf(config),
      source: name,
      update,
      addUsers,
      generate: generate !== undefined,
      rehearse,
    })
    const stopped = new AbortController()
    const forget = context.terminal.onSignal('SIGINT', () => stopped.abort())
    const progress = await openProgress(context, what)
    try {
      const onFresh = await this.#writerOfPasswords(report, rehearse)
      const take = async (rows: readonly ImportRow[]): Promise<void> => {
        for (const result of await importer.take(rows, onFresh)) report.add(result)
        const state = source.progress()
        if (state !== undefined) progress.onProgress(state)
      }
      await this.#takeAll(source, report, take, stopped.signal)
      report.isInterrupted = stopped.signal.aborted
      if (!rehearse) await importer.finish({ file: name, ...report.facts() })
    } finally {
      progress.stop()
      forget()
      await close()
    }
    if (report.sawSecret && source.isExposed && !rehearse)
      context.remark(
        `Warning: others on this machine can read ${target}, and it holds passwords. Run: chmod 600 ${target}; and delete it when it is no longer needed.`,
      )
    if (report.isInterrupted) {
      context.remark(`Stopped after ${report.rows} rows; they are taken whole. Run the command again to go on: what is there already is left alone.`)
      throw new Interrupted()
    }
    return report
  }

  async #takeAll(source: ImportSource, report: ImportReport, take: (rows: readonly ImportRow[]) => Promise<void>, signal: AbortSignal): Promise<void> {
    const { toImportRow } = await import('./import-fields.ts')
    let batch: ImportRow[] = []
    let size = BATCH_ROWS
    const seen = new SeenRows()
    for await (const raw of source.rows()) {
      if (signal.aborted) break
      if (!('bad' in raw) && seen.has(raw)) {
        report.addRepeated(raw.line)
        continue
      }
      const row = parse(toImportRow, raw)
      if ('bad' in row) report.add(row)
      else {
        batch.push(row)
        report.sawSecret ||= row.mailbox.secret !== undefined || row.devices.some(device => device.password !== undefined || device.phc !== undefined)
        const hashes = row.devices.some(device => device.password !== undefined || (this.#parts.passwords !== undefined && device.phc === undefined))
        if (hashes) size = HASHING_BATCH_ROWS
      }
      if (batch.length < size) continue
      await take(batch)
      batch = []
    }
    if (batch.length > 0 && !signal.aborted) await take(batch)
  }

  /** On the disk before the devices are: whoever interrupts an import has every password that counts. */
  async #writerOfPasswords(report: ImportReport, rehearse: boolean): Promise<(fresh: readonly FreshPassword[]) => void> {
    const { passwords } = this.#parts
    const [{ formatCsv }, { revealPassword }] = await Promise.all([import('../../base/csv-format.ts'), import('../commands/devices/device-password.ts')])
    return fresh => {
      if (rehearse || passwords === undefined) return
      if (report.passwords === 0) passwords.write(formatCsv([['mailbox', 'device', 'password']]))
      passwords.write(formatCsv(fresh.map(({ mailbox, device, password }) => [mailbox, device, revealPassword(password)])))
      passwords.sync()
      report.passwords += fresh.length
    }
  }
}

function parse(toImportRow: (raw: Parsable) => ImportRow, raw: Parsable | (RowResult & { bad: string })): ImportRow | { line: number; bad: string } {
  if ('bad' in raw) return raw
  try {
    return toImportRow(raw)
  } catch (error) {
    if (error instanceof BadRow) return { line: raw.line, bad: error.message }
    throw error
  }
}

type Parsable = Parameters<typeof import('./import-fields.ts').toImportRow>[0]

/** What the configuration says about mailboxes, with messages that quote nothing of the file. */
async function rulesOf(config: Config): Promise<ImportRules> {
  const { checkLogin, chooseUpstream, getUpstream } = await import('../../upstream/upstream-choice.ts')
  return {
    chooseUpstream(address, wanted) {
      try {
        return chooseUpstream(config, address, wanted).name
      } catch (error) {
        if (!(error instanceof MailwicketError)) throw error
        const names = config.upstreams.map(({ name }) => name).join(', ')
        throw new BadRow(wanted === undefined ? `upstream: none is for this domain; name one of ${names}` : `upstream: the configuration has ${names}`)
      }
    },
    checkMailbox({ upstream: name, login, givesSecret }) {
      const upstream = getUpstream(config, name)
      try {
        checkLogin(upstream, login)
      } catch (error) {
        if (!(error instanceof MailwicketError)) throw error
        throw new BadRow(`login: not possible at the upstream ${name}; see \`mailwicket mailbox add --help\``)
      }
      if (upstream.auth.method === 'master' && givesSecret) throw new BadRow(`secret: the upstream ${name} is logged in to with a master user; leave it empty`)
      return { needsSecret: upstream.auth.method === 'stored' }
    },
  }
}
