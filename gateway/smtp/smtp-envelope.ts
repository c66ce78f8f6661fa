/**
 * MAIL and RCPT as far as the gateway must understand them (RFC 5321 §4.1.1.2, §4.1.1.3): the address, and what is not sent on.
 *
 * Lenient in what it takes, since a real server would take it too: whether an address is a good one is the upstream's to say, and under a sender rule
 * the policy's. SECURITY: the line is written anew in one form, `<` address `>` and known parameters with single blanks; what does not fit into it
 * (a second address, a comment, a display name, a control character) is refused, because the upstream could read something else in it than we did.
 */
import { MailwicketError } from '../../base/errors.ts'

export interface EnvelopeCommand {
  /** Without angle brackets; '' for the null reverse-path of bounces and receipts. */
  readonly address: string
  /** The line to send on, without its CRLF. */
  readonly line: string
}

// RFC 5321 §4.1.2 without its order: dots and @ anywhere (docomo and others have `a..b` and `a.`), a domain or none (cron and NAS boxes: `root`).
// UTF-8 (RFC 6531 §3.3) as Latin-1 octets.
const LETTER = String.raw`[!#$%&'*+./0-9=?A-Z^_\x60a-z{|}~\x80-\xff-]`
const QUOTED_STRING = String.raw`"(?:[\x20\x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\x20-\x7e])*"`
const ADDRESS_LITERAL = String.raw`\[[A-Za-z0-9.:-]+\]`
const MAILBOX = `(?:${LETTER}|${QUOTED_STRING})+(?:@${LETTER}+)*(?:@${ADDRESS_LITERAL})?`
/** RFC 5321 §4.1.1.3, appendix C: a source route must be taken, and is better ignored. */
const SOURCE_ROUTE = String.raw`(?:@[A-Za-z0-9.,@\x80-\xff_-]+:)?`
// DEVIATION(RFC 5321 §4.1.1.2): an address without its angle brackets, or with one too many, is taken, as old scanners send it; the upstream gets it with them.
const PATH = `(?:<{1,2}[ \\t]*${SOURCE_ROUTE}(?:(${MAILBOX})[ \\t]*)?>{1,2}|(${MAILBOX})>?)`
const PARAMETERS = String.raw`((?:[ \t]+[\x21-\x7e\x80-\xff]+)*)`
const MAIL = new RegExp(`^FROM:[ \\t]*${PATH}${PARAMETERS}$`, 'i')
const RCPT = new RegExp(`^TO:[ \\t]*${PATH}${PARAMETERS}$`, 'i')
/** RFC 5321 §4.1.2: esmtp-keyword ["=" esmtp-value]. */
const PARAMETER = /^[A-Za-z0-9][A-Za-z0-9-]*(?:=[^=]+)?$/
/** Parameters of the extensions that we may offer; anything else could mean something special to an upstream that trusts us (XVERP, MT-PRIORITY …). */
const MAIL_PARAMETERS: ReadonlySet<string> = new Set(['SIZE', 'BODY', 'SMTPUTF8', 'RET', 'ENVID', 'REQUIRETLS'])
const RCPT_PARAMETERS: ReadonlySet<string> = new Set(['NOTIFY', 'ORCPT'])

/** The argument of MAIL. Throws WIRE_SYNTAX where it is no FROM; UnreadableAddress, UnknownParameter. */
export function parseMail(argument: string): EnvelopeCommand {
  if (!/^FROM:./i.test(argument)) throw new MailwicketError('WIRE_SYNTAX', { message: 'Syntax: MAIL FROM:<address>' })
  const { path, parameters } = parsePath(MAIL, argument)
  // RFC 4954 §5: AUTH= says who first submitted the message. A client could name anybody; the upstream trusts us, so nobody is named.
  const kept = parameters.filter(parameter => keywordOf(parameter) !== 'AUTH')
  checkParameters(kept, MAIL_PARAMETERS)
  return { address: decode(path), line: formatLine('MAIL FROM', path, kept) }
}

/** The argument of RCPT. Throws WIRE_SYNTAX where it is no TO; UnreadableAddress, UnknownParameter. */
export function parseRcpt(argument: string): EnvelopeCommand {
  if (!/^TO:./i.test(argument)) throw new MailwicketError('WIRE_SYNTAX', { message: 'Syntax: RCPT TO:<address>' })
  const { path, parameters } = parsePath(RCPT, argument)
  if (path === '') throw new UnreadableAddress()
  checkParameters(parameters, RCPT_PARAMETERS)
  return { address: decode(path), line: formatLine('RCPT TO', path, parameters) }
}

/** What stands there could be read in two ways, or in none: 501. */
export class UnreadableAddress extends Error {}

/** A parameter that no extension of ours has (RFC 5321 §4.1.1.11): 555. */
export class UnknownParameter extends Error {}

function parsePath(syntax: RegExp, argument: string): { path: string; parameters: readonly string[] } {
  const match = syntax.exec(argument)
  if (match === null) throw new UnreadableAddress()
  const [, path = match[2] ?? '', , parameters = ''] = match
  return { path, parameters: parameters.split(/[ \t]+/).filter(parameter => parameter !== '') }
}

function formatLine(command: string, path: string, parameters: readonly string[]): string {
  return [`${command}:<${path}>`, ...parameters].join(' ')
}

function keywordOf(parameter: string): string {
  return (parameter.split('=')[0] as string).toUpperCase()
}

function checkParameters(parameters: readonly string[], known: ReadonlySet<string>): void {
  for (const parameter of parameters) {
    if (!PARAMETER.test(parameter)) throw new UnreadableAddress()
    const isBinary = /^BODY=BINARYMIME$/i.test(parameter)
    if (isBinary || !known.has(keywordOf(parameter))) throw new UnknownParameter()
  }
}

function decode(latin1: string): string {
  return Buffer.from(latin1, 'latin1').toString('utf8')
}
