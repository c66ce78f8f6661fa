/**
 * Who may try to log in, and how fast wrong answers come (architecture §6). Decisions read memory; the store is asked only about those who
 * are over a limit, whether their block is known to the mailbox.
 *
 * Invariants: a right answer is never delayed; a right generated secret gets in from every block but one that is itself closed for guessing, and
 * from a block known to the mailbox even then; nothing that is answered here depends on whether the address exists.
 */
import { RateLimiterMemory } from 'rate-limiter-flexible'
import type { MailboxId } from '../../base/ids.ts'
import { blockOf, isInNetworks, type Network } from '../../base/network.ts'
import type { Secret } from '../../base/secret.ts'
import { SecretFingerprints } from '../../store/limits/secret-fingerprint.ts'
import { delayFactorOf, FAILURE_LIMITS, type FailureKind, type Restriction, restrictionOf } from '../../store/schema/failure-limits.ts'
import { LIMITS } from '../limits.ts'
import { Machine } from '../machine/machine.ts'
import { FailureCounter } from './failure-counter.ts'
import { HandshakeGate, type WaitingClient } from './handshake-gate.ts'
import { type RecognisedNetworkStore, RecognisedNetworks } from './recognised-networks.ts'
import { type ResponseTime, ResponseTimeBuckets } from './response-time-buckets.ts'
import { SpareTime } from './spare-time.ts'

/** Turns at the gate go by IPv6 networks of one customer at most, not by the thousands of /64 in them (RFC 6177 §2). */
const GATE_PREFIX_BITS = 48

/** One attempt as the limiter sees it, before the secret is looked at. */
export interface Attempt {
  readonly block: string
  /** Normalised; undefined: what was sent is no address. */
  readonly address: string | undefined
  /** What may be checked: anything, generated secrets, nothing. */
  readonly terms: 'open' | 'generated-only' | 'closed'
  /** Whose count a wrong secret goes to. */
  readonly countedIn: readonly FailureKind[]
}

/** What follows from a wrong secret. */
export interface Failure {
  /** How long its answer has to wait beyond its response-time bucket. */
  readonly delayMs: number
  /** The same was sent before, from the same block: an app that repeats itself, not a guess. */
  readonly isRepeated: boolean
}

export class Limiter {
  readonly #trusted: () => readonly Network[]
  readonly #fingerprints: SecretFingerprints
  readonly recognisedNetworks: RecognisedNetworks
  readonly counters: Readonly<Record<FailureKind, FailureCounter>>
  readonly #machine: Machine
  readonly #closedArrivals: RateLimiterMemory
  readonly #spare = new SpareTime()
  readonly #unknownGate = new HandshakeGate(this.#spare, LIMITS.unknownHandshakes)
  /** They get their share also while there is no time to spare: it is they whom the time is for. */
  readonly #recognisedGate = new HandshakeGate({ share: () => 1 }, LIMITS.recognisedHandshakes)
  readonly #buckets = new ResponseTimeBuckets(this.#spare)

  /** `fingerprints`: for tests. */
  constructor(
    store: RecognisedNetworkStore,
    trusted: () => readonly Network[],
    machine = new Machine(),
    fingerprints = new SecretFingerprints(machine.keyFor('fingerprints of wrong secrets')),
  ) {
    this.#machine = machine
    this.#fingerprints = fingerprints
    this.#closedArrivals = new RateLimiterMemory({ points: machine.shareOf(LIMITS.closedBlockConnectionsPerSecond), duration: 1, keyPrefix: '' })
    machine.onFailures(failures => {
      for (const [kind, subject, fingerprint] of failures) void this.counters[kind].learn(subject, fingerprint)
    })
    this.recognisedNetworks = new RecognisedNetworks(store)
    this.#trusted = trusted
    this.counters = {
      block: counterOf('block', LIMITS.countedBlocks),
      // SECURITY: of all addresses, whether a mailbox has them or not: two counters that fill differently would tell which exist.
      mailbox: counterOf('mailbox', LIMITS.countedMailboxes),
      own: counterOf('own', LIMITS.countedMailboxes),
    }
  }

