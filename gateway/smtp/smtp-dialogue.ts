/**
 * What a command before login may touch of its session: the interface between the loop and its verbs, so that neither imports the other.
 */
import type { Wire } from '../../base/sockets/wire.ts'
import type { SmtpConnector } from '../../upstream/smtp/smtp-connector.ts'
import type { LoginServices } from '../login/login.ts'
import type { RecentTerms } from './sending/recent-terms.ts'
import type { SendingLedger } from './sending/sending-ledger.ts'
import type { ServedConnection } from './smtp-detach.ts'
import type { SmtpServerAdapter } from './smtp-server-adapter.ts'

export interface SmtpServices extends LoginServices {
  readonly connect: SmtpConnector
  readonly smtpServer: SmtpServerAdapter
  readonly ledger: SendingLedger
  readonly terms: RecentTerms
}

interface Reading {
  /** smtp-server splits the lines. */
  readonly served: ServedConnection
  /** What the client called itself; '' before it has. */
  readonly helo: string
}

/** The states in which commands are served. */
export type SmtpCommands = Reading & { readonly name: 'plain' | 'secure' }

export type SmtpServed =
  | SmtpCommands
  /** AUTH is read: no line is asked for, and one that comes was written for nobody. */
  | (Reading & { readonly name: 'authenticating' })
  /** The next line is the client's answer. */
  | (Reading & { readonly name: 'answering'; readonly take: (answer: Buffer) => void })
  /** `wire`: how the login hears that it is for nobody any more. */
  | (Reading & { readonly name: 'logging-in'; readonly wire: Pick<Wire, 'onGone'> })

export interface SmtpDialogue {
  say(reply: string): void
  /** Says what we offer to a client that has called itself `helo`. */
  greet(helo: string, kind: 'ehlo' | 'helo'): void
  /** It cannot be read, or is nothing that we know; ten of these end the connection. */
  refuseMalformed(reply: string): 'taken'
  /** Says that TLS may begin, puts it on, and forgets what was said before. */
  startTls(): void
  /** Reads what belongs to this AUTH, and logs in; asks for the next line by itself. */
  authenticate(argument: string): void
  /** Says a last word and closes. */
  sendAway(text: string, why: string): void
}
