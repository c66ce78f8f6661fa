/**
 * The upstream leg before the splice: dial, greeting, STARTTLS, login, and who we are. How it talks: imap-dialogue.ts; in which forms it
 * logs in: imap-login-forms.ts. The upstream is not trusted: it may be slow, broken, or somebody else.
 */
import type { Duplex } from 'node:stream'
import { VERSION } from '../../base/version.ts'
import type { ClientIdentity } from '../client-identity.ts'
import { hideLogin } from '../hide-login.ts'
import { type LoginMemory, tryForms } from '../login-tries.ts'
import type { UpstreamDialler } from '../upstream-dialler.ts'
import { asProxyRefused, asUpstreamFailure, UpstreamFailure } from '../upstream-failure.ts'
import type { UpstreamLogin } from '../upstream-login.ts'
import { has } from './imap-capability.ts'
import { ImapDialogue } from './imap-dialogue.ts'
import { imapForms } from './imap-login-forms.ts'

/** An upstream session that is ours, ready to be spliced. */
export interface ImapUpstream {
  readonly socket: Duplex
  /** What it said after its OK. */
  readonly unread: Buffer
  /** Its capabilities after login, checked to be plain atoms. */
  readonly capabilities: string
}

export interface ImapConnectOptions {
  readonly allowUnauthenticate: boolean
  /** Whom to tell of by ID; undefined: nobody. */
  readonly idClient: ClientIdentity | undefined
  /** Goes ahead of everything else; undefined: nothing does. */
  readonly proxyHeader: Buffer | undefined
  readonly signal: AbortSignal
  /** Of this server; undefined: nothing is known and nothing is kept. */
  readonly memory?: LoginMemory
}

interface Met {
  readonly dialogue: ImapDialogue
  /** Before login; '' when it tells none. */
  readonly capabilities: string
}

/** What every server has that is one; said for those that do not tell. */
const LEAST_CAPABILITIES = 'IMAP4rev1'

/**
 * RFC 2971 §3.3: who we are, for logs, and for servers that open no mailbox to who does not say it (WORKAROUND(NetEase: 163.com, 126.com, seen in
 * 2024): "Unsafe Login"). SECURITY: nothing of the app.
 */
const OWN_ID = `ID ("name" "Mailwicket" "version" "${VERSION}")`

/** Dials and logs in, all within the signal. Throws UpstreamFailure; whatever the signal carries when it is aborted. */
export async function connectImapUpstream(dialler: UpstreamDialler, login: UpstreamLogin, options: ImapConnectOptions): Promise<ImapUpstream> {
  const { signal, memory = { worked: undefined } } = options
  let dialogue: ImapDialogue | undefined
  const open = async () => {
    dialogue?.destroy()
    dialogue = undefined
    const met = await meetImapUpstream(dialler, options)
    dialogue = met.dialogue
    return met
  }
  try {
    const { dialogue: first, capabilities } = await open()
    const tries = imapForms(login, dialler.endpoint, capabilities)
    if (tries.length === 0) throw new UpstreamFailure('no-mechanism', sayMissing(login, capabilities))
    const { connection, value } = await tryForms(tries, memory, first, async () => (await open()).dialogue)
    const ready = await settleIn(connection, capabilities, value.capabilities)
    // RFC 8437: UNAUTHENTICATE would let a device try other passwords on a spliced connection, out of our sight.
    if (has(ready, 'UNAUTHENTICATE') && !options.allowUnauthenticate) {
      throw new UpstreamFailure('offers-unauthenticate', 'the upstream offers UNAUTHENTICATE; see allow_unauthenticate in the configuration')
    }
    return { ...connection.release(), capabilities: ready }
  } catch (error) {
    dialogue?.destroy()
    throw hideLogin(asUpstreamFailure(error, signal), login, dialler.endpoint)
  }
}

