/**
 * Tries at the real server whether a mailbox could log in there, before that is stored: by the gateway's own login, so that what is good here
 * lets devices in.
 */
import { MailwicketError } from '../../base/errors.ts'
import type { Secret } from '../../base/secret.ts'
import type { Config, UpstreamConfig } from '../../config/config.ts'
import { probeTargetOf } from '../../upstream/probe/probe-target.ts'
import { makeUpstreamAccount } from '../../upstream/upstream-choice.ts'
import { UpstreamFailure } from '../../upstream/upstream-failure.ts'

/** The server was asked, or could not be; nothing was stored. */
export class UpstreamTrialError extends MailwicketError {
  /** Its name in the configuration. */
  readonly server: string
  /** What the server said; null: it could not be asked. */
  readonly answer: string | null

  constructor(upstream: string, cause: MailwicketError) {
    super(cause.code, { message: `Upstream “${upstream}”: ${cause.message}`, remedy: cause.remedy, cause })
    this.server = upstream
    const failure = cause.cause
    this.answer = failure instanceof UpstreamFailure && !SILENT.has(failure.reason) ? failure.detail : null
  }
}

/** Nothing was said, or nothing that is about the login. */
const SILENT: ReadonlySet<UpstreamFailure['reason']> = new Set<UpstreamFailure['reason']>(['unreachable', 'closed', 'timeout', 'tls-failed'])

/** Throws UpstreamTrialError. */
export async function tryUpstream(config: Pick<Config, 'hostname'>, upstream: UpstreamConfig, login: string, secret: Secret | undefined): Promise<void> {
  try {
    const account = makeUpstreamAccount(upstream, login, secret)
    if (upstream.imap !== undefined) {
      const { probeImap } = await import('../../upstream/probe/imap-probe.ts')
      await probeImap(probeTargetOf(config, upstream, upstream.imap), account)
    } else if (upstream.submission !== undefined) {
      const { probeSubmission } = await import('../../upstream/probe/submission-probe.ts')
      await probeSubmission(probeTargetOf(config, upstream, upstream.submission), account)
    }
  } catch (error) {
    throw error instanceof MailwicketError ? new UpstreamTrialError(upstream.name, error) : error
  }
}
