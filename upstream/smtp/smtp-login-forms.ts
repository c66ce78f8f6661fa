/**
 * The forms in which a submission server may take a login, the best first, and one try of each.
 *
 * SECURITY: all of them send the same secret over the same connection; only those are tried that the server offers.
 */

import type { Endpoint } from '../../base/network.ts'
import type { Wire } from '../../base/sockets/wire.ts'
import type { LoginTries, LoginTry } from '../login-tries.ts'
import { classifySmtpReply } from '../reply-classes.ts'
import { mechanismsFor, SaslExchange, type SaslMechanism } from '../sasl-client.ts'
import { UpstreamFailure } from '../upstream-failure.ts'
import type { UpstreamLogin } from '../upstream-login.ts'
import { ask, replyText, type SmtpReply } from './smtp-reply.ts'

export type SmtpLoginForm = `${SaslMechanism} with initial response` | SaslMechanism

interface Connection {
  readonly wire: Wire
}
type SmtpTries = LoginTries<Connection, SmtpLoginForm, SmtpReply>

/** Challenges that one exchange may have; the SASL client gives up before. */
const MAX_CHALLENGES = 8

/** `keywords`: of EHLO. RFC 4954 §3: AUTH lists the mechanisms. */
export function smtpForms(login: UpstreamLogin, server: Endpoint, keywords: ReadonlyMap<string, string>): SmtpTries {
  const offered = (keywords.get('AUTH') ?? '').split(' ')
  const forms: SmtpTries[number][] = []
  for (const mechanism of mechanismsFor(login)) {
    if (!offered.includes(mechanism)) continue
    const make = () => new SaslExchange(mechanism, login, server)
    // LOGIN waits to be asked for the name.
    if (mechanism !== 'LOGIN') forms.push({ form: `${mechanism} with initial response`, run: ({ wire }) => authenticate(wire, make(), 'at once') })
    forms.push({ form: mechanism, run: ({ wire }) => authenticate(wire, make(), 'when asked') })
  }
  return forms
}

async function authenticate(wire: Wire, exchange: SaslExchange, initial: 'at once' | 'when asked'): Promise<LoginTry<SmtpReply>> {
  let reply = await ask(wire, initial === 'at once' ? `AUTH ${exchange.mechanism} ${exchange.initialResponse()}` : `AUTH ${exchange.mechanism}`)
  for (let challenges = 0; reply.code === 334; challenges += 1) {
    if (challenges === MAX_CHALLENGES) throw new UpstreamFailure('not-the-protocol', 'endless challenges')
    reply = await ask(wire, exchange.answer(reply.lines[0]?.trim() ?? ''))
  }
  const { failure } = exchange
  const text = failure === undefined || failure === '' ? replyText(reply) : `${replyText(reply)} (${failure})`
  if (reply.code === 235) return { outcome: 'in', value: reply, text, hasSpoken: true, blames: 'login' }
  if (reply.code < 400) throw new UpstreamFailure('not-the-protocol', text)
  // RFC 5321 §4.2.3: 500 to 504 speak of the command.
  return { outcome: classifySmtpReply(reply), text, hasSpoken: exchange.hasSpoken, blames: reply.code <= 504 ? 'form' : 'login' }
}
