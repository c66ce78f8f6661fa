/**
 * The hand-over of an IMAP connection: our OK with the upstream's capabilities, what either side sent meanwhile, then the splice.
 */

import type { Wire } from '../../base/sockets/wire.ts'
import type { ImapUpstream } from '../../upstream/imap/imap-upstream.ts'
import type { ClientSession, LoggedIn } from '../login/client-session.ts'
import { Splice } from '../wire/splice.ts'
import { ImapCompressPeek } from './imap-compress-peek.ts'
import type { ImapServed, ImapServices } from './imap-dialogue.ts'
import { ImapIdPeek } from './imap-id-peek.ts'
import { REPLIES } from './imap-replies.ts'

type Session = Pick<ClientSession<ImapServed, ImapServices>, 'live' | 'services' | 'connection' | 'over'>

export function spliceImap(session: Session, wire: Wire, tag: string, { upstream, device, mailbox }: LoggedIn<ImapUpstream>): void {
  const { live, services, connection } = session
  services.capabilities.learn(mailbox.upstream, upstream.capabilities)
  const { socket: client, unread } = wire.release()
  client.write(REPLIES.loggedIn(tag, upstream.capabilities))
  const splice = new Splice(client, upstream.socket, services.limits, why => session.over(why))
  live.countBytes = () => ({ bytesIn: splice.bytesIn, bytesOut: splice.bytesOut })
  const idPeek =
    live.app !== null
      ? undefined
      : new ImapIdPeek(app => {
          live.app = app
          services.recorder.named(live, { device: device.id, at: Date.now(), ip: live.ip, protocol: 'imap', app, tls: connection.tls })
        })
  const compressPeek = / COMPRESS=/i.test(` ${upstream.capabilities}`) ? new ImapCompressPeek() : undefined
  watch(splice, idPeek, compressPeek)
  splice.start(unread, upstream.unread)
  // A BYE in the middle of a line, of a literal or of a compressed stream would be read as something else.
  const isCompressed = () => compressPeek?.isAsked === true
  // In a compressed stream a line's end means nothing.
  live.parting = { kind: 'watched', isAtRest: () => splice.isAtRest && (isCompressed() || splice.isAtLineEnd) }
  live.endBy(why => splice.end(why, !isCompressed() && splice.isAtLineEnd ? (why === 'shutdown' ? REPLIES.shutdown : REPLIES.ended) : undefined))
}

/** Shows them what the client sends, each for as long as it has to be. */
function watch(splice: Splice, idPeek: ImapIdPeek | undefined, compressPeek: ImapCompressPeek | undefined): void {
  if (idPeek === undefined && compressPeek === undefined) return
  splice.onClientData = chunk => {
    compressPeek?.push(chunk)
    if (idPeek?.isDone === false) idPeek.push(chunk)
    if (idPeek?.isDone !== false && compressPeek?.isAsked !== false) splice.onClientData = undefined
  }
}
