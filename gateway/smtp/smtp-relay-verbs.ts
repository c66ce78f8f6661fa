/**
 * What each command does after login. The table is complete: what has no row is refused and never reaches the upstream.
 *
 * SECURITY: XCLIENT, XFORWARD and the like would forge a client's identity at an upstream that trusts us.
 */
import { MailwicketError } from '../../base/errors.ts'
import type { SmtpReply } from '../../upstream/smtp/smtp-reply.ts'
import type { SendingPolicy } from './sending/sending-policy.ts'
import { formatCommand, type SmtpCommand } from './smtp-command.ts'
import { type EnvelopeCommand, parseMail, parseRcpt, UnknownParameter, UnreadableAddress } from './smtp-envelope.ts'
import { REPLIES } from './smtp-replies.ts'
import type { SmtpTransaction } from './smtp-transaction.ts'

export type RefusedThing = 'message' | `${'sender' | 'recipient'} ${string}`

/** What a command may touch of its relay. */
export interface RelayDialogue {
  readonly policy: SendingPolicy
  readonly transaction: SmtpTransaction
  /** Our answer to EHLO and HELO, the same as before AUTH. */
  readonly greetings: { readonly ehlo: string; readonly helo: string }
  /** Sends a line on. `onReply` is told the upstream's reply; what it gives is said in its place. */
  send(line: string, onReply?: (reply: SmtpReply) => string | undefined): void
  /** A rule of ours refuses it. */
  refuse(what: RefusedThing, reply: string): void
  /** It cannot be read, or is nothing that we relay; ten of these end the relay. */
  refuseMalformed(reply: string): void
  /** Resolves when nothing is outstanding; rejects when the relay is over. */
  allAnswered(): Promise<void>
  relayData(line: string): Promise<void>
  quit(line: string): Promise<never>
}

type Handler = (dialogue: RelayDialogue, command: SmtpCommand) => void | Promise<void>

const forward: Handler = (dialogue, command) => dialogue.send(formatCommand(command))

const refuseDone: Handler = dialogue => dialogue.refuseMalformed(REPLIES.alreadyDone)

/** RFC 5321 §4.1.4: EHLO in the middle is RSET and a new list, and the list is ours. */
const greet =
  (name: 'ehlo' | 'helo'): Handler =>
  dialogue =>
    reset(dialogue, 'RSET', dialogue.greetings[name])

function RSET(dialogue: RelayDialogue, command: SmtpCommand): void {
  reset(dialogue, formatCommand(command), undefined)
}

function reset(dialogue: RelayDialogue, line: string, ownReply: string | undefined): void {
  dialogue.send(line, reply => {
    if (reply.code !== 250) return undefined
    dialogue.transaction.reset()
    return ownReply
  })
}

async function MAIL(dialogue: RelayDialogue, command: SmtpCommand): Promise<void> {
  const mail = parse(dialogue, 'sender', command.argument, parseMail)
  if (mail === undefined) return
  // What is outstanding may be a RSET: only then is known whose recipients the next ones join.
  await dialogue.allAnswered()
  const refused = await judge(() => dialogue.policy.judgeSender(mail.address))
  if (refused !== undefined) return dialogue.refuse(`sender ${mail.address}`, refused)
  dialogue.send(mail.line, reply => {
    if (reply.code === 250) dialogue.transaction.begin(mail.address)
    return undefined
  })
}

function RCPT(dialogue: RelayDialogue, command: SmtpCommand): void {
  const rcpt = parse(dialogue, 'recipient', command.argument, parseRcpt)
  if (rcpt === undefined) return
  const refused = dialogue.transaction.offer()
  if (refused !== undefined) return dialogue.refuse(`recipient ${rcpt.address}`, refused)
  dialogue.send(rcpt.line, reply => {
    dialogue.transaction.answer(rcpt.address, reply.code < 300)
    return undefined
  })
}

async function DATA(dialogue: RelayDialogue, command: SmtpCommand): Promise<void> {
  const refused = dialogue.transaction.isEmpty ? undefined : await judge(() => dialogue.policy.judgeMessage())
  if (refused !== undefined) return dialogue.refuse('message', refused)
  await dialogue.relayData(formatCommand(command))
}

function QUIT(dialogue: RelayDialogue, command: SmtpCommand): Promise<void> {
  return dialogue.quit(formatCommand(command))
}

/** Own keys only: a Map, because a client's word must never be looked up on a prototype. */
const VERBS: ReadonlyMap<string, Handler> = new Map(
  Object.entries({
    EHLO: greet('ehlo'),
    HELO: greet('helo'),
    AUTH: refuseDone,
    STARTTLS: refuseDone,
    MAIL,
    RCPT,
    DATA,
    RSET,
    NOOP: forward,
    VRFY: forward,
    HELP: forward,
    QUIT,
  }),
)

export function findRelayVerb(verb: string): Handler {
  return VERBS.get(verb) ?? (dialogue => dialogue.refuseMalformed(REPLIES.unknownCommand))
}

/**
 * An address or a parameter that we do not take is refused like one that a rule forbids: an app with odd recipients is no attacker, and the other
 * recipients of its message have their turn.
 */
function parse(
  dialogue: RelayDialogue,
  what: 'sender' | 'recipient',
  argument: string,
  read: (argument: string) => EnvelopeCommand,
): EnvelopeCommand | undefined {
  try {
    return read(argument)
  } catch (error) {
    const path = argument.slice(argument.indexOf(':') + 1).trim()
    if (error instanceof UnknownParameter) dialogue.refuse(`${what} ${path}`, REPLIES.unknownParameter)
    else if (error instanceof UnreadableAddress) dialogue.refuse(`${what} ${path}`, REPLIES.unreadable[what])
    else if (error instanceof MailwicketError && error.code === 'WIRE_SYNTAX') dialogue.refuseMalformed(`501 5.5.4 ${error.message}\r\n`)
    else throw error
    return undefined
  }
}

async function judge(ask: () => Promise<string | undefined>): Promise<string | undefined> {
  try {
    return await ask()
  } catch (error) {
    if (error instanceof MailwicketError) return REPLIES.cannotJudge
    throw error
  }
}
