/**
 * The hand-over of an IMAP connection: our OK with the upstream's capabilities, what either side sent meanwhile, then the splice.
 */

import type { ImapUpstream } from '../../upstream/imap/imap-upstream.ts'
import type { LoginOutcome } from '../login/login.ts'
import { Splice } from '../wire/splice.ts'
import { ImapIdPeek } from './imap-id-peek.ts'
import { REPLIES } from './imap-replies.ts'
import type { ImapSession } from './imap-session.ts'

type LoggedIn = Extract<LoginOutcome<ImapUpstream>, { readonly upstream: ImapUpstream }>

export function spliceImap(session: ImapSession, tag: string, { upstream, device }: LoggedIn): void {
  const { live, services, connection } = session
  const { socket: client, unread } = session.leave()
  client.write(REPLIES.loggedIn(tag, upstream.capabilities))
  const splice = new Splice(client, upstream.socket, why => session.over(why))
  live.countBytes = () => ({ bytesIn: splice.bytesIn, bytesOut: splice.bytesOut })
  if (live.app === null) {
    const peek = new ImapIdPeek(app => {
      live.app = app
      services.recorder.named(live, { device: device.id, at: Date.now(), ip: live.ip, protocol: 'imap', app, tls: connection.tls })
    })
    splice.onClientData = chunk => {
      peek.push(chunk)
      if (peek.isDone) splice.onClientData = undefined
    }
  }
  splice.start(unread, upstream.unread)
  // A BYE in the middle of a line, of a literal or of a compressed stream would be read as something else.
  const mayCompress = / COMPRESS=/i.test(` ${upstream.capabilities}`)
  // In a compressed stream a line's end means nothing.
  live.parting = { kind: 'watched', isAtRest: () => splice.isAtRest && (mayCompress || splice.isAtLineEnd) }
  live.endBy(why => splice.end(why, !mayCompress && splice.isAtLineEnd ? (why === 'shutdown' ? REPLIES.shutdown : REPLIES.ended) : undefined))
}
