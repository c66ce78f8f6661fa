/**
 * AUTH as a server (RFC 4954): from the command line and the client's answers to credentials. It judges nothing.
 */
import { MailwicketError } from '../../base/errors.ts'
import { type Credentials, decodeBase64, decodeInitialResponse, parseCredentials, parsePlain } from '../login/sasl.ts'
import { REPLIES } from './smtp-replies.ts'

/** Sends a challenge and gives the client's answer. */
type Ask = (challenge: string) => Promise<Buffer>

/** The credentials, or the reply that says why there are none. */
export async function readAuth(argument: string, ask: Ask): Promise<Credentials | string> {
  const [mechanism = '', initial, ...more] = argument.split(/[ \t]+/)
  if (mechanism === '' || more.length > 0) return REPLIES.authSyntax
  const respond = initial === undefined ? undefined : Buffer.from(initial, 'latin1')
  try {
    switch (mechanism.toUpperCase()) {
      case 'PLAIN':
        return parsePlain(respond === undefined ? decodeAnswer(await ask(REPLIES.emptyChallenge)) : decodeInitialResponse(respond))
      case 'LOGIN': {
        const name = respond === undefined ? decodeAnswer(await ask(REPLIES.askUserName)) : decodeInitialResponse(respond)
        return parseCredentials(name, decodeAnswer(await ask(REPLIES.askPassword)))
      }
      default:
        return REPLIES.authUnknown
    }
  } catch (error) {
    if (error instanceof Cancelled) return REPLIES.authCancelled
    if (error instanceof MailwicketError && error.code === 'WIRE_SYNTAX') return REPLIES.authMalformed
    throw error
  }
}

class Cancelled extends Error {}

// RFC 4954 §4: a lone * cancels.
function decodeAnswer(line: Buffer): Buffer {
  if (line.length === 1 && line[0] === 0x2a) throw new Cancelled()
  return decodeBase64(line)
}
