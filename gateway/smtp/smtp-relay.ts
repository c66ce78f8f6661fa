/**
 * A submission session after AUTH: commands of the client go to the upstream, its replies come back unchanged and in order.
 *
 * Commands may be pipelined (RFC 2920): each has its place in `#expected`, whether its reply comes from the upstream or from us.
 * Only what stands in `#serve` goes on; what a message carries is moved by smtp-payload.ts. Nothing is queued and no 250 is ours.
 * The reader of upstream replies never waits for the client: what the upstream has accepted is always recorded.
 */
import { MailwicketError } from '../../base/errors.ts'
import type { Wire } from '../../base/wire.ts'
import { readReply, type SmtpReply } from '../../upstream/smtp/smtp-reply.ts'
import { sanitise, UpstreamFailure } from '../../upstream/upstream-failure.ts'
import type { Limits } from '../limits.ts'
import type { SendingPolicy } from './sending-policy.ts'
import { parseMail, parseRcpt, UnknownParameter } from './smtp-envelope.ts'
import { type PayloadOutcome, relayPayload } from './smtp-payload.ts'
import { asEnd, RelayEnd } from './smtp-relay-end.ts'
import { REPLIES } from './smtp-replies.ts'
import { type AcceptedMessage, SmtpTransaction } from './smtp-transaction.ts'
import { writeTogether } from './smtp-write.ts'

/** RFC 5321 §4.5.3.1.4 asks for 512 octets, DSN and UTF-8 addresses for more; nothing real needs this much. */
const MAX_COMMAND_BYTES = 8 * 1024
const MAX_MALFORMED = 10
/** Replies that may be outstanding before we stop reading commands: bounds what waits for a slow upstream. */
const MAX_EXPECTED = 100

export type RefusedThing = 'message' | `${'sender' | 'recipient'} ${string}`

export interface RelayOptions {
  readonly client: Wire
  readonly upstream: Wire
  readonly policy: SendingPolicy
  readonly limits: Limits
  /** Our answer to EHLO, the same as before AUTH. */
  readonly ehloReply: string
  readonly onAccepted: (message: AcceptedMessage) => void
  /** The upstream did not take a message whose final dot it got. */
  readonly onDeclined?: () => void
  /** We refused a sender, recipient or message; `reply` says why. */
  readonly onRefused: (what: RefusedThing, reply: string) => void
  /** The upstream did what no server does. */
  readonly onUpstreamFailure: (failure: UpstreamFailure) => void
}

interface Expected {
  /** Set: the reply is ours and needs nothing of the upstream. */
  readonly own?: string
  /** Told the upstream's reply; what it gives is written in its place. */
  readonly onReply?: (reply: SmtpReply) => string | undefined
}

export class SmtpRelay {
  readonly #options: RelayOptions
  readonly #expected: Expected[] = []
  readonly #transaction: SmtpTransaction
  #wake: (() => void) | undefined
  /** The upstream is gone, or nobody wants it any more. */
  #upstreamEnd: RelayEnd | undefined
  /** Ended from outside. */
  #ended: RelayEnd | undefined
  /** To be said in the next pause: the gateway stops. */
  #endAtRest: RelayEnd | undefined
  #malformed = 0
  /** `data`: a message is on its way, without its final dot; `final`: the dot has gone out and the upstream has the word. */
  #phase: 'commands' | 'data' | 'final' = 'commands'
  #early: SmtpReply | undefined

  constructor(options: RelayOptions) {
    this.#options = options
    this.#transaction = new SmtpTransaction(options.policy)
  }

