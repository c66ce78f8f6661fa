/**
 * Every text that an IMAP client hears from us, and the one place that turns an outcome into a response code (RFC 5530, architecture §11).
 * No text of an upstream and no message of an error gets here.
 */

import type { FailureReply } from '../../upstream/upstream-failure.ts'
import { isIndistinct, isLimit, type Refusal } from '../sessions/refusal.ts'

const CRLF = '\r\n'

export const REPLIES = {
  greeting: (capabilities: string) => `* OK [CAPABILITY ${capabilities}] Mailwicket ready.${CRLF}`,
  capability: (tag: string, capabilities: string) => `* CAPABILITY ${capabilities}${CRLF}${tag} OK Done.${CRLF}`,
  /** Word for word what Dovecot does: a program that believes ENABLE from before login goes on, and nothing is on. */
  enabledNothing: (tag: string) => `* ENABLED${CRLF}${tag} OK ENABLE ignored before login.${CRLF}`,
  noop: (tag: string) => `${tag} OK Done.${CRLF}`,
  id: (tag: string) => `* ID ("name" "Mailwicket")${CRLF}${tag} OK Done.${CRLF}`,
  startTls: (tag: string) => `${tag} OK Begin TLS now.${CRLF}`,
  logout: (tag: string) => `* BYE Goodbye.${CRLF}${tag} OK Done.${CRLF}`,
  goOn: `+ OK${CRLF}`,
  // RFC 9051 §6.2.2: an empty challenge is "+ " and CRLF.
  emptyChallenge: `+ ${CRLF}`,
  /** SASL LOGIN has no standard; every client knows these two questions. */
  askUserName: `+ VXNlcm5hbWU6${CRLF}`,
  askPassword: `+ UGFzc3dvcmQ6${CRLF}`,
  privacyRequired: (tag: string) => `${tag} NO [PRIVACYREQUIRED] Use TLS before you log in.${CRLF}`,
  loggedIn: (tag: string, capabilities: string) => `${tag} OK [CAPABILITY ${capabilities}] Logged in.${CRLF}`,
  cancelled: (tag: string) => `${tag} BAD Login cancelled.${CRLF}`,
  unknownMechanism: (tag: string) => `${tag} NO [CANNOT] That mechanism is not offered; use PLAIN or LOGIN.${CRLF}`,
  logInFirst: (tag: string) => `${tag} BAD Log in first.${CRLF}`,
  notNow: (tag: string) => `${tag} BAD Not allowed in this state.${CRLF}`,
  malformed: (tag: string | undefined, why: string) => `${tag ?? '*'} BAD Cannot read this command: ${why}.${CRLF}`,
  tooMuchMalformed: `* BYE Too many malformed commands.${CRLF}`,
  tooMany: `* BYE Too many commands before login.${CRLF}`,
  tooLarge: `* BYE That is more than a command before login may have.${CRLF}`,
  tooManyRefusals: `* BYE Too many wrong logins.${CRLF}`,
  tooCrowded: `* BYE Too many connections that do not log in.${CRLF}`,
  tooSlow: `* BYE Login took too long.${CRLF}`,
  ended: `* BYE This device's access has ended.${CRLF}`,
  shutdown: `* BYE The server is restarting; connect again.${CRLF}`,
  bug: `* BYE Internal error; try again later.${CRLF}`,
} as const

const LIMIT_TEXTS = { tries: 'Too many wrong logins; try again later.', sessions: 'Too many connections of this device or mailbox; close some.' } as const

export function refusalReply(tag: string, refusal: Refusal): string {
  if (isIndistinct(refusal)) return `${tag} NO [AUTHENTICATIONFAILED] Wrong address or password.${CRLF}`
  if (isLimit(refusal)) return `${tag} NO [LIMIT] ${LIMIT_TEXTS[refusal === 'too-many-sessions' ? 'sessions' : 'tries']}${CRLF}`
  if (refusal === 'expired') return `${tag} NO [EXPIRED] This device's password has expired.${CRLF}`
  if (refusal === 'acts-as-other') return `${tag} NO [AUTHORIZATIONFAILED] A device may only act for its own address.${CRLF}`
  if (refusal === 'user-blocked') return `${tag} NO [AUTHORIZATIONFAILED] The user of this device is blocked.${CRLF}`
  return `${tag} NO [AUTHORIZATIONFAILED] This device may not read mail.${CRLF}`
}

const FAILURES: Readonly<Record<FailureReply, string>> = {
  unavailable: 'NO [UNAVAILABLE] The mail server cannot be reached now; try again later.',
  'contact-admin': 'NO [CONTACTADMIN] The mail server does not let us in; tell your administrator.',
}

export function failureReply(tag: string, reply: FailureReply): string {
  return `${tag} ${FAILURES[reply]}${CRLF}`
}
