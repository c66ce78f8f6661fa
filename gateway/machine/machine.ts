/**
 * What the gateway processes of one machine tell each other, so that limits hold for the machine: counts, wrong secrets, answers to migration
 * passwords. Between machines there is the store alone.
 *
 * News leave in batches. What is lost (a process that dies) is known to the store within a second, as between machines.
 * SECURITY: secrets are known by truncated HMACs alone, under a key that dies with the processes of this machine.
 */
import { hkdfSync, randomBytes } from 'node:crypto'
import type { FailureKind } from '../../store/schema/failure-limits.ts'
import { addCount, type CountChange, MachineCounts } from './machine-counts.ts'

/** A wrong secret that was counted for the first time. */
export type CountedFailure = readonly [kind: FailureKind, subject: string, fingerprint: number]
/** What an upstream said of a migration password. */
export type MigrationAnswer = readonly [key: string, answer: 'refused' | 'accepted']

export interface News {
  readonly counts: readonly CountChange[]
  readonly failures: readonly CountedFailure[]
  readonly migration: readonly MigrationAnswer[]
}

export interface MachineOptions {
  /** How many processes serve, this one included. */
  readonly workers: number
  /** 32 bytes, the same in all of them. */
  readonly key: Uint8Array
  /** 48 bytes, the same in all of them, who resume each other's TLS sessions; who gives them changes them. */
  readonly ticketKeys: Buffer
  /** To all others. */
  readonly send: (news: News) => void
}

/** What two processes decide within this time they decide without each other. Many logins share the cost of a message. */
const BATCH_MS = 20

export class Machine {
  readonly workers: number
  readonly ticketKeys: Buffer | undefined
  readonly counts: MachineCounts
  readonly #key: Uint8Array
  readonly #send: ((news: News) => void) | undefined
  #next: { counts: Map<string, number>; failures: CountedFailure[]; migration: MigrationAnswer[] } | undefined
  #onFailures: (failures: readonly CountedFailure[]) => void = () => {}
  #onMigration: (answers: readonly MigrationAnswer[]) => void = () => {}

  /** Without options: a process that is alone, and tells nobody anything. */
  constructor({ workers, key, ticketKeys, send }: Partial<MachineOptions> = {}) {
    this.workers = workers ?? 1
    this.ticketKeys = ticketKeys
    this.#key = key ?? randomBytes(32)
    this.#send = send
    this.counts = new MachineCounts(send === undefined ? undefined : change => addCount(this.#batch()?.counts ?? new Map(), change))
  }

  /** A key of 32 bytes for one purpose. */
  keyFor(purpose: string): Uint8Array {
    return new Uint8Array(hkdfSync('sha256', this.#key, '', purpose, 32))
  }

  /** The part of this process of what the machine may have; at least 1. */
  shareOf(cap: number): number {
    return Math.ceil(cap / this.workers)
  }

  failed(failure: CountedFailure): void {
    this.#batch()?.failures.push(failure)
  }

  answered(answer: MigrationAnswer): void {
    this.#batch()?.migration.push(answer)
  }

  onFailures(hear: (failures: readonly CountedFailure[]) => void): void {
    this.#onFailures = hear
  }

  onMigration(hear: (answers: readonly MigrationAnswer[]) => void): void {
    this.#onMigration = hear
  }

  /** What others told. */
  hear({ counts, failures, migration }: News): void {
    this.counts.hear(counts)
    if (failures.length > 0) this.#onFailures(failures)
    if (migration.length > 0) this.#onMigration(migration)
  }

  #batch() {
    const send = this.#send
    if (send === undefined) return undefined
    if (this.#next !== undefined) return this.#next
    this.#next = { counts: new Map(), failures: [], migration: [] }
    setTimeout(() => {
      const news = this.#next
      this.#next = undefined
      // A session that came and went within the batch is no news.
      if (news !== undefined && news.counts.size + news.failures.length + news.migration.length > 0) send({ ...news, counts: [...news.counts] })
    }, BATCH_MS)
    return this.#next
  }
}
