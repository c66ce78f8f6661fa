/**
 * Who may try to log in, and how fast wrong answers come (design section 6). Decisions read memory; the store is asked only about those who
 * are over a limit, whether their block is known to the mailbox.
 *
 * Invariants: a right answer is never delayed; a right generated secret gets in from every block but one that is itself closed for guessing, and
 * from a block known to the mailbox even then; nothing that is answered here depends on whether the address exists.
 */
import { RateLimiterMemory } from 'rate-limiter-flexible'
import type { MailboxId } from '../../base/ids.ts'
import { blockOf, isInNetworks, type Network, parseCidr } from '../../base/network.ts'
import type { Secret } from '../../base/secret.ts'
import { FAILURE_LIMITS, type FailureKind, type Restriction, restrictionOf } from '../../store/failure-limits.ts'
import { LIMITS } from '../limits.ts'
import { FailureCounter } from './failure-counter.ts'
import { HandshakeGate } from './handshake-gate.ts'
import { type KnownBlockStore, KnownBlocks } from './known-blocks.ts'
import { ReplySlots } from './reply-slots.ts'
import { SecretMarks } from './secret-mark.ts'

/** One attempt as the limiter sees it, before the secret is looked at. */
export interface Attempt {
  readonly block: string
  /** Normalised, or the one that stands for all that cannot be. */
  readonly address: string
  /** What may be checked: anything, generated secrets, nothing. */
  readonly terms: 'open' | 'generated-only' | 'closed'
  /** Whose count a wrong secret goes to. */
  readonly countedIn: readonly FailureKind[]
}

/** What follows from a wrong secret. */
export interface Failure {
  /** How long its answer has to wait beyond the grid. */
  readonly delayMs: number
  /** The same was sent before, from the same block: an app that repeats itself, not a guess. */
  readonly isRepeated: boolean
}

export class Limiter {
  readonly #trusted: readonly Network[]
  readonly #marks: SecretMarks
  readonly knownBlocks: KnownBlocks
  readonly counters: Readonly<Record<FailureKind, FailureCounter>>
  /** Of addresses that no mailbox has: apart, so that made-up ones do not push out the counts of real ones. */
  readonly unknownAddresses: FailureCounter
  readonly #closedArrivals = new RateLimiterMemory({ points: LIMITS.closedBlockConnectionsPerSecond, duration: 1, keyPrefix: '' })
  readonly #gate = new HandshakeGate()
  readonly #slots = new ReplySlots()

  constructor(store: KnownBlockStore, trusted: readonly string[], marks = new SecretMarks()) {
    this.#marks = marks
    this.knownBlocks = new KnownBlocks(store)
    this.#trusted = trusted.map(parseCidr)
    this.counters = {
      block: counterOf('block', LIMITS.countedBlocks),
      mailbox: counterOf('mailbox', LIMITS.countedMailboxes),
      own: counterOf('own', LIMITS.countedMailboxes),
    }
    this.unknownAddresses = counterOf('mailbox', LIMITS.countedMailboxes)
  }

