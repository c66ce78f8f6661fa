/**
 * The upstream leg of a submission: greeting, EHLO, STARTTLS, XCLIENT where it is wanted, AUTH. The upstream is not trusted.
 */
import type { Duplex } from 'node:stream'
import { Wire } from '../../base/wire.ts'
import type { ClientIdentity } from '../client-identity.ts'
import type { UpstreamDialler } from '../upstream-dialler.ts'
import { asProxyRefused, asUpstreamFailure, UpstreamFailure } from '../upstream-failure.ts'
import { UPSTREAM_LIMITS } from '../upstream-limits.ts'
import { hideLogin, type UpstreamLogin } from '../upstream-login.ts'
import { encodeXtext, readReply, type SmtpReply } from './smtp-reply.ts'

/** A submission session at the upstream that is logged in. */
export interface SmtpUpstream {
  readonly socket: Duplex
  readonly wire: Wire
  /** EHLO keywords in upper case with their parameters, as the upstream gave them last. */
  readonly keywords: ReadonlyMap<string, string>
}

/** The real client; XCLIENT tells the upstream address, port and what it called itself. */
export interface ClientFacts extends ClientIdentity {
  /** What the client called itself in EHLO. */
  readonly helo: string
}

export interface SmtpConnectOptions {
  /** Our name in EHLO. */
  readonly hostname: string
  /** Undefined: the upstream is not told. */
  readonly xclient: ClientFacts | undefined
  /** Goes ahead of everything else; undefined: nothing does. */
  readonly proxyHeader: Buffer | undefined
  readonly signal: AbortSignal
}

/** Dials and logs in, all within the signal. Throws UpstreamFailure; whatever the signal carries when it is aborted. */
export async function connectSmtpUpstream(dialler: UpstreamDialler, login: UpstreamLogin, options: SmtpConnectOptions): Promise<SmtpUpstream> {
  const { hostname, xclient, proxyHeader, signal } = options
  let wire = openWire(await dialler.dial(signal, proxyHeader), signal)
  try {
    let keywords = await meet(wire, hostname).catch((error: unknown) => {
      // Who took our PROXY header for commands does not answer EHLO well.
      throw proxyHeader === undefined ? error : asProxyRefused(asUpstreamFailure(error, signal))
    })
    if (dialler.endpoint.tls === 'starttls') {
      if (!keywords.has('STARTTLS')) throw new UpstreamFailure('starttls-refused', 'the upstream does not offer STARTTLS')
      const reply = await command(wire, 'STARTTLS')
      if (reply.code !== 220) throw new UpstreamFailure('starttls-refused', replyText(reply))
      const { socket, unread } = wire.release()
      // SECURITY: bytes between the 220 and the handshake were not said by the one who has the certificate.
      if (unread.length > 0) {
        socket.destroy()
        throw new UpstreamFailure('spoke-out-of-turn', 'bytes before the TLS handshake')
      }
      wire = openWire(await dialler.startTls(socket, signal), signal)
      keywords = await ehlo(wire, hostname) // RFC 3207 §4.2: what was learnt before TLS is forgotten.
    }
    if (xclient !== undefined && keywords.has('XCLIENT')) {
      await sendXclient(wire, xclient)
      // The upstream forgets the HELO that XCLIENT gave when it hears EHLO again: it is said once more, where it is a name and nothing else.
      keywords = await ehlo(wire, /^[A-Za-z0-9.:_[\]-]{1,255}$/.test(xclient.helo) ? xclient.helo : hostname)
    }
    await authenticate(wire, login, keywords)
    wire.onGone = undefined
    return { socket: wire.socket, wire, keywords }
  } catch (error) {
    const { socket } = wire.release()
    socket.destroy()
    throw hideLogin(asUpstreamFailure(error, signal), login)
  }
}

function openWire(socket: Duplex, signal: AbortSignal): Wire {
  const wire = new Wire(socket, UPSTREAM_LIMITS.replyBytes)
  const onAbort = () => wire.abort(signal.reason as Error)
  // Harmless after the login: the signal is the login's, and nobody aborts it later.
  signal.addEventListener('abort', onAbort, { once: true })
  if (signal.aborted) onAbort()
  return wire
}

async function meet(wire: Wire, hostname: string): Promise<ReadonlyMap<string, string>> {
  const greeting = await readReply(wire)
  if (greeting.code === 220) return ehlo(wire, hostname)
  throw new UpstreamFailure(greeting.code >= 400 ? 'says-unavailable' : 'not-the-protocol', replyText(greeting))
}

async function ehlo(wire: Wire, hostname: string): Promise<ReadonlyMap<string, string>> {
  const reply = await command(wire, `EHLO ${hostname}`)
  const isNotNow = reply.code >= 400 && reply.code < 500
  if (reply.code !== 250) throw new UpstreamFailure(isNotNow ? 'says-unavailable' : 'not-the-protocol', replyText(reply))
  const keywords = new Map<string, string>()
  for (const line of reply.lines.slice(1)) {
    const [keyword = '', ...parameters] = line.trim().split(/[ =]/)
    keywords.set(keyword.toUpperCase(), [keywords.get(keyword.toUpperCase()) ?? '', ...parameters].join(' ').trim().toUpperCase())
  }
  return keywords
}

/** SECURITY: every value is xtext; what a client or its DNS says must not become a command (CVE-2026-28753). */
async function sendXclient(wire: Wire, { ip, port, helo }: ClientFacts): Promise<void> {
  const address = ip.includes(':') ? `IPV6:${ip}` : ip
  const reply = await command(wire, `XCLIENT NAME=[UNAVAILABLE] ADDR=${encodeXtext(address)} PORT=${port} PROTO=ESMTP HELO=${encodeXtext(helo)}`)
  // The upstream greets anew: 220, then EHLO again.
  if (reply.code !== 220) throw new UpstreamFailure(reply.code < 500 ? 'says-unavailable' : 'refused-xclient', `XCLIENT: ${replyText(reply)}`)
}

async function authenticate(wire: Wire, { authzid, user, secret }: UpstreamLogin, keywords: ReadonlyMap<string, string>): Promise<void> {
  const mechanisms = ` ${keywords.get('AUTH') ?? ''} `
  let reply: SmtpReply
  if (mechanisms.includes(' PLAIN ')) {
    reply = await command(wire, `AUTH PLAIN ${Buffer.concat([Buffer.from(`${authzid}\0${user}\0`), secret.reveal()]).toString('base64')}`)
  } else if (mechanisms.includes(' LOGIN ') && authzid === '') {
    reply = await command(wire, 'AUTH LOGIN')
    if (reply.code === 334) reply = await command(wire, Buffer.from(user).toString('base64'))
    if (reply.code === 334) reply = await command(wire, secret.reveal().toString('base64'))
  } else {
    throw new UpstreamFailure('no-mechanism', `the upstream offers AUTH${mechanisms}and not what is needed`)
  }
  if (reply.code === 235) return
  throw new UpstreamFailure(reply.code < 500 ? 'says-unavailable' : 'refused-us', replyText(reply))
}

async function command(wire: Wire, line: string): Promise<SmtpReply> {
  // SECURITY: an answer that came before the question was not given to us.
  if (wire.hasUnread) throw new UpstreamFailure('spoke-out-of-turn', 'the upstream spoke before it was asked')
  wire.write(`${line}\r\n`)
  return readReply(wire)
}

function replyText({ code, lines }: SmtpReply): string {
  return `${code} ${lines.join(' / ')}`
}
