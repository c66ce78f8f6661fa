/**
 * Tries a submission server: the gateway's own login, or, without one to try, what the server offers. No message is sent, not even its envelope.
 */
import { connectSmtpUpstream, meetSmtpUpstream, sayMissing } from '../smtp/smtp-upstream.ts'
import { UpstreamFailure } from '../upstream-failure.ts'
import type { UpstreamLogin } from '../upstream-login.ts'
import type { ProbeTarget } from './probe-target.ts'
import { leave, tryAt } from './try-login.ts'

export interface SubmissionFacts {
  /** Of the EHLO reply after TLS, in capitals. */
  readonly mechanisms: readonly string[]
  /** All keywords of that reply, in capitals. */
  readonly keywords: readonly string[]
  /** Whether it was told by XCLIENT of the one we speak for. */
  readonly isTold: boolean
  readonly loggedIn: boolean
}

/** Throws UPSTREAM_LOGIN_FAILED with the server's own words. */
export async function probeSubmission(target: ProbeTarget, login: UpstreamLogin | undefined): Promise<SubmissionFacts> {
  return tryAt('submission', target, login, async (dialler, signal) => {
    const options = { ...target, signal }
    const { wire, keywords, isTold } = login === undefined ? await meetSmtpUpstream(dialler, options) : await connectSmtpUpstream(dialler, login, options)
    leave(wire.release().socket, 'QUIT')
    const mechanisms = (keywords.get('AUTH') ?? '').split(' ').filter(Boolean)
    if (!mechanisms.includes('PLAIN') && !mechanisms.includes('LOGIN')) throw new UpstreamFailure('no-mechanism', sayMissing({ authzid: '' }, keywords))
    return { mechanisms, keywords: [...keywords.keys()], isTold, loggedIn: login !== undefined }
  })
}

/** Connects, agrees on TLS and says EHLO, for a server that wants no login. Throws UPSTREAM_LOGIN_FAILED with the server's own words. */
export async function meetSubmission(target: ProbeTarget): Promise<void> {
  await tryAt('submission', target, undefined, async (dialler, signal) => {
    const { wire } = await meetSmtpUpstream(dialler, { ...target, signal })
    leave(wire.release().socket, 'QUIT')
  })
}
