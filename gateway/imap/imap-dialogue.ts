/**
 * What a command before login may touch of its session: the interface between the loop and its verbs, so that neither imports the other.
 */
import type { Wire } from '../../base/sockets/wire.ts'
import type { ImapConnector } from '../../upstream/imap/imap-connector.ts'
import type { LoginServices } from '../login/login.ts'
import type { Credentials } from '../login/sasl.ts'
import type { LiveSession } from '../sessions/live-sessions.ts'
import type { ImapCapabilities } from './imap-capabilities.ts'

export interface ImapServices extends LoginServices {
  readonly connect: ImapConnector
  readonly capabilities: ImapCapabilities
}

/** The states in which commands are served. */
export interface ImapServed {
  readonly name: 'plain' | 'secure'
  readonly wire: Wire
}

export interface ImapDialogue {
  readonly live: LiveSession
  /** What is offered in this state. */
  readonly capabilities: string
  say(reply: string): void
  /** Sends a challenge and reads the answer; undefined when the client cancels. Throws WIRE_SYNTAX. */
  ask(challenge: string): Promise<Buffer | undefined>
  /** After its reply: puts TLS on, and forgets what was said before. */
  startTls(): Promise<void>
  logIn(tag: string, credentials: Credentials): Promise<void>
  /** Says a last word and closes. */
  sendAway(text: string, why: string): void
}
