/**
 * SIGHUP: the configuration, its certificates, secrets and authorities are read again. All of it is in force afterwards, or nothing is:
 * everything that can fail comes first, then all is exchanged in one turn of the loop. Sessions go on as they are.
 *
 * `reloadConfig` never rejects: whatever is wrong is told in one `config.rejected` line, and what was in force stays. Where several processes
 * serve, their supervisor reloads and each of them prepares (prepare-reload.ts).
 */

import { MailwicketError } from '../../base/errors.ts'
import type { LevelledLog } from '../../base/log.ts'
import type { Config } from '../../config/config.ts'
import { loadConfig } from '../../config/config-load.ts'
import type { ListenFacts } from '../listen/listener.ts'
import { listChanges } from './config-changes.ts'

export interface ReloadFacts {
  readonly listen: readonly ListenFacts[]
  /** Of the certificate that expires first; left out where nobody says. */
  readonly certificateDaysLeft?: number
}

export interface ReloadOptions {
  /** In force until now. */
  readonly before: Config
  readonly log: LevelledLog
  /** Does all that can fail. Throws Rejected, or MailwicketError; then nothing has changed. What it gives cannot fail, and puts the new configuration in force. */
  readonly prepare: (config: Config) => Promise<() => void>
  /** What the log tells of it afterwards. */
  readonly facts: () => Promise<ReloadFacts>
}

/** Reads the file of the configuration in force again. Gives the one that is in force now; undefined: that of before. */
export async function reloadConfig({ before, log, prepare, facts }: ReloadOptions): Promise<Config | undefined> {
  const file = before.path
  try {
    const after = loadConfig({ file, cwd: '/' })
    const commit = await prepare(after)
    commit()
    log.setLevel(after.logLevel)
    log.info('config.reloaded', { file, changed: listChanges(before, after), ...(await facts()) })
    return after
  } catch (error) {
    log.error('config.rejected', { file, problems: findProblems(error, log), advice: 'what was in force stays; correct it and reload again' })
    return undefined
  }
}

/** What is wrong, as the command line would tell it. A defect of ours is logged as one. */
export function findProblems(error: unknown, log: Pick<LevelledLog, 'error'>): string[] {
  if (!(error instanceof Rejected) && !(error instanceof MailwicketError)) log.error('bug', { err: (error as Error).message, stack: (error as Error).stack })
  return [...new Set(error instanceof Rejected ? error.causes.flatMap(listProblems) : listProblems(error))]
}

export class Rejected extends Error {
  readonly causes: readonly unknown[]
  constructor(causes: readonly unknown[]) {
    super('rejected')
    this.causes = causes
  }
}

/** One entry a problem, as the command line would tell it. */
function listProblems(error: unknown): string[] {
  if (!(error instanceof MailwicketError)) return ['a defect in Mailwicket: see the line before']
  const [head = '', ...lines] = error.message.split('\n')
  if (error.code === 'CERTIFICATE_INVALID') return [head, ...lines]
  if (error.code !== 'CONFIG_INVALID') return [`${error.message} ${error.remedy}`]
  const isList = lines.length > 0 && lines.every(line => line.startsWith('  '))
  return isList ? lines.map(line => line.trim()) : [error.message]
}
