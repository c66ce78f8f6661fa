/**
 * The part of a reload (reload.ts) that concerns what serves mail in a process: upstreams with their files, certificates, what was learnt of servers.
 */
import type { Certificates } from '../../certs/certificates.ts'
import type { Config } from '../../config/config.ts'
import { configInvalid } from '../../config/config-problems.ts'
import type { ImapCapabilities } from '../imap/imap-capabilities.ts'
import type { SmtpServerAdapter } from '../smtp/smtp-server-adapter.ts'
import { findFixedChanges } from './config-changes.ts'
import { type Configured, findBrokenUpstreams, imapUpstreams, openConfigured, submissionUpstreams } from './configured.ts'
import { Rejected } from './reload.ts'

/** What logins use of the configuration. */
export interface ReloadParts {
  /** Its value is replaced. */
  readonly current: { configured: Configured }
  readonly certificates: Certificates
  readonly smtpServer: SmtpServerAdapter
  readonly imapCapabilities: ImapCapabilities
}

/** Throws Rejected with everything that is wrong; then nothing has changed. What it gives cannot fail. */
export async function prepareReload({ current, certificates, smtpServer, imapCapabilities }: ReloadParts, config: Config): Promise<() => void> {
  const before = current.configured.config
  const fixed = findFixedChanges(before, config)
  const problems: unknown[] = [...(fixed.length > 0 ? [configInvalid(config.path, fixed)] : []), ...findBrokenUpstreams(config)]
  const useCertificates = await certificates.prepare(config.certificates).catch((error: unknown) => void problems.push(error))
  if (problems.length > 0 || useCertificates === undefined) throw new Rejected(problems)
  const configured = openConfigured(config)
  return () => {
    current.configured = configured
    useCertificates()
    smtpServer.reconfigure({ hostname: config.hostname, upstreams: submissionUpstreams(config), forgotten: movedUpstreams(before, config, 'submission') })
    imapCapabilities.reconfigure({ upstreams: imapUpstreams(config), forgotten: movedUpstreams(before, config, 'imap') })
  }
}

/** What was learnt of a server does not hold for another one under the same name. */
function movedUpstreams(before: Config, after: Config, protocol: 'imap' | 'submission'): string[] {
  return before.upstreams
    .filter(upstream => JSON.stringify(after.upstreams.find(({ name }) => name === upstream.name)?.[protocol]) !== JSON.stringify(upstream[protocol]))
    .map(({ name }) => name)
}
