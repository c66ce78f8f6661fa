/**
 * SIGHUP: the configuration, its certificates, secrets and authorities are read again. All of it is in force afterwards, or nothing is:
 * everything that can fail comes first, then all is exchanged in one turn of the loop. Sessions go on as they are.
 *
 * It never rejects: whatever is wrong is told in one `config.rejected` line, and what was in force stays.
 */

import { MailwicketError } from '../../base/errors.ts'
import type { LevelledLog } from '../../base/log.ts'
import type { Certificates } from '../../certs/certificates.ts'
import type { Config } from '../../config/config.ts'
import { loadConfig } from '../../config/config-load.ts'
import { configInvalid } from '../../config/config-problems.ts'
import type { ImapCapabilities } from '../imap/imap-capabilities.ts'
import type { Listeners } from '../listen/listeners.ts'
import type { SmtpServerAdapter } from '../smtp/smtp-server-adapter.ts'
import { findFixedChanges, listChanges } from './config-changes.ts'
import { type Configured, findBrokenUpstreams, imapUpstreams, openConfigured, submissionUpstreams } from './configured.ts'

export interface ReloadParts {
  /** What logins use; its value is replaced. */
  readonly current: { configured: Configured }
  readonly certificates: Certificates
  readonly listeners: Listeners
  readonly smtpServer: SmtpServerAdapter
  readonly imapCapabilities: ImapCapabilities
  readonly log: LevelledLog
}

/** Reads the file of the configuration in force again. True: it is in force now. */
export async function reloadConfig(parts: ReloadParts): Promise<boolean> {
  const { current, log } = parts
  const file = current.configured.config.path
  try {
    const before = current.configured.config
    const commit = await prepare(parts, loadConfig({ file, cwd: '/' }))
    commit()
    const after = current.configured.config
    log.setLevel(after.logLevel)
    log.info('config.reloaded', {
      file,
      changed: listChanges(before, after),
      listen: parts.listeners.facts,
      certificateDaysLeft: parts.certificates.daysLeft(),
    })
    return true
  } catch (error) {
    if (!(error instanceof Rejected) && !(error instanceof MailwicketError)) log.error('bug', { err: (error as Error).message, stack: (error as Error).stack })
    const problems = [...new Set(error instanceof Rejected ? error.causes.flatMap(listProblems) : listProblems(error))]
    log.error('config.rejected', { file, problems, advice: 'what was in force stays; correct it and reload again' })
    return false
  }
}

class Rejected extends Error {
  readonly causes: readonly unknown[]
  constructor(causes: readonly unknown[]) {
    super('rejected')
    this.causes = causes
  }
}

/** Throws Rejected with everything that is wrong; then nothing has changed. What it gives cannot fail. */
async function prepare({ current, certificates, listeners, smtpServer, imapCapabilities }: ReloadParts, config: Config): Promise<() => void> {
  const before = current.configured.config
  const fixed = findFixedChanges(before, config)
  const problems: unknown[] = [...(fixed.length > 0 ? [configInvalid(config.path, fixed)] : []), ...findBrokenUpstreams(config)]
  const useCertificates = await certificates.prepare(config.certificates).catch((error: unknown) => void problems.push(error))
  if (problems.length > 0 || useCertificates === undefined) throw new Rejected(problems)
  const configured = openConfigured(config)
  // Last of all that can fail: a port that was bound takes connections.
  const ports = await listeners.prepare(config.listen)
  return () => {
    current.configured = configured
    useCertificates()
    smtpServer.reconfigure({ hostname: config.hostname, upstreams: submissionUpstreams(config), forgotten: movedUpstreams(before, config, 'submission') })
    imapCapabilities.reconfigure({ upstreams: imapUpstreams(config), forgotten: movedUpstreams(before, config, 'imap') })
    ports.commit()
  }
}

/** What was learnt of a server does not hold for another one under the same name. */
function movedUpstreams(before: Config, after: Config, protocol: 'imap' | 'submission'): string[] {
  return before.upstreams
    .filter(upstream => JSON.stringify(after.upstreams.find(({ name }) => name === upstream.name)?.[protocol]) !== JSON.stringify(upstream[protocol]))
    .map(({ name }) => name)
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