  /** Whether a connection is worth anything at all: a block that is closed for guessing gets a few a second, to hear its refusals. Never rejects. */
  async mayConnect(ip: string): Promise<boolean> {
    const block = this.countedBlockOf(ip)
    if (block === undefined || !(await this.recognisedNetworks.isUnknown(block))) return true
    if (restrictionOf('block', await this.counters.block.count(block)) !== 'refused') return true
    return this.#closedArrivals.consume(block).then(
      () => true,
      () => false,
    )
  }

  /** Before TLS a greeting costs little, and nobody in whose network somebody is known waits for it. False: the client has gone. Never rejects. */
  async takeGreetingTurn(ip: string, client: WaitingClient): Promise<boolean> {
    const block = this.countedBlockOf(ip)
    if (block === undefined || !(await this.recognisedNetworks.isUnknown(block))) return true
    return this.#unknownGate.pass(blockOf(ip, GATE_PREFIX_BITS), client)
  }

  /**
   * Waits for a turn to do a TLS handshake. SECURITY: for everybody but the trusted networks: one ClientHello replayed from a network in which
   * somebody is known costs as much as any other. False: the client has gone. Never rejects.
   */
  async takeHandshakeTurn(ip: string, client: WaitingClient): Promise<boolean> {
    const block = this.countedBlockOf(ip)
    if (block === undefined) return true
    const gate = (await this.recognisedNetworks.isUnknown(block)) ? this.#unknownGate : this.#recognisedGate
    return gate.pass(blockOf(ip, GATE_PREFIX_BITS), client)
  }

  /** The block that caps and counts hold for; undefined for the networks that are trusted. */
  countedBlockOf(ip: string): string | undefined {
    return isInNetworks(ip, this.#trusted()) ? undefined : blockOf(ip)
  }

  /** `address` is normalised; undefined: no mailbox can have it. Throws STORE_UNAVAILABLE. */
  async admit(ip: string, address: string | undefined): Promise<Attempt> {
    const block = blockOf(ip)
    const isTrusted = this.countedBlockOf(ip) === undefined
    const ofBlock = isTrusted ? 'none' : restrictionOf('block', await this.counters.block.count(block))
    const ofMailbox = address === undefined ? 'none' : restrictionOf('mailbox', await this.counters.mailbox.count(address))
    const countedIn: FailureKind[] = [...(isTrusted ? [] : (['block'] as const)), ...(address === undefined ? [] : (['mailbox'] as const))]
    if (ofBlock === 'none' && ofMailbox === 'none') return { block, address, terms: 'open', countedIn }
    if (address !== undefined && (await this.recognisedNetworks.isRecognised(block, address))) {
      const own = restrictionOf('own', await this.counters.own.count(`${block} ${address}`))
      return { block, address, terms: termsOf(own), countedIn: ['own'] }
    }
    return { block, address, terms: ofBlock === 'refused' ? 'closed' : termsOf(ofMailbox), countedIn }
  }

  /** Counts a secret that was not looked at, against the block that sent it. */
  async limited(attempt: Attempt, secret: Secret): Promise<Failure> {
    const [kind] = attempt.countedIn
    // Those within the trusted networks are never called guessers.
    if (kind === undefined || kind === 'mailbox') return { delayMs: 0, isRepeated: true }
    const fingerprint = this.#fingerprints.fingerprintOf(attempt.address ?? '', secret)
    const { count, isNew } = await this.counters[kind].add(subjectOf(kind, attempt), fingerprint)
    if (isNew) this.#machine.failed([kind, subjectOf(kind, attempt), fingerprint])
    return { delayMs: delayOf(kind, count), isRepeated: !isNew }
  }

  /** When an answer may leave: at the end of its bucket, `delayMs` later at least. */
  reserveResponseTime(receivedAt: number, delayMs: number): ResponseTime {
    return this.#buckets.reserve({ receivedAt, delayMs, now: performance.now() })
  }

  /** Counts a wrong secret. It is not told whether there is such a mailbox. */
  async wrong(attempt: Attempt, secret: Secret): Promise<Failure> {
    const fingerprint = this.#fingerprints.fingerprintOf(attempt.address ?? '', secret)
    let delayMs = 0
    let isRepeated = true
    for (const kind of attempt.countedIn) {
      const { count, isNew } = await this.counters[kind].add(subjectOf(kind, attempt), fingerprint)
      if (isNew) this.#machine.failed([kind, subjectOf(kind, attempt), fingerprint])
      delayMs = Math.max(delayMs, delayOf(kind, count))
      // What others sent to the mailbox is no repetition of this one's.
      if (isNew && (kind !== 'mailbox' || attempt.countedIn.length === 1)) isRepeated = false
    }
    return { delayMs, isRepeated }
  }

  /** The secret was right: the block is known to the mailbox from now on. */
  right({ block, address }: Attempt, mailbox: MailboxId): void {
    if (address !== undefined) this.recognisedNetworks.prove(block, address, mailbox)
  }
}

function counterOf(kind: FailureKind, maxKeys: number): FailureCounter {
  const { windowMs, restrictedFrom } = FAILURE_LIMITS[kind]
  return new FailureCounter({ windowMs, maxKeys, maxFingerprints: restrictedFrom })
}

function subjectOf(kind: FailureKind, { block, address = '' }: Attempt): string {
  if (kind === 'block') return block
  return kind === 'mailbox' ? address : `${block} ${address}`
}

function termsOf(restriction: Restriction): 'open' | 'generated-only' {
  return restriction === 'generated-only' || restriction === 'refused' ? 'generated-only' : 'open'
}

/** Half a second at the limit, doubled five times on the way to the next. */
function delayOf(kind: FailureKind, count: number): number {
  return LIMITS.responseBucketMs * delayFactorOf(kind, count)
}
