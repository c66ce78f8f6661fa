/**
 * A submission session after AUTH: commands of the client go to the upstream, its replies come back unchanged and in order.
 *
 * Commands may be pipelined (RFC 2920): each has its place in `#expected`, whether its reply comes from the upstream or from us.
 * Only what stands in smtp-relay-verbs.ts goes on; what a message carries is moved by smtp-payload.ts. Nothing is queued and no 250 is ours.
 * The reader of upstream replies never waits for the client: what the upstream has accepted is always recorded.
 * Why it is over is decided once: the first cause is logged and told, whatever follows from it.
 */
import type { Wire } from '../../base/sockets/wire.ts'
import { readReply, type SmtpReply } from '../../upstream/smtp/smtp-reply.ts'
import { sanitise, UpstreamFailure } from '../../upstream/upstream-failure.ts'
import type { Limits } from '../limits.ts'
import { type Payload, relayPayload } from './message/smtp-payload.ts'
import type { SendingPolicy } from './sending/sending-policy.ts'
import { parseCommand } from './smtp-command.ts'
import { endOfClient, endOfUpstream, RelayEnd, type RelayPhase } from './smtp-relay-end.ts'
import { findRelayVerb, type RefusedThing, type RelayDialogue } from './smtp-relay-verbs.ts'
import { REPLIES } from './smtp-replies.ts'
import { type AcceptedMessage, type SentMessage, SmtpTransaction } from './smtp-transaction.ts'
import { writeTogether } from './smtp-write.ts'

/** RFC 5321 §4.5.3.1.4 asks for 512 octets, DSN and UTF-8 addresses for more; nothing real needs this much. */
const MAX_COMMAND_BYTES = 8 * 1024
const MAX_MALFORMED = 10
/** Replies that may be outstanding before we stop reading commands: bounds what waits for a slow upstream. */
const MAX_EXPECTED = 100

export interface RelayOptions {
  readonly client: Wire
  readonly upstream: Wire
  readonly policy: SendingPolicy
  readonly limits: Limits
  readonly greetings: RelayDialogue['greetings']
  readonly onAccepted: (message: AcceptedMessage) => void
  /** The upstream did not take a message whose final dot it got. */
  readonly onDeclined?: () => void
  /** The final dot has gone out, and nobody will tell what became of the message. */
  readonly onUncertain: (message: SentMessage, why: string) => void
  /** We refused a sender, recipient or message; `reply` says why. */
  readonly onRefused: (what: RefusedThing, reply: string) => void
  /** The upstream left a message half-way, or did what no server does. */
  readonly onUpstreamFailure: (failure: UpstreamFailure) => void
}

interface Expected {
  /** Set: the reply is ours and needs nothing of the upstream. */
  readonly own?: string
  /** Told the upstream's reply; what it gives is written in its place. */
  readonly onReply?: ((reply: SmtpReply) => string | undefined) | undefined
}

export class SmtpRelay implements RelayDialogue {
  readonly policy: SendingPolicy
  readonly transaction: SmtpTransaction
  readonly greetings: RelayDialogue['greetings']
  readonly #options: RelayOptions
  readonly #expected: Expected[] = []
  #wake: (() => void) | undefined
  /** The first cause. Set: the upstream is gone, or nobody wants it any more. */
  #end: RelayEnd | undefined
  /** To be said in the next pause: the gateway stops. */
  #endAtRest: RelayEnd | undefined
  #isUpstreamGone = false
  #malformed = 0
  #phase: RelayPhase = { name: 'commands' }
  readonly #timers = new Set<NodeJS.Timeout>()

  constructor(options: RelayOptions) {
    this.#options = options
    this.policy = options.policy
    this.greetings = options.greetings
    this.transaction = new SmtpTransaction(options.policy)
  }

