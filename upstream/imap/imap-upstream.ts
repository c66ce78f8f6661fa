/**
 * The upstream leg before the splice: greeting, STARTTLS, login. The upstream is not trusted: it may be slow, broken, or somebody else.
 *
 * Every command has a tag that cannot be guessed, nothing may be said before we asked, and all that it may say is bounded.
 */
import { randomUUID } from 'node:crypto'
import type { Duplex } from 'node:stream'
import { Wire } from '../../base/wire.ts'
import type { ClientIdentity } from '../client-identity.ts'
import type { UpstreamDialler } from '../upstream-dialler.ts'
import { asProxyRefused, asUpstreamFailure, UpstreamFailure } from '../upstream-failure.ts'
import { UPSTREAM_LIMITS } from '../upstream-limits.ts'
import { hideLogin, type UpstreamLogin } from '../upstream-login.ts'

/** An upstream session that is ours, ready to be spliced. */
export interface ImapUpstream {
  readonly socket: Duplex
  /** What it said after its OK. */
  readonly unread: Buffer
  /** Its capabilities after login, checked to be plain atoms. */
  readonly capabilities: string
}

/** Response codes that mean "not now" (RFC 5530 §3), whatever the reply was: iCloud says BAD [UNAVAILABLE]. */
const NOT_NOW = new Set(['UNAVAILABLE', 'INUSE', 'SERVERBUG', 'LIMIT', 'EXPUNGEISSUED'])
/** WORKAROUND(Gmail, seen from 2014 to 2026): `NO [ALERT] Too many simultaneous connections. (Failure)` says nothing of the password. */
const TOO_MANY = /\btoo many\b/i
/** Capabilities are atoms (RFC 9051 §9); anything else would let an upstream write into our reply. */
const CAPABILITY_LIST = /^[A-Z][\x21\x23\x24\x26\x27\x2b-\x5b\x5e-\x7a\x7c\x7e ]*$/i

export interface ImapConnectOptions {
  readonly allowUnauthenticate: boolean
  /** Whom to tell of by ID; undefined: nobody. */
  readonly idClient: ClientIdentity | undefined
  /** Goes ahead of everything else; undefined: nothing does. */
  readonly proxyHeader: Buffer | undefined
  readonly signal: AbortSignal
}

/** Dials and logs in, all within the signal. Throws UpstreamFailure; whatever the signal carries when it is aborted. */
export async function connectImapUpstream(dialler: UpstreamDialler, login: UpstreamLogin, options: ImapConnectOptions): Promise<ImapUpstream> {
  const { signal, proxyHeader, idClient } = options
  let dialogue = new Dialogue(await dialler.dial(signal, proxyHeader), signal)
  try {
    let capabilities = proxyHeader === undefined ? await dialogue.readGreeting() : await meetBehindHeader(dialogue, signal)
    if (dialler.endpoint.tls === 'starttls') {
      dialogue = await startTls(dialogue, dialler, signal)
      capabilities = undefined // RFC 9051 §6.2.1: what was learnt before TLS is forgotten.
    }
    capabilities ??= await dialogue.askCapabilities()
    if (idClient !== undefined && has(capabilities, 'ID')) dialogue.tell(`ID ${formatId(idClient)}`)
    const ready = (await logIn(dialogue, login, capabilities)) ?? (await dialogue.askCapabilities())
    // RFC 8437: UNAUTHENTICATE would let a device try other passwords on a spliced connection, out of our sight.
    if (has(ready, 'UNAUTHENTICATE') && !options.allowUnauthenticate) {
      throw new UpstreamFailure('offers-unauthenticate', 'the upstream offers UNAUTHENTICATE; see allow_unauthenticate in the configuration')
    }
    return { ...dialogue.release(), capabilities: ready }
  } catch (error) {
    dialogue.destroy()
    throw hideLogin(asUpstreamFailure(error, signal), login)
  }
}

