/**
 * The one rule for what cannot be undone: at a terminal it is asked for; without one it needs `--yes`, or ends with exit code 2 and nothing is done.
 * Nothing is said by a letter or two: `checkRefs`. A whole ID in the arguments is a yes of its own where nobody can be asked: 16 random letters name
 * one thing, come from the output of another command, and are no slip.
 */
import { MailwicketError } from '../../base/errors.ts'
import type { CommandContext } from './command-context.ts'
import type { Command } from './command-frame.ts'
import { Interrupted } from './interrupted.ts'

export interface SureOptions {
  readonly yes?: boolean | undefined
  readonly dryRun?: boolean | undefined
}

const WHOLE_ID = /^[0-9a-z]{16}$/i
/** Fewer letters of an ID are soon typed by mistake. */
const LEAST_ID_LETTERS = 4

export function addSureOptions(command: Command): Command {
  return command.option('--yes', 'do not ask').option('--dry-run', 'say what would happen, and do nothing')
}

/** Whether `refs`, as they stood in the arguments, are whole IDs. */
export function areWholeIds(refs: readonly string[]): boolean {
  return refs.length > 0 && refs.every(ref => WHOLE_ID.test(ref))
}

/** Names and enough of an ID. Throws BAD_INPUT. */
export function checkRefs(refs: readonly string[]): void {
  const short = refs.find(ref => !ref.includes('@') && ref.length < LEAST_ID_LETTERS)
  if (short !== undefined)
    throw new MailwicketError('BAD_INPUT', {
      message: `“${short}” is too little to say what ends for good.`,
      remedy: `Give at least ${LEAST_ID_LETTERS} characters of its ID, or ADDR/NAME. Nothing was changed.`,
    })
}

/** Asks before what cannot be undone. Throws BAD_INPUT: nobody said yes. */
export async function confirm(context: CommandContext, question: string, sure: SureOptions): Promise<void> {
  const { stdin, stderr } = context.terminal
  if (sure.yes === true) return
  if (stdin.isTTY !== true)
    throw new MailwicketError('BAD_INPUT', {
      message: `${question} This cannot be undone, and there is no terminal to ask at.`,
      remedy: 'Nothing was changed. Give --yes if that is meant.',
    })
  const { createInterface } = await import('node:readline/promises')
  const lines = createInterface({ input: stdin, output: stderr as NodeJS.WritableStream, terminal: true })
  const stopped = new Promise<never>((_, reject) => {
    lines.once('SIGINT', () => reject(new Interrupted()))
    lines.once('close', () => reject(new Interrupted()))
  })
  try {
    const answer = await Promise.race([lines.question(`${question} [y/N] `), stopped])
    if (!/^y(es)?$/i.test(answer.trim()))
      throw new MailwicketError('BAD_INPUT', { message: 'Nothing was changed.', remedy: 'Answer “y” to go on, or give --yes.' })
  } finally {
    stopped.catch(() => {})
    lines.close()
  }
}
