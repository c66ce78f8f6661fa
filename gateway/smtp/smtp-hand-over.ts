/**
 * The hand-over of a submission connection: our 235, then the relay, and what it reports goes to log and metrics.
 */
import type { Duplex } from 'node:stream'
import { Wire } from '../../base/sockets/wire.ts'
import type { SmtpUpstream } from '../../upstream/smtp/smtp-upstream.ts'
import { sanitise, UpstreamFailure } from '../../upstream/upstream-failure.ts'
import { LIMITS } from '../limits.ts'
import type { ClientSession, LoggedIn } from '../login/client-session.ts'
import type { MessageRefusal } from '../monitoring/metrics.ts'
import { makeSendingPolicy, type SendingPolicy } from './sending/sending-policy.ts'
import type { SmtpServed, SmtpServices } from './smtp-dialogue.ts'
import { SmtpRelay } from './smtp-relay.ts'
import { REPLIES } from './smtp-replies.ts'

type Session = Pick<ClientSession<SmtpServed, SmtpServices>, 'live' | 'log' | 'services' | 'connection' | 'over'>

export function relaySubmission(session: Session, socket: Duplex, login: LoggedIn<SmtpUpstream>): void {
  session.services.smtpServer.learn(login.mailbox.upstream, login.upstream.keywords)
  relay(session, socket, login).catch(error => {
    session.log.error('bug', { err: (error as Error).message, stack: (error as Error).stack })
    session.connection.destroy()
    login.upstream.socket.destroy()
    session.over('bug')
  })
}

async function relay(session: Session, socket: Duplex, login: LoggedIn<SmtpUpstream>): Promise<void> {
  const { live, log, services, connection } = session
  const { upstream, device, mailbox } = login
  const { metrics } = services
  const client = new Wire(socket, LIMITS.commandBytes)
  const relay = new SmtpRelay({
    client,
    upstream: upstream.wire,
    policy: policyFor(services, login),
    limits: services.limits,
    greetings: { ehlo: services.smtpServer.ehloReply('secure'), helo: services.smtpServer.heloReply() },
    onAccepted: message => {
      metrics.messageAccepted()
      log.info('mail.accepted', { device: device.id, mailbox: mailbox.address, ...message })
    },
    onDeclined: () => metrics.messageRefused('upstream'),
    onRefused: (what, reply) => {
      metrics.messageRefused(what.split(' ', 1)[0] as MessageRefusal)
      log.warn('mail.refused', { device: device.id, mailbox: mailbox.address, what: sanitise(what), reply: reply.trim() })
    },
    onUncertain: (message, why) => {
      metrics.messageRefused('uncertain')
      log.error('mail.uncertain', { device: device.id, mailbox: mailbox.address, ...message, why })
    },
    onUpstreamFailure: ({ severity, reason, detail }) => log[severity]('upstream.failed', { device: device.id, reason, detail }),
  })
  live.countBytes = () => ({ bytesIn: client.bytesReceived, bytesOut: upstream.wire.bytesReceived })
  live.endBy(why => relay.end(why, why === 'shutdown' ? REPLIES.shutdown : REPLIES.ended))
  live.parting = { kind: 'asked', endAtRest: () => relay.endAtRest('shutdown', REPLIES.shutdown) }
  const onIdle = () => relay.end('idle', REPLIES.idle)
  ;(socket as unknown as { setTimeout(ms: number, onTimeout: () => void): void }).setTimeout?.(services.limits.relayIdleMs, onIdle)
  socket.write(REPLIES.authSucceeded)
  const { message: why, lastReply, cause } = await relay.run()
  if (cause !== undefined && !(cause instanceof UpstreamFailure)) log.error('bug', { err: (cause as Error).message, stack: (cause as Error).stack })
  upstream.wire.release().socket.destroy()
  client.release()
  connection.disconnect(lastReply ?? '')
  session.over(why)
}

function policyFor({ terms, recorder, ledger }: SmtpServices, { device }: LoggedIn<SmtpUpstream>): SendingPolicy {
  return makeSendingPolicy({
    readTerms: () => terms.read(device.id),
    ledger,
    recordSent: (recipients, at, onWritten) => recorder.sent({ device: device.id, recipients, at }, onWritten),
  })
}
