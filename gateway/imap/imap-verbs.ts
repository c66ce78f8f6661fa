/**
 * What each command does before login. The table says in which state which handler serves a verb; a handler does not check the state.
 */
import { MailwicketError } from '../../base/errors.ts'
import type { ImapArguments } from './imap-arguments.ts'
import { readAuthenticate, readLogin } from './imap-auth.ts'
import type { RawCommand } from './imap-command-reader.ts'
import type { ImapDialogue, ImapServed } from './imap-dialogue.ts'
import { parseClientId } from './imap-id.ts'
import { REPLIES } from './imap-replies.ts'

interface Call {
  readonly dialogue: ImapDialogue
  readonly state: ImapServed['name']
  readonly tag: string
  readonly words: ImapArguments
  readonly command: RawCommand
}

type Handler = (call: Call) => void | Promise<void>

function CAPABILITY({ dialogue, tag }: Call): void {
  dialogue.say(REPLIES.capability(tag, dialogue.capabilities))
}

function NOOP({ dialogue, tag }: Call): void {
  dialogue.say(REPLIES.noop(tag))
}

function ID({ dialogue, tag, command }: Call): void {
  dialogue.live.app = parseClientId(command) ?? null
  dialogue.say(REPLIES.id(tag))
}

function ENABLE({ dialogue, tag }: Call): void {
  dialogue.say(REPLIES.enabledNothing(tag))
}

function LOGOUT({ dialogue, tag }: Call): void {
  dialogue.sendAway(REPLIES.logout(tag), 'logout')
}

async function STARTTLS({ dialogue, tag, words }: Call): Promise<void> {
  words.end()
  dialogue.say(REPLIES.startTls(tag))
  await dialogue.startTls()
}

function refuseWithoutTls({ dialogue, tag }: Call): void {
  dialogue.say(REPLIES.privacyRequired(tag))
}

function refuseState({ dialogue, tag }: Call): void {
  dialogue.say(REPLIES.notNow(tag))
}

function refuseUntilLogin({ dialogue, tag }: Call): void {
  dialogue.say(REPLIES.logInFirst(tag))
}

async function LOGIN({ dialogue, tag, words }: Call): Promise<void> {
  await dialogue.logIn(tag, readLogin(words))
}

async function AUTHENTICATE({ dialogue, tag, words }: Call): Promise<void> {
  const credentials = await readAuthenticate(words, challenge => dialogue.ask(challenge))
  if (credentials === 'cancelled') dialogue.say(REPLIES.cancelled(tag))
  else if (credentials === 'unknown-mechanism') dialogue.say(REPLIES.unknownMechanism(tag))
  else await dialogue.logIn(tag, credentials)
}

/** Own keys only: a Map, because a client's word must never be looked up on a prototype. */
const VERBS: ReadonlyMap<string, Readonly<Record<ImapServed['name'], Handler>>> = new Map(
  Object.entries({
    CAPABILITY: { plain: CAPABILITY, secure: CAPABILITY },
    NOOP: { plain: NOOP, secure: NOOP },
    ID: { plain: ID, secure: ID },
    ENABLE: { plain: ENABLE, secure: ENABLE },
    LOGOUT: { plain: LOGOUT, secure: LOGOUT },
    STARTTLS: { plain: STARTTLS, secure: refuseState },
    LOGIN: { plain: refuseWithoutTls, secure: LOGIN },
    AUTHENTICATE: { plain: refuseWithoutTls, secure: AUTHENTICATE },
  }),
)

/** Commands that apps try before login: answered, but not counted as malformed (Outlook probes half a dozen of them). */
const AFTER_LOGIN = new Set(
  'APPEND CHECK CLOSE COMPRESS COPY CREATE DELETE EXAMINE EXPUNGE FETCH GETQUOTA GETQUOTAROOT IDLE LIST LSUB MOVE NAMESPACE RENAME SEARCH SELECT STATUS STORE SUBSCRIBE UID UNSELECT UNSUBSCRIBE XLIST'.split(
    ' ',
  ),
)

/** The handler of a verb in a state. Throws WIRE_SYNTAX for a verb that IMAP does not have. */
export function findVerb(verb: string, state: ImapServed['name']): Handler {
  const handlers = VERBS.get(verb)
  if (handlers !== undefined) return handlers[state]
  if (AFTER_LOGIN.has(verb)) return refuseUntilLogin
  throw new MailwicketError('WIRE_SYNTAX', { message: 'there is no such command' })
}