/** Up to where a login would begin. Throws UpstreamFailure, and nothing stays open. */
export async function meetImapUpstream(
  dialler: UpstreamDialler,
  { signal, proxyHeader, idClient }: Pick<ImapConnectOptions, 'signal' | 'proxyHeader' | 'idClient'>,
): Promise<Met> {
  let dialogue = new ImapDialogue(await dialler.dial(signal, proxyHeader), signal)
  try {
    let capabilities = proxyHeader === undefined ? await dialogue.readGreeting() : await meetBehindHeader(dialogue, signal)
    if (dialler.endpoint.tls === 'starttls') {
      dialogue = await startTls(dialogue, dialler, signal)
      capabilities = undefined // RFC 9051 §6.2.1: what was learnt before TLS is forgotten.
    }
    capabilities ??= (await dialogue.command('CAPABILITY')).capabilities ?? ''
    if (idClient !== undefined && has(capabilities, 'ID')) dialogue.tell(`ID ${formatId(idClient)}`)
    return { dialogue, capabilities }
  } catch (error) {
    dialogue.destroy()
    throw asUpstreamFailure(error, signal)
  }
}

/** Asks a harmless question before any secret: who took our PROXY header for commands does not answer it well. */
async function meetBehindHeader(dialogue: ImapDialogue, signal: AbortSignal): Promise<string> {
  try {
    await dialogue.readGreeting()
    const { status, capabilities, text } = await dialogue.command('CAPABILITY')
    if (status !== 'OK' || capabilities === undefined) throw new UpstreamFailure('not-the-protocol', `CAPABILITY: ${text}`)
    return capabilities
  } catch (error) {
    throw asProxyRefused(asUpstreamFailure(error, signal))
  }
}

/** After the login: says who we are where that is heard, and gives the capabilities. Neither fails a login. */
async function settleIn(dialogue: ImapDialogue, before: string, volunteered: string | undefined): Promise<string> {
  const told = volunteered ?? (await ask(dialogue, 'CAPABILITY'))
  const ready = told ?? LEAST_CAPABILITIES
  return has(told ?? before, 'ID') ? ((await ask(dialogue, OWN_ID)) ?? ready) : ready
}

/** A question whose answer we can do without; the capabilities that came with it. */
async function ask(dialogue: ImapDialogue, command: string): Promise<string | undefined> {
  const { status, capabilities } = await dialogue.command(command)
  return status === 'OK' ? capabilities : undefined
}

/**
 * RFC 2971 §3.3: field and value pairs; the fields are Dovecot's, which believes them before the login from its `login_trusted_networks`.
 * SECURITY: addresses, numbers and our own id, quoted; nothing that a client could have written.
 */
function formatId({ ip, port, destination, session }: ClientIdentity): string {
  const facts = {
    'x-originating-ip': ip,
    'x-originating-port': port,
    'x-connected-ip': destination.host,
    'x-connected-port': destination.port,
    'x-session-ext-id': session,
  }
  return `(${Object.entries(facts)
    .map(([field, value]) => `"${field}" "${value}"`)
    .join(' ')})`
}

async function startTls(dialogue: ImapDialogue, dialler: UpstreamDialler, signal: AbortSignal): Promise<ImapDialogue> {
  const reply = await dialogue.command('STARTTLS')
  if (reply.status !== 'OK') throw new UpstreamFailure('starttls-refused', reply.text)
  const { socket, unread } = dialogue.release()
  // SECURITY: bytes between the OK and the handshake were not said by the one who has the certificate.
  if (unread.length > 0) {
    socket.destroy()
    throw new UpstreamFailure('spoke-out-of-turn', 'bytes before the TLS handshake')
  }
  return new ImapDialogue(await dialler.startTls(socket, signal), signal)
}

function sayMissing({ authzid, isToken }: UpstreamLogin, capabilities: string): string {
  if (isToken === true) return 'the upstream offers neither AUTH=OAUTHBEARER nor AUTH=XOAUTH2'
  if (authzid !== '') return 'the master style authzid needs AUTH=PLAIN, which the upstream does not offer'
  return `the upstream offers no login that we know (is it TLS that it wants?): ${capabilities}`
}
