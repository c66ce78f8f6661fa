/**
 * Keeps what we logged in with out of what an upstream's words become: log lines, messages of commands.
 */
import type { Endpoint } from '../base/network.ts'
import { mechanismsFor, messagesOf } from './sasl-client.ts'
import { UpstreamFailure } from './upstream-failure.ts'
import type { UpstreamLogin } from './upstream-login.ts'

/** Long enough not to be met by chance; servers cut what they quote, so a part is enough. */
const TELLING_CHARACTERS = 8

/**
 * SECURITY: an upstream may quote our command in its refusal, with the secret in it. A failure whose words repeat any part of what we sent
 * to log in loses them; everything else stays as it is.
 */
export function hideLogin(error: unknown, login: UpstreamLogin, server: Endpoint): unknown {
  if (!(error instanceof UpstreamFailure)) return error
  const raw = login.secret.reveal()
  const messages = mechanismsFor(login).flatMap(mechanism => messagesOf(mechanism, login, server).filter(message => message.includes(raw)))
  const sent = [raw.toString('latin1'), raw.toString('latin1').replace(/["\\]/g, '\\$&'), ...[raw, ...messages].map(bytes => bytes.toString('base64'))]
  return sent.some(text => repeatsPartOf(error.detail, text)) ? new UpstreamFailure(error.reason, '(the upstream repeated our login in its answer)') : error
}

function repeatsPartOf(text: string, sent: string): boolean {
  if (sent.length <= TELLING_CHARACTERS) return text.includes(sent)
  for (let at = 0; at + TELLING_CHARACTERS <= sent.length; at += 1) if (text.includes(sent.slice(at, at + TELLING_CHARACTERS))) return true
  return false
}
