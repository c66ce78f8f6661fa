/**
 * LOGIN and AUTHENTICATE as a server: from the arguments and the client's answers to credentials. It judges nothing.
 */
import { type Credentials, decodeInitialResponse, parseCredentials, parsePlain } from '../login/sasl.ts'
import type { ImapArguments } from './imap-arguments.ts'
import { REPLIES } from './imap-replies.ts'

/** Sends a challenge and gives the client's answer; undefined: the client cancels. */
type Ask = (challenge: string) => Promise<Buffer | undefined>

/** RFC 9051 §6.2.3: user name and password, each an astring. Throws WIRE_SYNTAX. */
export function readLogin(words: ImapArguments): Credentials {
  words.space()
  const name = words.astring()
  words.space()
  const secret = words.astring()
  words.end()
  return parseCredentials(name, secret)
}

/** RFC 9051 §6.2.2; with an initial response RFC 4959. Throws WIRE_SYNTAX. */
export async function readAuthenticate(words: ImapArguments, ask: Ask): Promise<Credentials | 'cancelled' | 'unknown-mechanism'> {
  words.space()
  const mechanism = words.astring().toString('latin1').toUpperCase()
  let initial: Buffer | undefined
  if (!words.isAtEnd()) {
    words.space()
    initial = words.astring()
    words.end()
  }
  if (mechanism === 'PLAIN') {
    const message = initial === undefined ? await ask(REPLIES.emptyChallenge) : decodeInitialResponse(initial)
    return message === undefined ? 'cancelled' : parsePlain(message)
  }
  if (mechanism === 'LOGIN') {
    const name = initial === undefined ? await ask(REPLIES.askUserName) : decodeInitialResponse(initial)
    const secret = name === undefined ? undefined : await ask(REPLIES.askPassword)
    return name === undefined || secret === undefined ? 'cancelled' : parseCredentials(name, secret)
  }
  return 'unknown-mechanism'
}
