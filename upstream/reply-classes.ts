/**
 * What a server's answer to a login means, whichever server it is: come back later, you are refused, or not this form of login.
 * The real reply lines that decided these rules: reply-corpus.ts. They are printed in docs/upstreams.md.
 *
 * `refused` is only what is clear: it ends the tries and calls somebody. `unclear` lets the next form of login be tried.
 */

export type ReplyClass = 'temporary' | 'refused' | 'unclear'

/** Response codes of IMAP that speak of now, not of the password, whatever the reply was: iCloud says BAD [UNAVAILABLE]. */
const TEMPORARY_CODES = new Set(['UNAVAILABLE', 'INUSE', 'SERVERBUG', 'LIMIT', 'EXPUNGEISSUED', 'TEMPFAIL', 'OVERQUOTA', 'THROTTLED'])
/** RFC 5530 §3: codes with which a server says clearly that it does not let us in, or that a person must act; WEBALERT is Google's. */
const REFUSED_CODES = new Set(['AUTHENTICATIONFAILED', 'AUTHORIZATIONFAILED', 'EXPIRED', 'PRIVACYREQUIRED', 'CONTACTADMIN', 'NOPERM', 'WEBALERT'])

/** RFC 4954 §6: 535 credentials invalid, 534 too weak, 538 needs encryption, 530 must authenticate first; 525 and 526 are hosts' own for the same. */
const REFUSED_REPLIES = new Set([525, 526, 530, 534, 535, 538])

const SUBJECT = String.raw`(?:auth\w*|log[ -]?[io]n|sign[ -]?in|credentials?|pass(?:word|wd|code)?|user(?:[ -]?name)?|account|permission|access)`
const VERDICT = `(?:fail(?:ed|ure|s)?|invalid|incorrect|wrong|bad|reject(?:ed)?|refused|denied|unsuccessful|disabled|blocked|locked|suspended|expired|required|unknown|error|not (?:accepted|allowed|permitted|found|valid|correct|enabled))`

/** In this order: the first that fits decides. */
const WORDS: readonly (readonly [RegExp, ReplyClass])[] = [
  // WORKAROUND(QQ and Tencent Exmail, seen in 2025): one sentence names every cause; the password is the one to act on.
  [/password is incorrect/i, 'refused'],
  [/\bapplication-specific password\b|\bweb browser\b/i, 'refused'],
  [/\btemporar(?:y|ily)\b|\b(?:try|retry)\b[^.]*\blater\b|\bat present\b/i, 'temporary'],
  [/\btoo many\b|\bmaximum number of connections\b|\b(?:concurrent|simultaneous) connections?\b|\bconnection limit\b|\brate limit/i, 'temporary'],
  [/\bthrottl|\bbandwidth\b|\boverload|\bbackoff\b|\bbusy\b|\bmaintenance\b|\btimed? ?out\b/i, 'temporary'],
  [
    /\b(?:internal|system|server|backend|database) (?:(?:server|system) )?(?:error|failure|unavailable)\b|\bservice (?:is )?(?:not available|unavailable)\b/i,
    'temporary',
  ],
  // WORKAROUND(Exchange 2016 and Microsoft 365, seen in 2025): the login was right, its mailbox server is away.
  [/\bauthenticated but not connected\b/i, 'temporary'],
  // WORKAROUND(Cyrus SASL 2.1): its word for a saslauthd or database that does not answer.
  [/\bgeneric failure\b/i, 'temporary'],
  [
    /\b(?:un|not )supported\b|\bunrecogni[sz]ed\b|\bunknown (?:command|mechanism|auth)|\bnot (?:implemented|advertised|available)\b|\bmechanisms?\b/i,
    'unclear',
  ],
  [/\b(?:command|syntax|parameters?|arguments?|request|protocol)\b/i, 'unclear'],
  [new RegExp(String.raw`\b${SUBJECT}\b.*\b${VERDICT}\b|\b${VERDICT}\b.*\b${SUBJECT}\b`, 'i'), 'refused'],
  [/\bno (?:such|permission|access)\b/i, 'refused'],
]

/** A tagged NO or BAD, or an untagged NO or BYE, during the login. `code`: its response code in capitals, or ''. */
export function classifyImapReply({ status, code, text }: { readonly status: string; readonly code: string; readonly text: string }): ReplyClass {
  if (TEMPORARY_CODES.has(code)) return 'temporary'
  if (REFUSED_CODES.has(code)) return 'refused'
  const words = classifyWords(text)
  // RFC 9051 §7.1.3: BAD speaks of the command, not of who sent it.
  return status === 'BAD' && words === 'refused' ? 'unclear' : words
}

/** What is not 235 and not 334. */
export function classifySmtpReply({ code, lines }: { readonly code: number; readonly lines: readonly string[] }): ReplyClass {
  // RFC 5321 §4.2.1: 4yz is transient.
  if (code < 500) return 'temporary'
  const words = WORDS.find(([pattern]) => pattern.test(lines.join(' ')))?.[1]
  if (REFUSED_REPLIES.has(code)) return words ?? 'refused'
  // RFC 5321 §4.2.3: 500 to 504 speak of the command; the words may still say that it is only now.
  if (code <= 504) return words === 'temporary' ? 'temporary' : 'unclear'
  return words ?? 'unclear'
}

function classifyWords(text: string): ReplyClass {
  return WORDS.find(([pattern]) => pattern.test(text))?.[1] ?? 'unclear'
}
