/**
 * `mailwicket export`: mailboxes and devices as a file that `import` takes, here or elsewhere. Never a password in clear.
 */
import { resolve } from 'node:path'
import { MailwicketError } from '../../base/errors.ts'
import type { ExportedMailbox } from '../../store/transfer/export.ts'
import type { CommandContext } from '../frame/command-context.ts'
import { addExamples, type Command, does, Option } from '../frame/command-frame.ts'
import { createPrivateFile } from '../frame/private-file.ts'
import { openProgress } from '../frame/progress.ts'
import { withStore } from '../frame/store-access.ts'
import type { Terminal } from '../frame/terminal.ts'
import { writePatiently } from '../frame/write-patiently.ts'
import type { Format } from './import-source.ts'

interface ExportOptions {
  readonly format?: Format
  readonly withHashes?: boolean
}

export function declareExport(command: Command, terminal: Terminal): void {
  command.argument('[file]', 'a new file, 0600; without it, or as -: standard output')
  command.addOption(new Option('--format <format>', 'csv or json (one mailbox a line); default: by the name of the file, else csv').choices(['csv', 'json']))
  command.option('--with-hashes', 'with the argon2id hashes of the app passwords, so that they go on working elsewhere; keep such a file like passwords')
  addExamples(
    does(command, terminal, (context, [file], options) => exportStore(context, file, options)),
    ['export mailboxes.csv', 'for a spreadsheet: who has which devices; no passwords, no hashes'],
    ['export move.json --with-hashes', 'to another Mailwicket; upstream passwords are not in it'],
    ['export --json', 'for scripts: one JSON array'],
  )
}

/** Bytes of one kind of file: what stands before, between and behind the rows. */
interface Shape {
  readonly head: string
  readonly tail: string
  format(page: readonly ExportedMailbox[], isFirst: boolean): string
}

async function exportStore(context: CommandContext, path: string | undefined, options: ExportOptions): Promise<void> {
  const { terminal } = context
  const file = path === undefined || path === '-' ? undefined : resolve(terminal.cwd, path)
  const withHashes = options.withHashes === true
  if (withHashes && file === undefined && terminal.stdout.isTTY === true)
    throw new MailwicketError('BAD_INPUT', {
      message: 'Hashes of passwords do not belong on a screen.',
      remedy: 'Name a file, or pipe the output to where it is needed.',
    })
  const { formatOf } = await import('./import-source.ts')
  const wanted = options.format ?? (file === undefined ? undefined : formatOf(file))
  const isArray = context.json && file === undefined
  if (isArray && options.format === 'csv')
    throw new MailwicketError('BAD_INPUT', { message: '--json and --format csv contradict each other.', remedy: 'Give one of them.' })
  const shape = isArray ? await arrayShape() : wanted === 'json' ? await linesShape() : await csvShape(withHashes)
  await withStore(context, async store => {
    const output = file === undefined ? undefined : createPrivateFile(file)
    const progress = await openProgress(context, 'Exporting')
    const write = output === undefined ? (text: string) => writePatiently(terminal.stdout, text) : async (text: string) => output.write(text)
    const blocked = new Set<string>()
    let isFirst = true
    try {
      await write(shape.head)
      const counts = await store.transfer.export({
        withHashes,
        target: file ?? 'standard output',
        onPage: async (page, state) => {
          await write(shape.format(page, isFirst))
          isFirst = false
          for (const { devices, people } of page)
            for (const { user, userState } of [...devices, ...people]) if (userState === 'blocked' && user !== null) blocked.add(user)
          progress.onProgress(state)
        },
      })
      await write(shape.tail)
      output?.sync()
      if (file !== undefined)
        context.answer(
          { file, format: wanted ?? 'csv', withHashes, ...counts },
          () => `Wrote ${counts.mailboxes} mailboxes with ${counts.devices} devices to ${file}.\n`,
        )
    } catch (error) {
      output?.discard()
      throw error
    } finally {
      progress.stop()
      output?.close()
    }
    if (withHashes)
      context.remark(
        'The file holds hashes of app passwords: whoever has it can guess at them as long as he likes. Keep it like passwords, and delete it after the move.',
      )
    if (blocked.size > 0)
      context.remark(
        `Blocked users are not marked in it; block them again where you import it: ${[...blocked].slice(0, 20).join(', ')}${blocked.size > 20 ? ' …' : ''}`,
      )
  })
}

async function csvShape(withHashes: boolean): Promise<Shape> {
  const { formatCsv } = await import('../../base/csv-format.ts')
  const { formatPerson } = await import('./import-people.ts')
  const { formatIso } = await import('../../base/iso-time.ts')
  const columns = [
    'mailbox',
    'upstream',
    'login',
    'mailbox_state',
    'legacy_password_until',
    'device',
    'device_state',
    'scopes',
    'expires',
    'allow_from',
    'user',
  ]
  const toRows = ({ address, upstream, login, state, migrationPasswordUntil, note, aliases, people, devices }: ExportedMailbox): string[][] => {
    const until = migrationPasswordUntil === null ? '' : formatIso(migrationPasswordUntil)
    const mailbox = [address, upstream, login ?? '', state, until]
    const more = [note ?? '', aliases.join(' '), people.map(formatPerson).join(' ')]
    if (devices.length === 0) return [[...mailbox, '', '', '', '', '', '', ...(withHashes ? [''] : []), ...more]]
    return devices.map(({ name, state, scopes, expiresAt, allowFrom, user, phc }) => [
      ...mailbox,
      ...[name, state, scopes.join(' '), expiresAt === null ? '' : formatIso(expiresAt), allowFrom.join(' '), user ?? ''],
      ...(withHashes ? [phc ?? ''] : []),
      ...more,
    ])
  }
  return {
    head: formatCsv([[...columns, ...(withHashes ? ['password_hash'] : []), 'note', 'aliases', 'people']]),
    tail: '',
    format: page => formatCsv(page.flatMap(toRows)),
  }
}

async function linesShape(): Promise<Shape> {
  const { formatJsonRow } = await import('./import-json.ts')
  return { head: '', tail: '', format: page => page.map(mailbox => `${formatJsonRow(mailbox)}\n`).join('') }
}

/** One JSON value, and still one mailbox a line: `import` reads it too. */
async function arrayShape(): Promise<Shape> {
  const { formatJsonRow } = await import('./import-json.ts')
  return {
    head: '[',
    tail: '\n]\n',
    format: (page, isFirst) => page.map((mailbox, at) => `${isFirst && at === 0 ? '' : ','}\n${formatJsonRow(mailbox)}`).join(''),
  }
}
