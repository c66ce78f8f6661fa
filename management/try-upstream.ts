/**
 * Tries at the real server whether a mailbox could log in there, before that is stored.
 */
import { MailwicketError } from '../base/errors.ts'
import type { Secret } from '../base/secret.ts'
import type { UpstreamConfig } from '../config/config.ts'
import { probeTargetOf } from '../upstream/probe/probe-target.ts'
import { makeUpstreamAccount } from '../upstream/upstream-choice.ts'

/** What is no reason to refuse, and should be known. `offers-unauthenticate`: the gateway will not let anybody in there. */
export type UpstreamWarning = 'offers-unauthenticate'

/** The server was asked, or could not be; nothing was stored. */
export class UpstreamTrialError extends MailwicketError {
  constructor(upstream: string, cause: MailwicketError) {
    super(cause.code, { message: `Upstream “${upstream}”: ${cause.message}`, remedy: cause.remedy, cause })
  }
}

/** Throws UpstreamTrialError. */
export async function tryUpstream(upstream: UpstreamConfig, login: string, secret: Secret | undefined): Promise<readonly UpstreamWarning[]> {
  try {
    const account = makeUpstreamAccount(upstream, login, secret)
    if (upstream.imap !== undefined) {
      const { probeImap } = await import('../upstream/probe/imap-probe.ts')
      const { capabilities } = await probeImap(probeTargetOf(upstream, upstream.imap), account)
      return capabilities.includes('UNAUTHENTICATE') && !upstream.allowUnauthenticate ? ['offers-unauthenticate'] : []
    }
    if (upstream.submission !== undefined) {
      const { probeSubmission } = await import('../upstream/probe/submission-probe.ts')
      await probeSubmission(probeTargetOf(upstream, upstream.submission), account)
    }
    return []
  } catch (error) {
    throw error instanceof MailwicketError ? new UpstreamTrialError(upstream.name, error) : error
  }
}