  /** Relays until either side leaves. Gives why; the upstream is to be closed, and the client told the last reply. */
  async run(): Promise<RelayEnd> {
    void this.#pumpReplies()
    this.#options.client.onGone = () => this.#clientIsGone()
    let end: RelayEnd
    try {
      for (;;) await this.#relayCommand()
    } catch (error) {
      end = this.#decide(endOfClient(error))
    }
    this.#options.client.onGone = undefined
    for (const timer of this.#timers) clearTimeout(timer)
    if (this.#phase.name === 'final') this.#options.onUncertain(this.transaction.describe(this.#phase.bytes), end.message)
    this.transaction.end()
    return end
  }

  /**
   * Ends the relay from outside. A message in flight is dropped at the upstream before its final dot; once the dot is out, the upstream's
   * word is waited for a moment: an app that hears 421 for a message that was accepted sends it twice (RFC 1047).
   */
  end(why: string, lastReply: string): void {
    if (this.#end !== undefined && this.#phase.name === 'final') return
    this.#decide(new RelayEnd(why, lastReply))
    if (this.#phase.name === 'final') this.#after(this.#options.limits.finalReplyGraceMs, () => this.#cut())
    else this.#cut()
  }

  /** Ends the relay as soon as no transaction is under way: a message in flight gets its answer first. */
  endAtRest(why: string, lastReply: string): void {
    this.#endAtRest ??= new RelayEnd(why, lastReply)
    this.#endIfAtRest()
  }

  get #isAtRest(): boolean {
    return this.#phase.name === 'commands' && this.#expected.length === 0 && !this.transaction.isBegun
  }

  #endIfAtRest(): void {
    if (this.#endAtRest !== undefined && this.#isAtRest) this.end(this.#endAtRest.message, this.#endAtRest.lastReply ?? '')
  }

  #decide(end: RelayEnd): RelayEnd {
    if (this.#end === undefined) {
      this.#end = end
      if (end.cause instanceof UpstreamFailure) this.#options.onUpstreamFailure(end.cause)
    }
    return this.#end
  }

  /** Acts after so long, unless the relay is over by then or what it gives is called. */
  #after(ms: number, act: () => void): () => void {
    const cancel = () => {
      clearTimeout(timer)
      this.#timers.delete(timer)
    }
    const timer = setTimeout(() => {
      cancel()
      act()
    }, ms)
    this.#timers.add(timer)
    return cancel
  }

  /** Ends both sides now, by what was decided. */
  #cut(): void {
    this.#options.upstream.socket.destroy()
    if (this.#end !== undefined) this.#options.client.abort(this.#end)
    this.#wake?.()
  }

  /** A client that leaves in the middle of its data sends nothing; one that leaves later has sent. */
  #clientIsGone(): void {
    const leave = () => {
      this.#decide(new RelayEnd('client-closed', undefined))
      this.#cut()
    }
    if (this.#phase.name === 'data') return leave()
    // What it said before it went is still served; an upstream that owes it a reply has a moment for it, as nobody else would end this.
    this.#after(this.#options.limits.lateReplyMs, () => {
      const phase = this.#phase
      if (phase.name === 'commands' || (phase.name === 'data' && !phase.isOpen)) leave()
    })
  }

  async #relayCommand(): Promise<void> {
    const { client } = this.#options
    this.#endIfAtRest()
    if (this.#end !== undefined) throw this.#end
    // SECURITY: a client that does not read its replies is not read either, or it could make us keep megabytes of them.
    await client.drained()
    const command = parseCommand(await client.readLine(MAX_COMMAND_BYTES))
    if (this.#end !== undefined) throw this.#end
    if (command === undefined) this.refuseMalformed(REPLIES.noCommand)
    else await findRelayVerb(command.verb)(this, command)
    if (this.#expected.length >= MAX_EXPECTED) await this.#until(() => this.#expected.length < MAX_EXPECTED / 2)
  }

  /** After DATA nothing of the client is read until the upstream has answered; when it does not want the data, commands go on. */
  async relayData(line: string): Promise<void> {
    let reply: SmtpReply | undefined
    this.#phase = { name: 'data', isOpen: false }
    this.send(line, given => {
      reply = given
      return undefined
    })
    await this.#until(() => reply !== undefined)
    if (reply?.code === 354) await this.#relayMessage()
    this.#phase = { name: 'commands' }
  }

  async #relayMessage(): Promise<void> {
    const { client, upstream, limits } = this.#options
    this.#phase = { name: 'data', isOpen: true }
    await relayPayload({
      client,
      upstream,
      header: this.policy.headerCheck(),
      stallMs: limits.uploadStallMs,
      isWanted: () => this.#end === undefined,
      onRefused: why => this.#refuseMessage(why),
      onLast: bytes => this.#expectFinal(bytes),
    })
    if (this.#phase.name === 'data' && this.#end !== undefined) throw this.#end
    const cancel = this.#after(limits.finalReplyMs, () => {
      this.#decide(new RelayEnd('upstream-silent', `${REPLIES.uncertain}${REPLIES.closing}`))
      this.#cut()
    })
    await this.#until(() => this.#phase.name !== 'final')
    cancel()
  }

  /** SECURITY: in the step in which the dot goes out, or a client that leaves right behind it would have sent what nobody records. */
  #expectFinal(bytes: number): void {
    this.#phase = { name: 'final', bytes }
    this.#expected.push({
      onReply: reply => {
        this.#phase = { name: 'commands' }
        if (reply.code < 300) this.#options.onAccepted(this.transaction.accept(bytes, reply.lines.join(' ')))
        else this.#options.onDeclined?.()
        this.transaction.reset()
        return undefined
      },
    })
  }

  #refuseMessage(why: Parameters<Payload['onRefused']>[0]): void {
    if (this.#end !== undefined) return
    if (why === 'stalled') {
      // With what was not taken the dot is thrown away.
      this.#phase = { name: 'data', isOpen: true }
      const failure = new UpstreamFailure('timeout', `it took nothing of a message for ${this.#options.limits.uploadStallMs / 1000} s`)
      this.#decide(new RelayEnd('stalled', `${REPLIES.upstreamStalled}${REPLIES.closing}`, failure))
    } else {
      const reply = why === 'bare-lf' ? REPLIES.bareLfEnd : why.refused
      this.#options.onRefused('message', reply)
      this.#decide(new RelayEnd(why === 'bare-lf' ? 'look-alike-end' : 'header-refused', `${reply}${REPLIES.closing}`))
    }
    this.#readToEndOfData()
  }

  /** A message that nobody wants is read to its end, or until its sender has said nothing for some seconds: then it is told. */
  #readToEndOfData(): void {
    const { client, upstream, limits } = this.#options
    // SECURITY: before its final dot, so that the upstream accepts nothing of this message.
    upstream.socket.destroy()
    let seen = client.bytesReceived
    const look = () => {
      if (client.bytesReceived === seen) return this.#cut()
      seen = client.bytesReceived
      this.#after(limits.refusalQuietMs, look)
    }
    this.#after(limits.refusalQuietMs, look)
  }

  refuse(what: RefusedThing, reply: string): void {
    this.#options.onRefused(what, reply)
    this.#answer(reply)
  }

  refuseMalformed(reply: string): void {
    this.#malformed += 1
    this.#answer(reply)
    if (this.#malformed >= MAX_MALFORMED) throw new RelayEnd('malformed', REPLIES.tooMuchMalformed)
  }

  send(line: string, onReply?: Expected['onReply']): void {
    writeTogether(this.#options.upstream, Buffer.from(`${line}\r\n`, 'latin1'))
    this.#expected.push({ onReply })
  }

  allAnswered(): Promise<void> {
    return this.#until(() => this.#expected.length === 0)
  }

  /** An upstream that does not answer is not waited for: its client may be gone. */
  async quit(line: string): Promise<never> {
    this.send(line)
    this.#after(this.#options.limits.lateReplyMs, () => {
      this.#decide(new RelayEnd('quit', REPLIES.goodbye))
      this.#cut()
    })
    await this.allAnswered()
    throw new RelayEnd('quit', undefined)
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
      this.#isUpstreamGone = true
      if (this.#end !== undefined) return this.#wake?.()
      const phase = this.#phase
      this.#decide(endOfUpstream(error, phase))
      // Outside of a message the client may be silent: wake its reader. Inside, it is read on to the end of its data.
      if (phase.name === 'data' && phase.isOpen) this.#readToEndOfData()
      else this.#cut()
    }
  }

  /**
   * What the upstream says unasked: 421 before it closes, or a refusal in the middle of the data.
   * SECURITY: an early 250 is for something that we have not sent, or the end that the upstream saw is none for us: the app must not hear it.
   */
  #outOfTurn({ code, lines, bytes }: SmtpReply): RelayEnd {
    const isInMessage = this.#phase.name === 'data'
    const text = sanitise(`${code} ${lines.join(' ')}`)
    if (code >= 400) {
      const last = `${bytes.toString('latin1')}${isInMessage && code !== 421 ? REPLIES.closing : ''}`
      return new RelayEnd('upstream-closed', last, isInMessage ? new UpstreamFailure('closed', `in the middle of a message, with ${text}`) : undefined)
    }
    const failure = new UpstreamFailure('spoke-out-of-turn', `${isInMessage ? 'in the middle of a message' : 'unasked'}: ${text}`)
    return new RelayEnd('upstream-broken', isInMessage ? `${REPLIES.upstreamConfused}${REPLIES.closing}` : REPLIES.upstreamBroken, failure)
  }

  async #until(isTrue: () => boolean): Promise<void> {
    while (!isTrue()) {
      // Once the dot has gone out, whoever ends the relay waits for the upstream's word.
      if (this.#end !== undefined && (this.#isUpstreamGone || this.#phase.name !== 'final')) throw this.#end
      await new Promise<void>(resolve => {
        this.#wake = resolve
      })
    }
  }
}