/** Asks a harmless question before any secret: who took our PROXY header for commands does not answer it well. */
async function meetBehindHeader(dialogue: Dialogue, signal: AbortSignal): Promise<string> {
  try {
    await dialogue.readGreeting()
    return await dialogue.askCapabilities()
  } catch (error) {
    throw asProxyRefused(asUpstreamFailure(error, signal))
  }
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

async function startTls(dialogue: Dialogue, dialler: UpstreamDialler, signal: AbortSignal): Promise<Dialogue> {
  const reply = await dialogue.command('STARTTLS')
  if (reply.status !== 'OK') throw new UpstreamFailure('starttls-refused', reply.text)
  const { socket, unread } = dialogue.release()
  // SECURITY: bytes between the OK and the handshake were not said by the one who has the certificate.
  if (unread.length > 0) {
    socket.destroy()
    throw new UpstreamFailure('spoke-out-of-turn', 'bytes before the TLS handshake')
  }
  return new Dialogue(await dialler.startTls(socket, signal), signal)
}

/** Logs in by the best mechanism offered; the capabilities that the upstream volunteered with its OK, or undefined. */
async function logIn(dialogue: Dialogue, login: UpstreamLogin, capabilities: string): Promise<string | undefined> {
  const reply = await sendLogin(dialogue, login, capabilities)
  if (reply.status === 'OK') return reply.capabilities
  const isBusy = reply.code !== 'AUTHENTICATIONFAILED' && TOO_MANY.test(reply.text)
  if (isBusy || NOT_NOW.has(reply.code)) throw new UpstreamFailure('says-unavailable', reply.text)
  throw new UpstreamFailure('refused-us', reply.text)
}

async function sendLogin(dialogue: Dialogue, login: UpstreamLogin, capabilities: string): Promise<Reply> {
  if (has(capabilities, 'AUTH=PLAIN')) {
    const message = Buffer.concat([Buffer.from(`${login.authzid}\0${login.user}\0`), login.secret.reveal()]).toString('base64')
    return has(capabilities, 'SASL-IR') ? dialogue.command(`AUTHENTICATE PLAIN ${message}`) : dialogue.command('AUTHENTICATE PLAIN', [Buffer.from(message)])
  }
  if (login.authzid !== '') throw new UpstreamFailure('no-mechanism', 'the master style authzid needs AUTH=PLAIN, which the upstream does not offer')
  if (has(capabilities, 'LOGINDISABLED'))
    throw new UpstreamFailure('no-mechanism', 'the upstream offers neither AUTH=PLAIN nor LOGIN (is it TLS that it wants?)')
  // Synchronizing literals: no quoting that an upstream could read in another way.
  const user = Buffer.from(login.user)
  const secret = login.secret.reveal()
  return dialogue.command(`LOGIN {${user.length}}`, [Buffer.concat([user, Buffer.from(` {${secret.length}}`)]), secret])
}

interface Reply {
  readonly status: 'OK' | 'NO' | 'BAD'
  /** Response code in upper case, or ''. */
  readonly code: string
  /** For the log only. */
  readonly text: string
  /** From the response code, else from an untagged CAPABILITY. */
  readonly capabilities: string | undefined
}

/** One command at a time and its answer. */
class Dialogue {
  readonly #wire: Wire
  readonly #signal: AbortSignal
  readonly #onAbort: () => void
  /** Of what was told and not answered yet. */
  #toldTag = ''

  constructor(socket: Duplex, signal: AbortSignal) {
    this.#wire = new Wire(socket, UPSTREAM_LIMITS.replyBytes)
    this.#signal = signal
    this.#onAbort = () => this.#wire.abort(signal.reason as Error)
    signal.addEventListener('abort', this.#onAbort)
    if (signal.aborted) this.#onAbort()
  }

  /** The capabilities of the greeting, or undefined when it does not tell. */
  async readGreeting(): Promise<string | undefined> {
    const line = await this.#readLine()
    if (/^\* PREAUTH/i.test(line)) throw new UpstreamFailure('preauth', 'the upstream greets as already logged in')
    if (/^\* BYE/i.test(line)) throw new UpstreamFailure('says-unavailable', line)
    if (!/^\* OK/i.test(line)) throw new UpstreamFailure('not-the-protocol', `greeting: ${line}`)
    return capabilitiesIn(/^\* OK \[CAPABILITY ([^\]]*)\]/i.exec(line)?.[1])
  }

  /**
   * Sends what needs no answer, just ahead of the next command, as Dovecot's own proxy does: it costs no round trip, and an upstream that
   * refuses it, or never answers it, is no less good for a login.
   */
  tell(command: string): void {
    this.#toldTag = makeTag()
    this.#wire.write(`${this.#toldTag} ${command}\r\n`)
  }

  async askCapabilities(): Promise<string> {
    const { status, capabilities, text } = await this.command('CAPABILITY')
    if (status !== 'OK' || capabilities === undefined) throw new UpstreamFailure('not-the-protocol', `CAPABILITY: ${text}`)
    return capabilities
  }

  /** Sends a command, and each of `answers` on a line of its own when the upstream asks for more. */
  async command(command: string, answers: readonly Buffer[] = []): Promise<Reply> {
    const tag = makeTag()
    await this.#skipUntagged()
    this.#wire.write(`${tag} ${command}\r\n`)
    let capabilities: string | undefined
    let answered = 0
    for (let heard = 0; heard <= UPSTREAM_LIMITS.replyBytes; ) {
      const line = await this.#readLine()
      heard += line.length + 2
      if (line.startsWith('* ')) {
        if (/^\* BYE/i.test(line)) throw new UpstreamFailure('says-unavailable', line)
        // RFC 9051 §7.1.3: it could not even read a command of ours; that one will never be answered.
        if (/^\* BAD/i.test(line)) throw new UpstreamFailure('not-the-protocol', line)
        capabilities = capabilitiesIn(/^\* CAPABILITY (.*)$/i.exec(line)?.[1]) ?? capabilities
      } else if (line.startsWith('+')) {
        // After a failed SASL exchange a server may send a challenge; an empty line makes it say NO.
        this.#wire.write(Buffer.concat([answers[answered] ?? Buffer.alloc(0), Buffer.from('\r\n')]))
        answered += 1
      } else if (this.#isToldAnswer(line)) {
        // OK, NO or BAD: it is all the same to us.
      } else {
        return parseTagged(line, tag, capabilities)
      }
    }
    throw new UpstreamFailure('not-the-protocol', 'endless untagged responses')
  }

  /** RFC 9051 §7: untagged responses may come at any time. SECURITY: an answer that came before the question was not given to us. */
  async #skipUntagged(): Promise<void> {
    for (let heard = 0; this.#wire.hasUnread; ) {
      const line = await this.#readLine()
      heard += line.length + 2
      if (/^\* (BYE|PREAUTH)/i.test(line)) throw new UpstreamFailure('says-unavailable', line)
      if (/^\* BAD/i.test(line)) throw new UpstreamFailure('not-the-protocol', line)
      if (this.#isToldAnswer(line)) continue
      if (!line.startsWith('* ') || heard > UPSTREAM_LIMITS.replyBytes) throw new UpstreamFailure('spoke-out-of-turn', 'the upstream spoke before it was asked')
    }
  }

  #isToldAnswer(line: string): boolean {
    return this.#toldTag !== '' && line.startsWith(`${this.#toldTag} `)
  }

  release(): { socket: Duplex; unread: Buffer } {
    this.#signal.removeEventListener('abort', this.#onAbort)
    return this.#wire.release()
  }

  destroy(): void {
    const { socket } = this.release()
    socket.on('error', () => {}) // a late error of a destroyed socket must not end the process
    socket.destroy()
  }

  async #readLine(): Promise<string> {
    const line = (await this.#wire.readLine(UPSTREAM_LIMITS.lineBytes)).toString('latin1')
    // No response before login has a literal; one that pretends to is not followed.
    if (/\{\d+\}$/.test(line)) throw new UpstreamFailure('not-the-protocol', 'a literal before login')
    return line
  }
}

/** 64 random bits and two dashes; Node keeps random bytes for it in stock. */
function makeTag(): string {
  return randomUUID().slice(0, 18)
}

function parseTagged(line: string, tag: string, untagged: string | undefined): Reply {
  const match = /^(\S+) (OK|NO|BAD)(?: \[([A-Z0-9=-]+)(?: ([^\]]*))?\])?(?: |$)/i.exec(line)
  if (match === null || match[1] !== tag) throw new UpstreamFailure(match === null ? 'not-the-protocol' : 'spoke-out-of-turn', line)
  const code = match[3]?.toUpperCase() ?? ''
  return {
    status: match[2]?.toUpperCase() as Reply['status'],
    code,
    text: line.slice(tag.length + 1),
    capabilities: (code === 'CAPABILITY' ? capabilitiesIn(match[4]) : undefined) ?? untagged,
  }
}

function capabilitiesIn(list: string | undefined): string | undefined {
  const trimmed = list?.trim()
  return trimmed !== undefined && CAPABILITY_LIST.test(trimmed) ? trimmed : undefined
}

function has(capabilities: string, name: string): boolean {
  return ` ${capabilities.toUpperCase()} `.includes(` ${name} `)
}
