/**
 * The forms in which an IMAP server may take a login, the best first, and one try of each.
 *
 * SECURITY: all of them send the same secret over the same connection; only those are tried that the server offers.
 */
import type { Endpoint } from '../../base/network.ts'
import type { LoginTries, LoginTry } from '../login-tries.ts'
import { classifyImapReply } from '../reply-classes.ts'
import { mechanismsFor, SaslExchange, type SaslMechanism } from '../sasl-client.ts'
import type { UpstreamLogin } from '../upstream-login.ts'
import { has } from './imap-capability.ts'
import type { ImapDialogue, ImapReply } from './imap-dialogue.ts'

export type ImapLoginForm = `${SaslMechanism} with initial response` | `${SaslMechanism}` | 'LOGIN command, quoted' | 'LOGIN command, literals'

export type ImapTries = LoginTries<ImapDialogue, ImapLoginForm, ImapReply>

/** Untagged, but no reply will follow it (some servers never send the tagged one). By its code alone: words may be a warning, and an OK to come. */
const isLastWord = ({ status, code }: ImapReply) => code === 'UNAVAILABLE' || classifyImapReply({ status, code, text: '' }) === 'refused'

function judge(reply: ImapReply, hasSpoken: boolean, told?: string): LoginTry<ImapReply> {
  const text = told === undefined || told === '' ? reply.text : `${reply.text} (${told})`
  if (reply.status === 'OK') return { outcome: 'in', value: reply, text, hasSpoken, blames: 'login' }
  const meaning = classifyImapReply(reply)
  // Who says goodbye tries nothing more: what is not clear is not now.
  const outcome = reply.status === 'BYE' && meaning === 'unclear' ? 'temporary' : meaning
  return { outcome, text, hasSpoken, blames: reply.status === 'BAD' ? 'form' : 'login' }
}

export function imapForms(login: UpstreamLogin, server: Endpoint, capabilities: string): ImapTries {
  const forms: ImapTries[number][] = []
  for (const mechanism of mechanismsFor(login)) {
    if (!has(capabilities, `AUTH=${mechanism}`)) continue
    const make = () => new SaslExchange(mechanism, login, server)
    // LOGIN waits to be asked for the name.
    if (mechanism !== 'LOGIN' && has(capabilities, 'SASL-IR'))
      forms.push({ form: `${mechanism} with initial response`, run: dialogue => authenticate(dialogue, make(), 'at once') })
    forms.push({ form: mechanism, run: dialogue => authenticate(dialogue, make(), 'when asked') })
  }
  // SECURITY: the LOGIN command has no authzid; it would open the master user's own mailbox.
  if (login.authzid !== '' || login.isToken === true || has(capabilities, 'LOGINDISABLED')) return forms
  const literals: ImapTries[number] = { form: 'LOGIN command, literals', run: dialogue => logInByLiterals(dialogue, login) }
  const user = Buffer.from(login.user)
  const secret = login.secret.reveal()
  // RFC 9051 §9: a quoted string has no CR, LF, NUL; what is not ASCII is not for every server.
  if (!isQuotable(user) || !isQuotable(secret)) return [...forms, literals]
  const quoted: ImapTries[number] = { form: 'LOGIN command, quoted', run: dialogue => logInQuoted(dialogue, login) }
  // What needs a backslash is what servers unquote wrongly: the literal first.
  return needsEscape(user) || needsEscape(secret) ? [...forms, literals, quoted] : [...forms, quoted, literals]
}

async function authenticate(dialogue: ImapDialogue, exchange: SaslExchange, initial: 'at once' | 'when asked'): Promise<LoginTry<ImapReply>> {
  const command = initial === 'at once' ? `AUTHENTICATE ${exchange.mechanism} ${exchange.initialResponse()}` : `AUTHENTICATE ${exchange.mechanism}`
  const reply = await dialogue.exchange(command, challenge => exchange.answer(challenge), isLastWord)
  return judge(reply, exchange.hasSpoken, exchange.failure)
}

async function logInQuoted(dialogue: ImapDialogue, { user, secret, onSent }: UpstreamLogin): Promise<LoginTry<ImapReply>> {
  onSent?.()
  const reply = await dialogue.exchange(`LOGIN ${quote(Buffer.from(user))} ${quote(secret.reveal())}`, () => '', isLastWord)
  return judge(reply, true)
}

/** Synchronising literals: nothing is quoted, and each waits to be asked for. */
async function logInByLiterals(dialogue: ImapDialogue, login: UpstreamLogin): Promise<LoginTry<ImapReply>> {
  const user = Buffer.from(login.user)
  const secret = login.secret.reveal()
  const lines = [Buffer.concat([user, Buffer.from(` {${secret.length}}`)]), secret]
  const nextLine = () => {
    if (lines.length === 1) login.onSent?.()
    return lines.shift() ?? ''
  }
  const reply = await dialogue.exchange(`LOGIN {${user.length}}`, nextLine, isLastWord)
  return judge(reply, lines.length === 0)
}

function isQuotable(bytes: Buffer): boolean {
  return bytes.every(byte => byte >= 0x20 && byte < 0x7f)
}

function needsEscape(bytes: Buffer): boolean {
  return bytes.includes('"') || bytes.includes('\\')
}

function quote(bytes: Buffer): string {
  return `"${bytes.toString('latin1').replace(/["\\]/g, '\\$&')}"`
}
