/**
 * The upstream leg of a submission: greeting, EHLO, STARTTLS, XCLIENT where it is wanted, AUTH in the form that it takes. The upstream is not trusted.
 */
import type { Duplex } from 'node:stream'
import { Wire } from '../../base/sockets/wire.ts'
import type { ClientIdentity } from '../client-identity.ts'
import { hideLogin } from '../hide-login.ts'
import { hearLastWords } from '../last-words.ts'
import { type LoginMemory, tryForms } from '../login-tries.ts'
import type { UpstreamDialler } from '../upstream-dialler.ts'
import { asProxyRefused, asUpstreamFailure, UpstreamFailure } from '../upstream-failure.ts'
import { UPSTREAM_LIMITS } from '../upstream-limits.ts'
import type { UpstreamLogin } from '../upstream-login.ts'
import { smtpForms } from './smtp-login-forms.ts'
import { ask, encodeXtext, readAnswer, replyText } from './smtp-reply.ts'

/** A submission session at the upstream that is logged in. */
export interface SmtpUpstream {
  readonly socket: Duplex
  readonly wire: Wire
  /** EHLO keywords in upper case with their parameters, as the upstream gave them last. */
  readonly keywords: ReadonlyMap<string, string>
}

/** For probes. */
export interface ToldSmtpUpstream extends SmtpUpstream {
  /** Whether it was told of the client by XCLIENT. */
  readonly isTold: boolean
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
  /** Of this server; undefined: nothing is known and nothing is kept. */
  readonly memory?: LoginMemory
}

interface Met {
  readonly wire: Wire
  readonly keywords: ReadonlyMap<string, string>
  /** Whether it was told of the client by XCLIENT. */
  readonly isTold: boolean
}

/** Dials and logs in, all within the signal. Throws UpstreamFailure; whatever the signal carries when it is aborted. */
export async function connectSmtpUpstream(dialler: UpstreamDialler, login: UpstreamLogin, options: SmtpConnectOptions): Promise<ToldSmtpUpstream> {
  const { signal, memory = { worked: undefined } } = options
  let met: Met | undefined
  const open = async () => {
    met?.wire.release().socket.destroy()
    met = undefined
    met = await meetSmtpUpstream(dialler, options)
    return met
  }
  try {
    const first = await open()
    const tries = smtpForms(login, dialler.endpoint, first.keywords)
    if (tries.length === 0) throw new UpstreamFailure('no-mechanism', sayMissing(login, first.keywords))
    const { connection } = await tryForms(tries, memory, first, open)
    const { wire, keywords, isTold } = connection
    wire.onGone = undefined
    hearLastWords(wire.socket)
    return { socket: wire.socket, wire, keywords, isTold }
  } catch (error) {
    met?.wire.release().socket.destroy()
    throw hideLogin(asUpstreamFailure(error, signal), login, dialler.endpoint)
  }
}

/** Up to where a login would begin. Throws UpstreamFailure, and nothing stays open. */
export async function meetSmtpUpstream(dialler: UpstreamDialler, { hostname, xclient, proxyHeader, signal }: SmtpConnectOptions): Promise<Met> {
  let wire = openWire(await dialler.dial(signal, proxyHeader), signal)
  try {
    let keywords = await meet(wire, hostname).catch((error: unknown) => {
      // Who took our PROXY header for commands does not answer EHLO well.
      throw proxyHeader === undefined ? error : asProxyRefused(asUpstreamFailure(error, signal))
    })
    if (dialler.endpoint.tls === 'starttls') {
      if (!keywords.has('STARTTLS')) throw new UpstreamFailure('starttls-refused', 'the upstream does not offer STARTTLS')
      const reply = await ask(wire, 'STARTTLS')
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
    const isTold = xclient !== undefined && keywords.has('XCLIENT')
    if (isTold) {
      await sendXclient(wire, xclient)
      // The upstream forgets the HELO that XCLIENT gave when it hears EHLO again: it is said once more, where it is a name and nothing else.
      keywords = await ehlo(wire, /^[A-Za-z0-9.:_[\]-]{1,255}$/.test(xclient.helo) ? xclient.helo : hostname)
    }
    return { wire, keywords, isTold }
  } catch (error) {
    wire.release().socket.destroy()
    throw asUpstreamFailure(error, signal)
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
  const greeting = await readAnswer(wire)
  if (greeting.code === 220) return ehlo(wire, hostname)
  throw new UpstreamFailure(greeting.code >= 400 ? 'says-unavailable' : 'not-the-protocol', replyText(greeting))
}

async function ehlo(wire: Wire, hostname: string): Promise<ReadonlyMap<string, string>> {
  const reply = await ask(wire, `EHLO ${hostname}`)
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
  const reply = await ask(wire, `XCLIENT NAME=[UNAVAILABLE] ADDR=${encodeXtext(address)} PORT=${port} PROTO=ESMTP HELO=${encodeXtext(helo)}`)
  // The upstream greets anew: 220, then EHLO again.
  if (reply.code !== 220) throw new UpstreamFailure(reply.code < 500 ? 'says-unavailable' : 'refused-xclient', `XCLIENT: ${replyText(reply)}`)
}

/** Why there is no form of login to try. */
export function sayMissing({ authzid, isToken }: Pick<UpstreamLogin, 'authzid' | 'isToken'>, keywords: ReadonlyMap<string, string>): string {
  const mechanisms = keywords.get('AUTH') ?? ''
  if (mechanisms === '') return 'the upstream does not offer AUTH'
  const needed = isToken === true ? 'AUTH OAUTHBEARER nor XOAUTH2' : 'AUTH PLAIN nor LOGIN'
  if (authzid !== '' && isToken !== true) return `the master style authzid needs AUTH PLAIN; the upstream offers only ${mechanisms}`
  return `the upstream offers neither ${needed}, only ${mechanisms}`
}
