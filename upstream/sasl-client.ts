/**
 * The client's side of SASL, the same for IMAP and submission: what is said first, what to each challenge, and when to give up.
 * The only place that builds these messages. It gets no tokens: for XOAUTH2 and OAUTHBEARER the login brings one as its secret.
 */
import type { Endpoint } from '../base/network.ts'
import type { UpstreamLogin } from './upstream-login.ts'

export type SaslMechanism = 'PLAIN' | 'LOGIN' | 'XOAUTH2' | 'OAUTHBEARER'

/** More rounds than any of these mechanisms has; a server that goes on asking is broken or hostile. */
const MAX_CHALLENGES = 6
/** Of what a server tells of a refused token, what a log line can hold. */
const MAX_FAILURE_BYTES = 1024

/** The mechanisms for a login, the best first. SECURITY: LOGIN has no authzid; it would log the master user in to its own mailbox. */
export function mechanismsFor({ authzid, isToken }: UpstreamLogin): readonly SaslMechanism[] {
  if (isToken === true) return ['OAUTHBEARER', 'XOAUTH2']
  return authzid === '' ? ['PLAIN', 'LOGIN'] : ['PLAIN']
}

/** Everything that the mechanism says, in order, before base64. `server`: whom it is said to. */
export function messagesOf(mechanism: SaslMechanism, { authzid, user, secret }: UpstreamLogin, { host, port }: Endpoint): readonly Buffer[] {
  const raw = secret.reveal()
  switch (mechanism) {
    case 'PLAIN':
      // RFC 4616 §2: authzid, user and password with NUL between.
      return [Buffer.concat([Buffer.from(`${authzid}\0${user}\0`), raw])]
    case 'LOGIN':
      return [Buffer.from(user), raw]
    case 'OAUTHBEARER':
      // RFC 7628 §3.1: the GS2 header names the mailbox; then host, port and the token, each ended by %x01.
      return [Buffer.concat([Buffer.from(`n,a=${escapeName(user)},\x01host=${host}\x01port=${port}\x01auth=Bearer `), raw, Buffer.from('\x01\x01')])]
    case 'XOAUTH2':
      return [Buffer.concat([Buffer.from(`user=${user}\x01auth=Bearer `), raw, Buffer.from('\x01\x01')])]
  }
}

/** RFC 5801 §4: comma and equals sign of a name in the GS2 header. */
function escapeName(name: string): string {
  return name.replaceAll('=', '=3D').replaceAll(',', '=2C')
}

/** One exchange; made anew for each try. */
export class SaslExchange {
  readonly mechanism: SaslMechanism
  readonly #left: Buffer[]
  readonly #onSent: (() => void) | undefined
  #challenges = 0
  #hasSpoken = false
  #failure: string | undefined

  constructor(mechanism: SaslMechanism, login: UpstreamLogin, server: Endpoint) {
    this.mechanism = mechanism
    this.#left = [...messagesOf(mechanism, login, server)]
    this.#onSent = login.onSent
  }

  /** Whether the secret has left: a refusal before that speaks of the form, not of the password. */
  get hasSpoken(): boolean {
    return this.#hasSpoken
  }

  /** What the server told of a refused token inside the exchange, for the log. */
  get failure(): string | undefined {
    return this.#failure
  }

  /** The first message in base64, to go with the command itself (RFC 4959, RFC 4954). */
  initialResponse(): string {
    return this.#say(this.#left.shift() as Buffer)
  }

  /** Our line to a challenge (its base64), without its end: base64, empty, or `*` to give up. */
  answer(challenge: string): string {
    this.#challenges += 1
    const message = this.#left.shift()
    if (message !== undefined) return this.#say(message)
    if (this.#failure !== undefined || this.#challenges > MAX_CHALLENGES) return '*'
    this.#failure = Buffer.from(challenge.slice(0, MAX_FAILURE_BYTES), 'base64').toString('utf8')
    // RFC 7628 §3.2.3: after the error the client says %x01, and the server refuses. Others (XOAUTH2, and servers that ask once too often) want an empty line.
    return this.mechanism === 'OAUTHBEARER' ? Buffer.from('\x01').toString('base64') : ''
  }

  /** The secret is in the last message. */
  #say(message: Buffer): string {
    this.#hasSpoken = this.#left.length === 0
    if (this.#hasSpoken) this.#onSent?.()
    return message.toString('base64')
  }
}
