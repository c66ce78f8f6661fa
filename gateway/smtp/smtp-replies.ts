/**
 * Every text that a submission client hears from us, with its codes (RFC 5321, RFC 4954, RFC 3463; architecture §11).
 * Upstream replies pass unchanged and are not here.
 */

import type { FailureReply } from '../../upstream/upstream-failure.ts'
import { isIndistinct, isLimit, type Refusal } from '../sessions/refusal.ts'

export const REPLIES = {
  startTls: '220 2.0.0 Begin TLS now\r\n',
  authSucceeded: '235 2.7.0 Authentication succeeded\r\n',
  emptyChallenge: '334 \r\n',
  askUserName: '334 VXNlcm5hbWU6\r\n',
  askPassword: '334 UGFzc3dvcmQ6\r\n',
  // RFC 4954 §4: what the codes stand for.
  authCancelled: '501 5.0.0 Authentication cancelled\r\n',
  authMalformed: '501 5.5.2 Cannot decode the response\r\n',
  authSyntax: '501 5.5.4 Syntax: AUTH mechanism [initial-response]\r\n',
  authUnknown: '504 5.5.4 That mechanism is not offered; use PLAIN or LOGIN\r\n',
  authNeedsTls: '538 5.7.11 Encryption is required: use STARTTLS first\r\n',
  authNeedsEhlo: '503 5.5.1 Say EHLO first\r\n',
  tooMany: '421 4.7.0 Too many commands before login\r\n',
  authPipelined: '421 4.7.0 Nothing may follow AUTH before its reply\r\n',
  startTlsSyntax: '501 5.5.4 Syntax: STARTTLS\r\n',
  alreadySecure: '503 5.5.1 TLS is on already\r\n',
  heloSyntax: '501 5.5.4 Syntax: EHLO hostname\r\n',
  notHttp: '421 4.7.0 This is no web server\r\n',
  alreadyDone: '503 5.5.1 Already authenticated\r\n',
  needsTls: '530 5.7.0 Must issue a STARTTLS command first\r\n',
  needsAuth: '530 5.7.0 Authentication required\r\n',
  unknownCommand: '502 5.5.1 Command not implemented\r\n',
  unknownParameter: '555 5.5.4 That parameter is not offered\r\n',
  unreadable: {
    sender: '501 5.1.7 That sender address cannot be read; use MAIL FROM:<address>\r\n',
    recipient: '501 5.1.3 That recipient address cannot be read; use RCPT TO:<address>\r\n',
  },
  noCommand: '500 5.5.2 That is no command\r\n',
  tooLong: '500 5.5.6 Line too long\r\n',
  tooLarge: '421 4.7.0 That is more than a client may send before login\r\n',
  tooMuchMalformed: '421 4.7.0 Too many malformed commands\r\n',
  tooManyRefusals: '421 4.7.0 Too many wrong logins\r\n',
  tooCrowded: '421 4.7.0 Too many connections that do not log in\r\n',
  tooSlow: '421 4.7.0 Login took too long\r\n',
  idle: '421 4.4.2 Idle for too long\r\n',
  bareLfEnd: '554 5.6.0 The message has bare line ends where it could be cut in two; it was not accepted\r\n',
  goodbye: '221 2.0.0 Bye\r\n',
  closing: '421 4.7.0 Closing\r\n',
  cannotJudge: '451 4.3.0 Cannot look up what this device may send; try again later\r\n',
  upstreamGone: '451 4.4.2 The mail server has closed the connection; the message was not accepted\r\n',
  upstreamStalled: '451 4.4.1 The mail server takes no more of the message; it was not accepted\r\n',
  uncertain: '451 4.4.2 The mail server has not said whether it took the message\r\n',
  upstreamConfused: '451 4.3.0 The mail server answered before the message was complete; it was not accepted\r\n',
  upstreamClosed: '421 4.4.2 The mail server has closed the connection\r\n',
  upstreamBroken: '421 4.3.0 The mail server does not answer as it should\r\n',
  ended: "421 4.7.0 This device's access has ended\r\n",
  shutdown: '421 4.3.2 The server is restarting; connect again\r\n',
  bug: '421 4.3.0 Internal error; try again later\r\n',
} as const

export function refusalReply(refusal: Refusal): string {
  if (isIndistinct(refusal)) return '535 5.7.8 Wrong address or password\r\n'
  if (refusal === 'too-many-sessions') return '454 4.7.0 Too many connections of this device or mailbox; close some\r\n'
  if (isLimit(refusal)) return '454 4.7.0 Too many wrong logins; try again later\r\n'
  if (refusal === 'expired') return "535 5.7.8 This device's password has expired\r\n"
  if (refusal === 'acts-as-other') return '535 5.7.8 A device may only act for its own address\r\n'
  if (refusal === 'user-blocked') return '535 5.7.8 The user of this device is blocked\r\n'
  return '535 5.7.8 This device may not send mail\r\n'
}

/** RFC 4954 §6: 454 4.7.0, so that an app tries again and does not ask for another password. */
export function failureReply(reply: FailureReply): string {
  return reply === 'unavailable'
    ? '454 4.7.0 The mail server cannot be reached now; try again later\r\n'
    : '454 4.7.0 The mail server does not let us in; tell your administrator\r\n'
}
