/**
 * What a command is about, as arguments or, for `-`, as lines of standard input: IDs, `ADDR/NAME`, addresses, logins.
 */
import { MailwicketError } from '../../base/errors.ts'
import type { CommandContext } from './command-context.ts'
import { linesOf } from './text-lines.ts'

/** An address and a name of the longest kind; more is no list of names. */
const MAX_LINE = 1_000
/** One change holds them all. */
const MAX_REFS = 100_000

/** Empty lines are left out. Throws BAD_INPUT. */
export async function readRefs(context: CommandContext, given: readonly string[]): Promise<readonly string[]> {
  if (!given.includes('-')) return given
  if (given.length > 1)
    throw new MailwicketError('BAD_INPUT', { message: '“-” stands alone.', remedy: 'Give all of them on standard input, or all as arguments.' })
  const refs: string[] = []
  const chunks = context.terminal.stdin.setEncoding('utf8') as AsyncIterable<string>
  for await (const { number, text } of linesOf(chunks, MAX_LINE)) {
    const ref = text?.trim()
    if (ref === undefined || refs.length === MAX_REFS)
      throw new MailwicketError('BAD_INPUT', {
        message: ref === undefined ? `Standard input: line ${number} is too long.` : `Standard input: more than ${MAX_REFS} lines.`,
        remedy: 'Give one ID, ADDR/NAME or address a line. Nothing was changed.',
      })
    if (ref !== '') refs.push(ref)
  }
  if (refs.length === 0) throw new MailwicketError('BAD_INPUT', { message: 'Standard input is empty.', remedy: 'Give one ID, ADDR/NAME or address a line.' })
  return refs
}
