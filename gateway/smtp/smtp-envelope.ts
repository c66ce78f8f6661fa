/**
 * MAIL and RCPT as far as the gateway must understand them (RFC 5321 §4.1.1.2, §4.1.1.3): the address, and what is not sent on.
 *
 * SECURITY: only forms that every server reads alike are accepted; everything else is a syntax error, because a judged address that the
 * upstream reads in another way would be no judgement. All other parameters go on untouched.
 */
import { MailwicketError } from '../../base/errors.ts'

export interface EnvelopeCommand {
  /** Without angle brackets; '' for the null reverse-path of bounces and receipts. */
  readonly address: string
  /** The line to send on, without its CRLF. */
  readonly line: string
}

// RFC 5321 §4.1.2, with UTF-8 (RFC 6531 §3.3) as Latin-1 octets; no source route (deprecated, and read differently by different servers).
const DOT_STRING = String.raw`[A-Za-z0-9!#$%&'*+/=?^_\x60{|}~\x80-\xff-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_\x60{|}~\x80-\xff-]+)*`
const QUOTED_STRING = String.raw`"(?:[\x20\x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\x20-\x7e])*"`
const DOMAIN = String.raw`(?:[A-Za-z0-9\x80-\xff_-]+(?:\.[A-Za-z0-9\x80-\xff_-]+)*\.?|\[[A-Za-z0-9.:-]+\])`
const MAILBOX = `(?:${DOT_STRING}|${QUOTED_STRING})@${DOMAIN}`
/** RFC 5321 §4.1.2: esmtp-keyword ["=" esmtp-value]. */
const PARAMETERS = String.raw`((?: [A-Za-z0-9][A-Za-z0-9-]*(?:=[\x21-\x3c\x3e-\x7e\x80-\xff]+)?)*) *`
// DEVIATION(RFC 5321 §4.1.1.2): an address without its angle brackets is taken, as old scanners send it; the upstream gets it with them.
const MAIL = new RegExp(`^MAIL FROM: ?(?:<(${MAILBOX}|)>|(${MAILBOX}))${PARAMETERS}$`, 'i')
const RCPT = new RegExp(`^RCPT TO: ?(?:<(${MAILBOX}|postmaster)>|(${MAILBOX}))${PARAMETERS}$`, 'i')
/** Parameters of the extensions that we may offer; anything else could mean something special to an upstream that trusts us (XVERP, MT-PRIORITY …). */
const MAIL_PARAMETERS: ReadonlySet<string> = new Set(['SIZE', 'BODY', 'SMTPUTF8', 'RET', 'ENVID', 'REQUIRETLS'])
const RCPT_PARAMETERS: ReadonlySet<string> = new Set(['NOTIFY', 'ORCPT'])

/** Throws WIRE_SYNTAX; UnknownParameter. */
export function parseMail(line: string): EnvelopeCommand {
  const match = MAIL.exec(line)
  if (match === null) throw new MailwicketError('WIRE_SYNTAX', { message: 'Syntax: MAIL FROM:<address>' })
  const [, path = match[2] ?? '', , parameters = ''] = match
  // RFC 4954 §5: AUTH= says who first submitted the message. A client could name anybody; the upstream trusts us, so nobody is named.
  const kept = splitParameters(parameters).filter(parameter => keywordOf(parameter) !== 'AUTH')
  checkParameters(kept, MAIL_PARAMETERS)
  return { address: decode(path), line: ['MAIL FROM:<', path, '>', ...kept.map(parameter => ` ${parameter}`)].join('') }
}

/** Throws WIRE_SYNTAX; UnknownParameter. */
export function parseRcpt(line: string): EnvelopeCommand {
  const match = RCPT.exec(line)
  if (match === null) throw new MailwicketError('WIRE_SYNTAX', { message: 'Syntax: RCPT TO:<address>' })
  const [, path = match[2] ?? '', , parameters = ''] = match
  const kept = splitParameters(parameters)
  checkParameters(kept, RCPT_PARAMETERS)
  return { address: decode(path), line: ['RCPT TO:<', path, '>', ...kept.map(parameter => ` ${parameter}`)].join('') }
}

/** A parameter that no extension of ours has (RFC 5321 §4.1.1.11): 555. */
export class UnknownParameter extends Error {}

function splitParameters(parameters: string): string[] {
  return parameters.split(' ').filter(parameter => parameter !== '')
}

function keywordOf(parameter: string): string {
  return (parameter.split('=')[0] as string).toUpperCase()
}

function checkParameters(parameters: readonly string[], known: ReadonlySet<string>): void {
  for (const parameter of parameters) {
    const isBinary = /^BODY=BINARYMIME$/i.test(parameter)
    if (isBinary || !known.has(keywordOf(parameter))) throw new UnknownParameter()
  }
}

function decode(latin1: string): string {
  return Buffer.from(latin1, 'latin1').toString('utf8')
}