  /**
   * Whether a connection is worth a TLS handshake. Blocks in which somebody is known pass; others wait for their turn, until `signal`; a closed
   * one gets a few a second, to hear its refusals. Never rejects.
   */
  async mayConnect(ip: string, signal: AbortSignal): Promise<boolean> {
    const block = this.countedBlockOf(ip)
    if (block === undefined || !(await this.knownBlocks.isStranger(block))) return true
    if (restrictionOf('block', await this.counters.block.count(block)) === 'refused') {
      const hasRoom = await this.#closedArrivals.consume(block).then(
        () => true,
        () => false,
      )
      if (!hasRoom) return false
    }
    await this.#gate.pass(signal)
    return true
  }

  /** The block that caps and counts hold for; undefined for the networks that are trusted. */
  countedBlockOf(ip: string): string | undefined {
    return isInNetworks(ip, this.#trusted) ? undefined : blockOf(ip)
  }

  /** Throws STORE_UNAVAILABLE. */
  async admit(ip: string, address: string): Promise<Attempt> {
    const block = blockOf(ip)
    const isTrusted = this.countedBlockOf(ip) === undefined
    const ofBlock = isTrusted ? 'none' : restrictionOf('block', await this.counters.block.count(block))
    const ofMailbox = restrictionOf('mailbox', Math.max(await this.counters.mailbox.count(address), await this.unknownAddresses.count(address)))
    if (ofBlock === 'none' && ofMailbox === 'none') return { block, address, terms: 'open', countedIn: isTrusted ? ['mailbox'] : ['block', 'mailbox'] }
    if (await this.knownBlocks.isKnown(block, address)) {
      const own = restrictionOf('own', await this.counters.own.count(`${block} ${address}`))
      return { block, address, terms: termsOf(own), countedIn: ['own'] }
    }
    const terms = ofBlock === 'refused' ? 'closed' : termsOf(ofMailbox)
    return { block, address, terms, countedIn: isTrusted ? ['mailbox'] : ['block', 'mailbox'] }
  }

  /** Counts a secret that was not looked at, against the block that sent it. */
  async limited({ block, address, countedIn }: Attempt, secret: Secret): Promise<Failure> {
    if (!countedIn.includes('block')) return { delayMs: 0, isRepeated: false }
    const { count, isNew } = await this.counters.block.add(block, this.#marks.markOf(address, secret))
    return { delayMs: delayOf('block', count), isRepeated: !isNew }
  }

  /** How long from now on an answer waits: until its place on the grid, `delayMs` later at least. */
  reserveSlot(receivedAt: number, delayMs: number): number {
    return this.#slots.reserve({ receivedAt, delayMs, now: performance.now() })
  }

  /** Counts a wrong secret; `address` tells whether there is such a mailbox. */
  async wrong(attempt: Attempt, secret: Secret, address: 'exists' | 'unknown'): Promise<Failure> {
    const mark = this.#marks.markOf(attempt.address, secret)
    let delayMs = 0
    let isRepeated = true
    for (const kind of attempt.countedIn) {
      const counter = kind === 'mailbox' && address === 'unknown' ? this.unknownAddresses : this.counters[kind]
      const { count, isNew } = await counter.add(subjectOf(kind, attempt), mark)
      delayMs = Math.max(delayMs, delayOf(kind, count))
      // What others sent to the mailbox is no repetition of this one's.
      if (isNew && kind !== 'mailbox') isRepeated = false
    }
    return { delayMs, isRepeated }
  }

  /** The secret was right: the block is known to the mailbox from now on. */
  right({ block, address }: Attempt, mailbox: MailboxId): void {
    this.knownBlocks.prove(block, address, mailbox)
  }
}

function counterOf(kind: FailureKind, maxKeys: number): FailureCounter {
  const { windowMs, restrictedFrom } = FAILURE_LIMITS[kind]
  return new FailureCounter({ windowMs, maxKeys, maxMarks: restrictedFrom })
}

function subjectOf(kind: FailureKind, { block, address }: Attempt): string {
  if (kind === 'block') return block
  return kind === 'mailbox' ? address : `${block} ${address}`
}

function termsOf(restriction: Restriction): 'open' | 'generated-only' {
  return restriction === 'generated-only' || restriction === 'refused' ? 'generated-only' : 'open'
}

/** Half a second at the limit, doubled five times on the way to the next. */
function delayOf(kind: FailureKind, count: number): number {
  const { delayedFrom, restrictedFrom } = FAILURE_LIMITS[kind]
  if (count < delayedFrom) return 0
  const part = Math.min(1, (count - delayedFrom) / (restrictedFrom - delayedFrom))
  return LIMITS.refusalGridMs * 2 ** Math.min(4, Math.floor(part * 5))
}
