/**
 * What each command does before login. The table says in which state which handler serves a verb; a handler does not check the state.
 *
 * SECURITY: default deny. smtp-server gets what a row gives it, in the form in which we read it, and nothing else.
 */
import type { SmtpCommand } from './smtp-command.ts'
import type { SmtpCommands, SmtpDialogue } from './smtp-dialogue.ts'
import { REPLIES } from './smtp-replies.ts'

/** `pass`: smtp-server answers. `taken`: the next line may come. `held`: no line is read for the time being. */
type Outcome = 'pass' | 'taken' | 'held'
type Handler = (dialogue: SmtpDialogue, command: SmtpCommand) => Outcome

const greet =
  (kind: 'ehlo' | 'helo'): Handler =>
  (dialogue, { argument }) => {
    // RFC 5321 §4.1.4: a name that is none, or has blanks in it, is no reason to refuse a client.
    if (argument === '') return dialogue.refuseMalformed(REPLIES.heloSyntax)
    dialogue.greet(argument.slice(0, 255), kind)
    return 'taken'
  }

const STARTTLS: Handler = (dialogue, { argument }) => {
  // RFC 3207 §4: no parameters.
  if (argument !== '') return dialogue.refuseMalformed(REPLIES.startTlsSyntax)
  dialogue.startTls()
  return 'held'
}

const AUTH: Handler = (dialogue, { argument }) => {
  dialogue.authenticate(argument)
  return 'held'
}

const QUIT: Handler = dialogue => {
  dialogue.sendAway(REPLIES.goodbye, 'quit')
  return 'held'
}

/** SECURITY: a web page can have a browser send commands of its choice behind these. */
const refuseHttp: Handler = dialogue => {
  dialogue.sendAway(REPLIES.notHttp, 'speaks-http')
  return 'held'
}

const refuse =
  (reply: string): Handler =>
  dialogue => {
    dialogue.say(reply)
    return 'taken'
  }

const pass: Handler = () => 'pass'

const both = (handler: Handler) => ({ plain: handler, secure: handler })
const NEEDS_LOGIN = { plain: refuse(REPLIES.needsTls), secure: refuse(REPLIES.needsAuth) }

/** Own keys only: a Map, because a client's word must never be looked up on a prototype. */
const VERBS: ReadonlyMap<string, Readonly<Record<SmtpCommands['name'], Handler>>> = new Map(
  Object.entries({
    EHLO: both(greet('ehlo')),
    HELO: both(greet('helo')),
    STARTTLS: { plain: STARTTLS, secure: refuse(REPLIES.alreadySecure) },
    AUTH: { plain: refuse(REPLIES.authNeedsTls), secure: AUTH },
    MAIL: NEEDS_LOGIN,
    RCPT: NEEDS_LOGIN,
    DATA: NEEDS_LOGIN,
    NOOP: both(pass),
    RSET: both(pass),
    HELP: both(pass),
    VRFY: both(pass),
    QUIT: both(QUIT),
    ...Object.fromEntries(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'TRACE', 'CONNECT'].map(method => [method, both(refuseHttp)])),
  }),
)

const refuseUnknown: Handler = dialogue => dialogue.refuseMalformed(REPLIES.unknownCommand)

/** The handler of a verb in a state. */
export function findVerb(verb: string, state: SmtpCommands['name']): Handler {
  return VERBS.get(verb)?.[state] ?? refuseUnknown
}
