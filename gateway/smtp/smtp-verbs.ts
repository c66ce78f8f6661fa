/**
 * What each command does before login. The table says in which state which handler serves a verb; a handler does not check the state.
 * What has no row is smtp-server's.
 */
import type { SmtpCommands, SmtpDialogue } from './smtp-dialogue.ts'
import { REPLIES } from './smtp-replies.ts'

interface Call {
  readonly dialogue: SmtpDialogue
  readonly line: string
  readonly helo: string
}

/** `pass`: smtp-server answers. `taken`: the next line may come. `held`: no line is read for the time being. */
type Outcome = 'pass' | 'taken' | 'held'
type Handler = (call: Call) => Outcome

function EHLO({ dialogue, line }: Call): Outcome {
  dialogue.greeted(line.slice(5).trim().slice(0, 255))
  return 'pass'
}

function STARTTLS({ dialogue, line }: Call): Outcome {
  if (!/^STARTTLS$/i.test(line)) return 'pass'
  dialogue.startTls()
  return 'held'
}

function AUTH({ dialogue, line, helo }: Call): Outcome {
  if (helo === '') dialogue.say(REPLIES.authNeedsEhlo)
  else dialogue.authenticate(line)
  return 'taken'
}

const refuse =
  (reply: string): Handler =>
  ({ dialogue }) => {
    dialogue.say(reply)
    return 'taken'
  }

const pass: Handler = () => 'pass'

const NEEDS_LOGIN = { plain: refuse(REPLIES.needsTls), secure: refuse(REPLIES.needsAuth) }

/** Own keys only: a Map, because a client's word must never be looked up on a prototype. */
const VERBS: ReadonlyMap<string, Readonly<Record<SmtpCommands['name'], Handler>>> = new Map(
  Object.entries({
    EHLO: { plain: EHLO, secure: EHLO },
    HELO: { plain: EHLO, secure: EHLO },
    STARTTLS: { plain: STARTTLS, secure: pass },
    AUTH: { plain: refuse(REPLIES.authNeedsTls), secure: AUTH },
    MAIL: NEEDS_LOGIN,
    RCPT: NEEDS_LOGIN,
    DATA: NEEDS_LOGIN,
  }),
)

/** The handler of a line in a state. */
export function findVerb(line: string, state: SmtpCommands['name']): Handler {
  const verb = /^[A-Za-z]+/.exec(line)?.[0].toUpperCase() ?? ''
  return VERBS.get(verb)?.[state] ?? pass
}
