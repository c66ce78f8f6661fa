/**
 * Tries an IMAP server: the gateway's own login, or, without one to try, what the server says before it.
 */
import { connectImapUpstream, meetImapUpstream } from '../imap/imap-upstream.ts'
import type { UpstreamLogin } from '../upstream-login.ts'
import { findInboxProblem } from './inbox.ts'
import type { ProbeTarget } from './probe-target.ts'
import { leave, tryAt } from './try-login.ts'

export interface ImapFacts {
  /** In capitals; those after the login when there was one. */
  readonly capabilities: readonly string[]
  readonly loggedIn: boolean
  /** Why no INBOX was seen after the login, where it was looked for. */
  readonly inboxProblem?: string
}

/** Throws UPSTREAM_LOGIN_FAILED with the server's own words. */
export async function probeImap(target: ProbeTarget, login: UpstreamLogin | undefined): Promise<ImapFacts> {
  return tryAt('imap', target, login, async (dialler, signal) => {
    if (login !== undefined) {
      const upstream = await connectImapUpstream(dialler, login, { ...target, signal })
      leave(upstream.socket, 'bye LOGOUT')
      return { capabilities: listCapabilities(upstream.capabilities), loggedIn: true }
    }
    const { dialogue, capabilities } = await meetImapUpstream(dialler, { ...target, signal })
    leave(dialogue.release().socket, 'bye LOGOUT')
    return { capabilities: listCapabilities(capabilities), loggedIn: false }
  })
}

/** The same, and then what an app does first: it lists the folders and opens INBOX. */
export async function probeInbox(target: ProbeTarget, login: UpstreamLogin): Promise<ImapFacts> {
  return tryAt('imap', target, login, async (dialler, signal) => {
    const upstream = await connectImapUpstream(dialler, login, { ...target, signal })
    const inboxProblem = await findInboxProblem(upstream, signal)
    return { capabilities: listCapabilities(upstream.capabilities), loggedIn: true, ...(inboxProblem === undefined ? {} : { inboxProblem }) }
  })
}

function listCapabilities(capabilities: string): string[] {
  return capabilities.toUpperCase().split(' ').filter(Boolean)
}
