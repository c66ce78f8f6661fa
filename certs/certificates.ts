/**
 * The certificates of the configuration, in use: chosen by SNI, read again when their files change.
 *
 * Invariants: there is always a certificate for every connection (the first of the configuration when no name fits); a
 * new pair replaces the old one only when its files fit each other; connections that exist are never touched.
 */
import { randomBytes } from 'node:crypto'
import type { SecureContext } from 'node:tls'
import { MailwicketError } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import type { CertificateFiles, MinTls } from '../config/config.ts'
import { type CertificateFacts, type CertificatePair, formatFacts, readCertificatePair } from './certificate-files.ts'
import { CertificateWatch } from './certificate-watch.ts'
import { makeServerContext } from './secure-context.ts'

export interface CertificatesOptions {
  /** At least one; the first is the default. */
  readonly files: readonly CertificateFiles[]
  readonly log: Log
  /** 48 random bytes, the same in all processes that shall resume each other's sessions; who gives them changes them. */
  readonly ticketKeys?: Buffer
  /** For tests. */
  readonly settleMs?: number
  readonly pollMs?: number
}

/** Longer than a renewal program needs between its two files. */
const SETTLE_MS = 1_000
/** Renewals come weeks before the end: a minute is soon enough for what no event told. */
const POLL_MS = 60_000
const DAY_MS = 86_400_000
/** Errors of reading that say nothing about the files: too many are open, or the disk or the file server has a bad moment. */
const PASSING: ReadonlySet<string> = new Set(['EMFILE', 'ENFILE', 'ENOMEM', 'EIO', 'ESTALE'])
/**
 * RFC 9325 §3.4: the keys of session tickets change regularly, or forward secrecy is lost for as long as they live. Much longer than a ticket is good
 * for: an app whose ticket is of the time before makes one full handshake, twice a day.
 */
const TICKET_KEY_MS = DAY_MS / 2

/** Reads all pairs. Throws CERTIFICATE_INVALID with every pair that cannot be used. */
export async function openCertificates(options: CertificatesOptions): Promise<Certificates> {
  return new Certificates(options, await readPairs(options.files))
}

/** Throws CERTIFICATE_INVALID with every pair that cannot be used. */
async function readPairs(files: readonly CertificateFiles[]): Promise<CertificatePair[]> {
  const results = await Promise.allSettled(files.map(readCertificatePair))
  const failures = results.flatMap(result => (result.status === 'rejected' ? [result.reason as Error] : []))
  const [failure] = failures
  if (failure !== undefined) {
    if (!failures.every(one => one instanceof MailwicketError)) throw failure
    throw new MailwicketError('CERTIFICATE_INVALID', { message: failures.map(one => one.message).join('\n'), cause: failure })
  }
  return results.flatMap(result => (result.status === 'fulfilled' ? [result.value] : []))
}

export class Certificates {
  readonly #log: Log
  #ticketKeys: Buffer
  readonly #options: CertificatesOptions
  #watch: CertificateWatch
  #entries: readonly Entry[]
  readonly #reminder: NodeJS.Timeout
  readonly #rotation: NodeJS.Timeout | undefined
  #reloading: Promise<void> = Promise.resolve()
  #isClosed = false

  /** Use `openCertificates`. */
  constructor(options: CertificatesOptions, pairs: readonly CertificatePair[]) {
    const { log, ticketKeys } = options
    this.#options = options
    this.#log = log
    this.#ticketKeys = ticketKeys ?? randomBytes(48)
    this.#entries = pairs.map(pair => new Entry(pair))
    for (const pair of pairs) this.#announce(pair)
    this.#watch = this.#startWatch()
    this.#reminder = setInterval(() => this.#remind(), DAY_MS)
    this.#reminder.unref()
    this.#rotation = ticketKeys === undefined ? setInterval(() => this.#changeTicketKeys(), TICKET_KEY_MS).unref() : undefined
  }

  /** The context for the name that a client asks for (RFC 6066 §3), undefined when it asks for none. */
  contextFor(serverName: string | undefined, minTls: MinTls): SecureContext {
    return this.#findEntry(serverName).contextFor(minTls, this.#ticketKeys)
  }

  list(): readonly CertificateFacts[] {
    return this.#entries.map(({ pair }) => formatFacts(pair))
  }

  /** Whole days until the first of them expires; negative when one has. */
  daysLeft(): number {
    return Math.min(...this.list().map(({ daysLeft }) => daysLeft))
  }

