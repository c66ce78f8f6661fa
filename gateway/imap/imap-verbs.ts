/**
 * What each command does before login. The table says in which state which handler serves a verb; a handler does not check the state.
 */
import { MailwicketError } from '../../base/errors.ts'
import { LIMITS } from '../limits.ts'
import { logIn } from '../login/login.ts'
import { type Credentials, decodeBase64, decodeInitialResponse, parseCredentials, parsePlain } from '../login/sasl.ts'
import type { ImapArguments } from './imap-arguments.ts'
import type { RawCommand } from './imap-command-reader.ts'
import { parseClientId } from './imap-id.ts'
import { failureReply, REPLIES, refusalReply } from './imap-replies.ts'
import type { ImapSession } from './imap-session.ts'
import { spliceImap } from './imap-splice.ts'

/** `left`: the connection is no longer this loop's. */
export type ImapState = 'plain' | 'secure' | 'left'

interface Call {
  readonly session: ImapSession
  readonly tag: string
  readonly words: ImapArguments
  readonly command: RawCommand
}

type Handler = (call: Call) => void | Promise<void>

function CAPABILITY({ session, tag, words }: Call): void {
  words.end()
  if (session.state !== 'left') session.wire.write(REPLIES.capability(tag, session.state))
}

function NOOP({ session, tag, words }: Call): void {
  words.end()
  session.wire.write(REPLIES.noop(tag))
}

function ID({ session, tag, command }: Call): void {
  session.live.app = parseClientId(command) ?? null
  session.wire.write(REPLIES.id(tag))
}

function LOGOUT({ session, tag, words }: Call): void {
  words.end()
  session.sendAway(REPLIES.logout(tag), 'logout')
}

async function STARTTLS({ session, tag, words }: Call): Promise<void> {
  words.end()
  session.wire.write(REPLIES.startTls(tag))
  await session.secure()
}

function refuseWithoutTls({ session, tag }: Call): void {
  session.wire.write(REPLIES.privacyRequired(tag))
}

function refuseState({ session, tag }: Call): void {
  session.wire.write(REPLIES.notNow(tag))
}

function refuseUntilLogin({ session, tag }: Call): void {
  session.wire.write(REPLIES.logInFirst(tag))
}

/** RFC 9051 §6.2.3: user name and password, each an astring. */
async function LOGIN(call: Call): Promise<void> {
  const { words } = call
  words.space()
  const name = words.astring()
  words.space()
  const secret = words.astring()
  words.end()
  await finishLogin(call, parseCredentials(name, secret))
}

/** RFC 9051 §6.2.2; with an initial response RFC 4959. */
async function AUTHENTICATE(call: Call): Promise<void> {
  const { session, tag, words } = call
  words.space()
  const mechanism = words.astring().toString('latin1').toUpperCase()
  let initial: Buffer | undefined
  if (!words.isAtEnd()) {
    words.space()
    initial = words.astring()
    words.end()
  }
  if (mechanism === 'PLAIN') {
    const message = initial === undefined ? await ask(session, REPLIES.emptyChallenge) : decodeInitialResponse(initial)
    if (message === undefined) session.wire.write(REPLIES.cancelled(tag))
    else await finishLogin(call, parsePlain(message))
  } else if (mechanism === 'LOGIN') {
    const name = initial === undefined ? await ask(session, REPLIES.askUserName) : decodeInitialResponse(initial)
    const secret = name === undefined ? undefined : await ask(session, REPLIES.askPassword)
    if (name === undefined || secret === undefined) session.wire.write(REPLIES.cancelled(tag))
    else await finishLogin(call, parseCredentials(name, secret))
  } else {
    session.wire.write(REPLIES.unknownMechanism(tag))
  }
}

/** Sends a challenge and reads the answer; undefined when the client cancels with `*` (RFC 9051 §6.2.2). */
async function ask(session: ImapSession, challenge: string): Promise<Buffer | undefined> {
  session.wire.write(challenge)
  const line = await session.wire.readLine(LIMITS.commandBytes)
  return line.length === 1 && line[0] === 0x2a ? undefined : decodeBase64(line)
}

async function finishLogin({ session, tag }: Call, credentials: Credentials): Promise<void> {
  const { services, wire, connection, live, log } = session
  const { ip, port, destination, tls } = connection
  const client = { ip, port, destination, session: live.id }
  const outcome = await logIn(services, { session: live, credentials, wire, tls, log }, (route, signal) => services.connect(route, client, signal))
  if ('upstream' in outcome) return spliceImap(session, tag, outcome)
  services.live.release(live)
  if ('gone' in outcome) {
    if (outcome.gone === 'client-left') throw new MailwicketError('WIRE_CLOSED')
    return session.sendAway(outcome.gone === 'shutdown' ? REPLIES.shutdown : REPLIES.ended, outcome.gone)
  }
  live.endBy(why => session.sendAway(why === 'shutdown' ? REPLIES.shutdown : REPLIES.ended, why))
  if (session.hasLeft) return
  wire.write('refused' in outcome ? refusalReply(tag, outcome.refused) : failureReply(tag, outcome.failed))
  session.refusedLogins += 1
  if (session.refusedLogins >= LIMITS.refusedLogins) session.sendAway(REPLIES.tooManyRefusals, 'too-many-refusals')
}

/** Own keys only: a Map, because a client's word must never be looked up on a prototype. */
const VERBS: ReadonlyMap<string, Readonly<Record<'plain' | 'secure', Handler>>> = new Map(
  Object.entries({
    CAPABILITY: { plain: CAPABILITY, secure: CAPABILITY },
    NOOP: { plain: NOOP, secure: NOOP },
    ID: { plain: ID, secure: ID },
    LOGOUT: { plain: LOGOUT, secure: LOGOUT },
    STARTTLS: { plain: STARTTLS, secure: refuseState },
    LOGIN: { plain: refuseWithoutTls, secure: LOGIN },
    AUTHENTICATE: { plain: refuseWithoutTls, secure: AUTHENTICATE },
  }),
)

/** Commands that apps try before login: answered, but not counted as malformed (Outlook probes half a dozen of them). */
const AFTER_LOGIN = new Set(
  'APPEND CHECK CLOSE COMPRESS COPY CREATE DELETE ENABLE EXAMINE EXPUNGE FETCH GETQUOTA GETQUOTAROOT IDLE LIST LSUB MOVE NAMESPACE RENAME SEARCH SELECT STATUS STORE SUBSCRIBE UID UNSELECT UNSUBSCRIBE XLIST'.split(
    ' ',
  ),
)

/** The handler of a verb in a state. Throws WIRE_SYNTAX for a verb that IMAP does not have. */
export function findVerb(verb: string, state: ImapState): Handler {
  const handlers = VERBS.get(verb)
  if (handlers !== undefined && state !== 'left') return handlers[state]
  if (AFTER_LOGIN.has(verb)) return refuseUntilLogin
  throw new MailwicketError('WIRE_SYNTAX', { message: 'there is no such command' })
}
