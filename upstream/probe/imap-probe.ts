/**
 * Tries an IMAP server: the gateway's own login, or, without one to try, what the server says before it.
 */
import type { ImapUpstream } from '../imap/imap-upstream.ts'
import { connectImapUpstream, meetImapUpstream } from '../imap/imap-upstream.ts'
import type { UpstreamLogin } from '../upstream-login.ts'
import { findInboxProblem } from './inbox.ts'
import type { ProbeTarget } from './probe-target.ts'
import { tryAt } from './try-login.ts'

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
      leave(upstream)
      return { capabilities: listCapabilities(upstream.capabilities), loggedIn: true }
    }
    const { dialogue, capabilities } = await meetImapUpstream(dialler, { ...target, signal })
    leave(dialogue.release())
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

/** How long a server may take to say goodbye. */
const GOODBYE_MS = 1_000

function leave({ socket }: Pick<ImapUpstream, 'socket'>): void {
  socket.on('error', () => {})
  socket.resume()
  socket.end('bye LOGOUT\r\n')
  const timer = setTimeout(() => socket.destroy(), GOODBYE_MS)
  socket.on('close', () => clearTimeout(timer))
  socket.on('end', () => socket.destroy())
}

function listCapabilities(capabilities: string): string[] {
  return capabilities.toUpperCase().split(' ').filter(Boolean)
}