  /** Relays until either side leaves. Gives why; the upstream is to be closed, and the client told the last reply. */
  async run(): Promise<RelayEnd> {
    void this.#pumpReplies()
    // A client that leaves in the middle of its data sends nothing; one that leaves later has sent.
    this.#options.client.onGone = () => {
      if (this.#phase !== 'data') return
      this.#upstreamEnd ??= new RelayEnd('client-closed', undefined)
      this.#options.upstream.socket.destroy()
    }
    try {
      for (;;) await this.#relayCommand()
    } catch (error) {
      return error instanceof RelayEnd ? error : (this.#ended ?? this.#upstreamEnd ?? asEnd(error))
    } finally {
      this.#options.client.onGone = undefined
      this.#transaction.reset()
    }
  }

  /**
   * Ends the relay from outside. A message in flight is dropped at the upstream before its final dot; once the dot is out, the upstream's
   * word is waited for a moment: an app that hears 421 for a message that was accepted sends it twice (RFC 1047).
   */
  end(why: string, lastReply: string): void {
    if (this.#ended !== undefined) return
    this.#ended = new RelayEnd(why, lastReply)
    if (this.#phase === 'final') setTimeout(() => this.#cut(), this.#options.limits.finalReplyGraceMs)
    else this.#cut()
  }

  /** Ends the relay as soon as no transaction is under way: a message in flight gets its answer first. */
  endAtRest(why: string, lastReply: string): void {
    this.#endAtRest ??= new RelayEnd(why, lastReply)
    this.#endIfAtRest()
  }

  get #isAtRest(): boolean {
    return this.#phase === 'commands' && this.#expected.length === 0 && !this.#transaction.isBegun
  }

  #endIfAtRest(): void {
    if (this.#endAtRest !== undefined && this.#isAtRest) this.end(this.#endAtRest.message, this.#endAtRest.lastReply ?? '')
  }

  #cut(): void {
    this.#upstreamEnd ??= this.#ended
    this.#options.upstream.socket.destroy()
    if (this.#ended !== undefined) this.#options.client.abort(this.#ended)
    this.#wake?.()
  }

  async #relayCommand(): Promise<void> {
    const { client } = this.#options
    this.#endIfAtRest()
    if (this.#ended !== undefined) throw this.#ended
    // SECURITY: a client that does not read its replies is not read either, or it could make us keep megabytes of them.
    await client.drained()
    const line = await client.readRawLine(MAX_COMMAND_BYTES)
    if (this.#ended !== undefined) throw this.#ended
    if (this.#upstreamEnd !== undefined) throw this.#upstreamEnd
    const text = line.toString('latin1')
    if (!text.endsWith('\r\n') || /[\0\r]/.test(text.slice(0, -2))) return this.#refuseMalformed(REPLIES.lineEnds)
    await this.#serve(text.slice(0, -2))
    if (this.#expected.length >= MAX_EXPECTED) await this.#until(() => this.#expected.length < MAX_EXPECTED / 2)
  }

  async #serve(line: string): Promise<void> {
    const verb = /^[A-Za-z]+/.exec(line)?.[0].toUpperCase() ?? ''
    switch (verb) {
      case 'EHLO':
        // RFC 5321 §4.1.4: EHLO in the middle is RSET and a new list, and the list is ours.
        return this.#send('RSET', reply => (reply.code === 250 ? this.#forgetMessage(this.#options.ehloReply) : undefined))
      case 'AUTH':
      case 'STARTTLS':
        return this.#refuseMalformed(REPLIES.alreadyDone)
      case 'MAIL':
        return this.#mail(line)
      case 'RCPT':
        return this.#rcpt(line)
      case 'DATA':
        return this.#data(line)
      case 'HELO':
      case 'RSET':
        return this.#send(line, reply => (reply.code === 250 ? this.#forgetMessage() : undefined))
      case 'NOOP':
      case 'VRFY':
      case 'HELP':
        return this.#send(line)
      case 'QUIT':
        this.#send(line)
        await this.#allAnswered()
        throw new RelayEnd('quit', undefined)
      default:
        return this.#refuseMalformed(REPLIES.unknownCommand)
    }
  }

  async #mail(line: string): Promise<void> {
    const mail = this.#parse(() => parseMail(line))
    if (mail === undefined) return
    // What is outstanding may be a RSET: only then is known whose recipients the next ones join.
    await this.#allAnswered()
    const refused = await this.#judge(() => this.#options.policy.judgeSender(mail.address))
    if (refused !== undefined) return this.#refuse(`sender ${mail.address}`, refused)
    this.#send(mail.line, reply => {
      if (reply.code === 250) this.#transaction.begin(mail.address)
      return undefined
    })
  }

  #rcpt(line: string): void {
    const rcpt = this.#parse(() => parseRcpt(line))
    if (rcpt === undefined) return
    const refused = this.#transaction.offer()
    if (refused !== undefined) return this.#refuse(`recipient ${rcpt.address}`, refused)
    this.#send(rcpt.line, reply => {
      this.#transaction.answer(rcpt.address, reply.code < 300)
      return undefined
    })
  }

  /** After DATA nothing of the client is read until the upstream has answered; when it does not want the data, commands go on. */
  async #data(line: string): Promise<void> {
    const refused = this.#transaction.isEmpty ? undefined : await this.#judge(() => this.#options.policy.judgeMessage())
    if (refused !== undefined) return this.#refuse('message', refused)
    let reply: SmtpReply | undefined
    this.#phase = 'data'
    this.#send(line, given => {
      reply = given
      return undefined
    })
    await this.#until(() => reply !== undefined)
    if (reply?.code === 354) await this.#payload()
    this.#phase = 'commands'
  }

  async #payload(): Promise<void> {
    const { client, upstream, policy, limits } = this.#options
    const isUpstreamAlive = () => this.#upstreamEnd === undefined && this.#early === undefined
    const payload = await relayPayload({ client, upstream, header: policy.headerCheck(), isUpstreamAlive, limits })
    if (payload.outcome !== 'sent') throw this.#refusePayload(payload.outcome)
    this.#phase = 'final'
    let done = false
    this.#expected.push({
      onReply: reply => {
        done = true
        if (reply.code < 300) this.#options.onAccepted(this.#transaction.accept(payload.bytes, reply.lines.join(' ')))
        else this.#options.onDeclined?.()
        return this.#forgetMessage()
      },
    })
    const timer = setTimeout(() => upstream.socket.destroy(), this.#options.limits.finalReplyMs)
    try {
      await this.#until(() => done)
    } finally {
      clearTimeout(timer)
    }
  }

  #refusePayload(outcome: Exclude<PayloadOutcome, 'sent'>): RelayEnd {
    if (this.#ended !== undefined) return this.#ended
    if (outcome === 'bare-lf') {
      this.#options.onRefused('message', REPLIES.bareLfEnd)
      return new RelayEnd('look-alike-end', `${REPLIES.bareLfEnd}${REPLIES.closing}`)
    }
    if (outcome === 'upstream-gone') return this.#endAtUpstream()
    this.#options.onRefused('message', outcome.refused)
    return new RelayEnd('header-refused', `${outcome.refused}${REPLIES.closing}`)
  }

  /** SECURITY: an early 250 is for something that we have not sent, or the end that the upstream saw is none for us: the app must not hear it. */
  #endAtUpstream(): RelayEnd {
    const early = this.#early
    if (early === undefined) return new RelayEnd('upstream-closed', `${REPLIES.upstreamGone}${REPLIES.closing}`)
    if (early.code < 400) {
      this.#options.onUpstreamFailure(new UpstreamFailure('spoke-out-of-turn', `in the middle of the data: ${early.code} ${early.lines.join(' ')}`))
      return new RelayEnd('upstream-broken', `${REPLIES.upstreamConfused}${REPLIES.closing}`)
    }
    return new RelayEnd('upstream-closed', `${early.bytes.toString('latin1')}${early.code === 421 ? '' : REPLIES.closing}`)
  }

  #forgetMessage(reply?: string): string | undefined {
    this.#transaction.reset()
    return reply
  }

  #parse<Parsed>(parse: () => Parsed): Parsed | undefined {
    try {
      return parse()
    } catch (error) {
      if (error instanceof UnknownParameter) {
        this.#refuseMalformed(REPLIES.unknownParameter)
        return undefined
      }
      if (!(error instanceof MailwicketError) || error.code !== 'WIRE_SYNTAX') throw error
      this.#refuseMalformed(`501 5.5.4 ${error.message}\r\n`)
      return undefined
    }
  }

  async #judge(judge: () => Promise<string | undefined>): Promise<string | undefined> {
    try {
      return await judge()
    } catch (error) {
      if (error instanceof MailwicketError) return REPLIES.cannotJudge
      throw error
    }
  }

  #refuse(what: RefusedThing, reply: string): void {
    this.#options.onRefused(what, reply)
    this.#answer(reply)
  }

  #refuseMalformed(reply: string): void {
    this.#malformed += 1
    this.#answer(reply)
    if (this.#malformed >= MAX_MALFORMED) throw new RelayEnd('malformed', REPLIES.tooMuchMalformed)
  }

  #send(line: string, onReply?: Expected['onReply']): void {
    writeTogether(this.#options.upstream, Buffer.from(`${line}\r\n`, 'latin1'))
    this.#expected.push(onReply === undefined ? {} : { onReply })
  }

  /** Our own reply, in its place behind those that are still to come. */
  #answer(own: string): void {
    if (this.#expected.length === 0) writeTogether(this.#options.client, own)
    else this.#expected.push({ own })
  }

  async #pumpReplies(): Promise<void> {
    const { client, upstream } = this.#options
    try {
      for (;;) {
        const reply = await readReply(upstream)
        const expected = this.#expected.shift()
        if (expected === undefined) throw this.#outOfTurn(reply)
        writeTogether(client, expected.onReply?.(reply) ?? reply.bytes)
        while (this.#expected[0]?.own !== undefined) writeTogether(client, this.#expected.shift()?.own as string)
        this.#wake?.()
        this.#endIfAtRest()
      }
    } catch (error) {
      const isUnanswered = this.#expected.length > 0 && this.#phase !== 'commands'
      this.#upstreamEnd ??= asEnd(error, isUnanswered ? `${REPLIES.upstreamGone}${REPLIES.closing}` : REPLIES.upstreamClosed)
      this.#wake?.()
      // Outside of a message the client may be silent: wake its reader. Inside, it is read on to the end of its data.
      if (this.#phase !== 'data' || this.#expected.length > 0) client.abort(this.#upstreamEnd)
    }
  }

  /** What the upstream says unasked: 421 before it closes, or a refusal in the middle of the data. */
  #outOfTurn(reply: SmtpReply): RelayEnd {
    this.#early = reply
    if (this.#phase === 'data') return new RelayEnd('upstream-closed', undefined)
    if (reply.code >= 400) return new RelayEnd('upstream-closed', reply.bytes.toString('latin1'))
    this.#options.onUpstreamFailure(new UpstreamFailure('spoke-out-of-turn', `unasked: ${sanitise(reply.lines.join(' '))}`))
    return new RelayEnd('upstream-broken', REPLIES.upstreamBroken)
  }

  #allAnswered(): Promise<void> {
    return this.#until(() => this.#expected.length === 0)
  }

  async #until(isTrue: () => boolean): Promise<void> {
    while (!isTrue()) {
      if (this.#upstreamEnd !== undefined) throw this.#upstreamEnd
      await new Promise<void>(resolve => {
        this.#wake = resolve
      })
    }
  }
}