  /** Reads all files again. Files that cannot be used are logged and the certificate in use stays. */
  reload(): Promise<void> {
    this.#reloading = this.#reloading.then(async () => {
      for (const entry of this.#entries) if (!this.#isClosed) await this.#reloadEntry(entry)
    })
    return this.#reloading
  }

  /**
   * Reads the pairs of a new configuration; called, the result puts them in the place of those in use, all of them.
   * Throws CERTIFICATE_INVALID with every pair that cannot be used.
   */
  async prepare(files: readonly CertificateFiles[]): Promise<() => void> {
    const pairs = await readPairs(files)
    return () => {
      const before = this.#entries
      this.#entries = pairs.map(pair => before.find(entry => isSame(entry.pair, pair)) ?? new Entry(pair))
      this.#watch.close()
      this.#watch = this.#startWatch()
      for (const entry of this.#entries) if (!before.includes(entry)) this.#announce(entry.pair)
    }
  }

  close(): void {
    this.#isClosed = true
    clearInterval(this.#reminder)
    clearInterval(this.#rotation)
    this.#watch.close()
  }

  #startWatch(): CertificateWatch {
    const { settleMs = SETTLE_MS, pollMs = POLL_MS } = this.#options
    const files = this.#entries.flatMap(({ pair }) => [pair.files.cert, pair.files.key])
    return new CertificateWatch({ files, onChange: () => void this.reload(), settleMs, pollMs })
  }

  /** Node takes one key at a time: the tickets of the old one are not accepted any more. */
  #changeTicketKeys(): void {
    this.#ticketKeys = randomBytes(48)
    for (const entry of this.#entries) entry.forgetContexts()
  }

  async #reloadEntry(entry: Entry): Promise<void> {
    try {
      const pair = await readCertificatePair(entry.pair.files)
      const isNew = !isSame(pair, entry.pair)
      entry.replace(pair)
      if (isNew) this.#announce(pair)
    } catch (error) {
      const { code, message, cause } = error as MailwicketError
      // What hinders us will pass without a change of the files: they would never be read again.
      if (PASSING.has((cause as NodeJS.ErrnoException | undefined)?.code ?? '')) this.#watch.lookAgain()
      this.#log.error('certificate.failed', {
        cert: entry.pair.files.cert,
        key: entry.pair.files.key,
        code,
        reason: message,
        inUse: formatFacts(entry.pair).fingerprint256,
      })
    }
  }

  #announce(pair: CertificatePair): void {
    const { cert, subject, names, daysLeft, notAfter, fingerprint256, warnings } = formatFacts(pair)
    this.#log.info('certificate.loaded', { cert, subject, names, daysLeft, notAfter: notAfter.toISOString(), fingerprint256 })
    for (const warning of warnings) this.#log.warn('certificate.loaded', { cert, warning })
    this.#remindOf(pair)
  }

  #remind(): void {
    for (const { pair } of this.#entries) this.#remindOf(pair)
  }

  #remindOf(pair: CertificatePair): void {
    const { cert, names, daysLeft, notBefore, notAfter } = formatFacts(pair)
    const lifetimeDays = (notAfter.getTime() - notBefore.getTime()) / DAY_MS
    // Two weeks, or the last quarter of a short life: renewal programs come at a third.
    if (daysLeft < Math.min(14, lifetimeDays / 4)) this.#log.warn('certificate.expires', { cert, names, daysLeft, notAfter: notAfter.toISOString() })
  }

  /** Exact name, then a wildcard of one label, then the first certificate. */
  #findEntry(serverName: string | undefined): Entry {
    const name = serverName?.toLowerCase().replace(/\.$/, '')
    // RFC 9525 §6.3: a wildcard stands for the whole leftmost label and for that one only.
    const wildcard = name?.replace(/^[^.]+/, '*')
    const found = this.#entries.find(entry => entry.isFor(name)) ?? this.#entries.find(entry => entry.isFor(wildcard)) ?? this.#entries[0]
    if (found === undefined) throw new MailwicketError('CERTIFICATE_INVALID', { message: 'No certificate is configured.' })
    return found
  }
}

function isSame(one: CertificatePair, other: CertificatePair): boolean {
  return one.files.cert === other.files.cert && one.files.key === other.files.key && one.certPem === other.certPem && one.keyPem === other.keyPem
}

/** A certificate in use and the contexts made of it, one for each least version that a listener asks for. */
class Entry {
  readonly #contexts = new Map<MinTls, SecureContext>()
  #pair: CertificatePair

  constructor(pair: CertificatePair) {
    this.#pair = pair
  }

  get pair(): CertificatePair {
    return this.#pair
  }

  isFor(name: string | undefined): boolean {
    return name !== undefined && this.#pair.names.includes(name)
  }

  replace(pair: CertificatePair): void {
    this.#pair = pair
    this.forgetContexts()
  }

  /** The next connection gets a new one; connections that exist keep theirs. */
  forgetContexts(): void {
    this.#contexts.clear()
  }

  contextFor(minTls: MinTls, ticketKeys: Buffer): SecureContext {
    const known = this.#contexts.get(minTls)
    if (known !== undefined) return known
    const context = makeServerContext(this.#pair, minTls, ticketKeys)
    this.#contexts.set(minTls, context)
    return context
  }
}
