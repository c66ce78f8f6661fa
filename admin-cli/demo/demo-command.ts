/**
 * `mailwicket demo`: declaration, and the conditions under which it refuses. What it does is in demo.ts.
 */
import { MailwicketError } from '../../base/errors.ts'
import type { CommandContext } from '../frame/command-context.ts'
import { addExamples, type Command, does } from '../frame/command-frame.ts'
import { configPlaces } from '../frame/store-access.ts'
import type { Terminal } from '../frame/terminal.ts'

export function declareDemo(demo: Command, terminal: Terminal): void {
  demo.option('--keep <dir>', 'keep everything in this folder (empty or new, or one kept before, which is used again)')
  demo.option('--verbose', 'show the log here, below the introduction, instead of writing it to a file')
  addExamples(
    does(demo, terminal, (context, _, options) => runDemo(context, options)),
    ['demo', 'prints what to type into a mail app, and curl lines to paste'],
    ['demo --keep ~/mailwicket-demo', 'to stop and go on later'],
  )
}

async function runDemo(context: CommandContext, options: { keep?: string; verbose?: boolean }): Promise<void> {
  const [{ playDemo }, { resolve, join }] = await Promise.all([import('./demo.ts'), import('node:path')])
  const directory = options.keep === undefined ? undefined : resolve(context.terminal.cwd, options.keep)
  await refuseInProduction(context, directory === undefined ? undefined : join(directory, 'mailwicket.toml'))
  await playDemo(context, directory, { log: options.verbose === true ? 'shown' : 'file' })
}

/** The demo never starts where somebody may have meant `serve`. */
async function refuseInProduction(context: CommandContext, own: string | undefined): Promise<void> {
  const refuse = (reason: string) =>
    new MailwicketError('BAD_INPUT', {
      message: `The demo does not start here: ${reason}.`,
      remedy: 'For real mail use `mailwicket serve`. For a look around start the demo elsewhere, for example: cd /tmp',
    })
  if (context.configFile !== undefined) throw refuse('--config names a configuration')
  if (context.terminal.env.NODE_ENV === 'production') throw refuse('NODE_ENV is “production”')
  const { findConfigFile } = await import('../../config/config-load.ts')
  let found: string
  try {
    found = findConfigFile(configPlaces(context))
  } catch (error) {
    if (error instanceof MailwicketError && error.code === 'CONFIG_NOT_FOUND' && !context.terminal.env.MAILWICKET_CONFIG) return
    throw refuse('$MAILWICKET_CONFIG names a configuration')
  }
  if (found !== own) throw refuse(`there is a configuration, ${found}`)
}
