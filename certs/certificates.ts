/**
 * The certificates of the configuration, in use: chosen by SNI, read again when their files change.
 *
 * Invariants: there is always a certificate for every connection (`certificate-choice.ts`); a
 * new pair replaces the old one only when its files fit each other; connections that exist are never touched.
 */
import { randomBytes } from 'node:crypto'
import type { SecureContext, TLSSocketOptions } from 'node:tls'
import { MailwicketError } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import type { CertificateFiles, MinTls } from '../config/config.ts'
import { chooseCertificates, findUnused, sayUnused } from './certificate-choice.ts'
import { type CertificateFacts, type CertificatePair, formatFacts, readCertificatePair } from './certificate-files.ts'
import { CertificateWatch } from './certificate-watch.ts'
import { makeServerContext } from './secure-context.ts'

export type Offer = Required<Pick<TLSSocketOptions, 'secureContext' | 'SNICallback'>>

export interface CertificatesOptions {
  /** At least one; the first is the default. */
  readonly files: readonly CertificateFiles[]
  readonly log: Log
  /** 48 random bytes, the same in all processes that shall resume each other's sessions; who gives them changes them. */
  readonly ticketKeys?: Buffer | undefined
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
export const TICKET_KEY_MS = DAY_MS / 2

export function makeTicketKeys(): Buffer {
  return randomBytes(48)
}

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
  #pairs: readonly CertificatePair[]
  /** By least version and fingerprints. The next connection gets a new one after a change; connections that exist keep theirs. */
  readonly #contexts = new Map<string, { readonly context: SecureContext; readonly fingerprints: readonly string[] }>()
  readonly #reminder: NodeJS.Timeout
  readonly #rotation: NodeJS.Timeout | undefined
  #reloading: Promise<void> = Promise.resolve()
  #isClosed = false

  /** Use `openCertificates`. */
  constructor(options: CertificatesOptions, pairs: readonly CertificatePair[]) {
    const { log, ticketKeys } = options
    this.#options = options
    this.#log = log
    this.#ticketKeys = ticketKeys ?? makeTicketKeys()
    this.#pairs = pairs
    for (const pair of pairs) this.#announce(pair)
    this.#warnOfUnused()
    this.#watch = this.#startWatch()
    this.#reminder = setInterval(() => this.#remind(), DAY_MS)
    this.#reminder.unref()
    this.#rotation = ticketKeys === undefined ? setInterval(() => this.useTicketKeys(makeTicketKeys()), TICKET_KEY_MS).unref() : undefined
  }

  /** The context for the name that a client asks for (RFC 6066 §3), undefined when it asks for none. */
  contextFor(serverName: string | undefined, minTls: MinTls): SecureContext {
    const chosen = chooseCertificates(this.#pairs, serverName)
    if (chosen.length === 0) throw new MailwicketError('CERTIFICATE_INVALID', { message: 'No certificate is configured.' })
    const fingerprints = chosen.map(fingerprintOf)
    const key = [minTls, ...fingerprints].join(' ')
    const known = this.#contexts.get(key)
    if (known !== undefined) return known.context
    const context = makeServerContext(chosen, minTls, this.#ticketKeys)
    this.#contexts.set(key, { context, fingerprints })
    return context
  }

  /** For a server's TLSSocket: `asked` is the name in the ClientHello as far as it is known before the handshake. */
  offer(asked: string | undefined, minTls: MinTls): Offer {
    const secureContext = this.contextFor(asked, minTls)
    return {
      secureContext,
      SNICallback: (name, choose) => {
        // Of what it is given here Node would take but one certificate, whatever its kind; mostly the name was known before.
        const other = name === asked ? secureContext : this.contextFor(name, minTls)
        choose(null, other === secureContext ? undefined : other)
      },
    }
  }

  list(): readonly CertificateFacts[] {
    return this.#pairs.map(pair => formatFacts(pair))
  }

  /** Whole days until the first of them expires; negative when one has. */
  daysLeft(): number {
    return Math.min(...this.list().map(({ daysLeft }) => daysLeft))
  }

  /** Node takes one key at a time: the tickets of the old one are not accepted any more. */
  useTicketKeys(keys: Buffer): void {
    this.#ticketKeys = keys
    this.#contexts.clear()
  }

  /** Reads all files again. Files that cannot be used are logged and the certificate in use stays. */
  reload(): Promise<void> {
    this.#reloading = this.#reloading.then(async () => {
      for (const pair of this.#pairs) if (!this.#isClosed) await this.#reloadPair(pair)
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
      const before = this.#pairs
      this.#use(pairs)
      this.#watch.close()
      this.#watch = this.#startWatch()
      for (const pair of pairs) if (!before.some(one => isSame(one, pair))) this.#announce(pair)
      this.#warnOfUnused()
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
    const files = this.#pairs.flatMap(({ files }) => [files.cert, files.key])
    return new CertificateWatch({ files, onChange: () => void this.reload(), settleMs, pollMs })
  }

  async #reloadPair(before: CertificatePair): Promise<void> {
    try {
      const pair = await readCertificatePair(before.files)
      this.#use(this.#pairs.map(one => (one === before ? pair : one)))
      if (!isSame(pair, before)) this.#announce(pair)
    } catch (error) {
      const { code, message, cause } = error as MailwicketError
      // What hinders us will pass without a change of the files: they would never be read again.
      if (PASSING.has((cause as NodeJS.ErrnoException | undefined)?.code ?? '')) this.#watch.lookAgain()
      this.#log.error('certificate.failed', {
        cert: before.files.cert,
        key: before.files.key,
        code,
        reason: message,
        inUse: formatFacts(before).fingerprint256,
      })
    }
  }

  #announce(pair: CertificatePair): void {
    const { cert, subject, names, daysLeft, notAfter, fingerprint256, warnings } = formatFacts(pair)
    this.#log.info('certificate.loaded', { cert, subject, names, daysLeft, notAfter: notAfter.toISOString(), fingerprint256 })
    for (const warning of warnings) this.#log.warn('certificate.loaded', { cert, warning })
    this.#remindOf(pair)
  }

  #use(pairs: readonly CertificatePair[]): void {
    this.#pairs = pairs
    const known = new Set(pairs.map(fingerprintOf))
    for (const [key, { fingerprints }] of this.#contexts) if (!fingerprints.every(one => known.has(one))) this.#contexts.delete(key)
  }

  #warnOfUnused(): void {
    for (const { unused, insteadOf } of findUnused(this.#pairs))
      this.#log.warn('certificate.loaded', { cert: unused.files.cert, warning: sayUnused(unused, insteadOf) })
  }

  #remind(): void {
    for (const pair of this.#pairs) this.#remindOf(pair)
  }

  #remindOf(pair: CertificatePair): void {
    const { cert, names, daysLeft, notBefore, notAfter } = formatFacts(pair)
    const lifetimeDays = (notAfter.getTime() - notBefore.getTime()) / DAY_MS
    // Two weeks, or the last quarter of a short life: renewal programs come at a third.
    if (daysLeft < Math.min(14, lifetimeDays / 4)) this.#log.warn('certificate.expires', { cert, names, daysLeft, notAfter: notAfter.toISOString() })
  }
}

function fingerprintOf({ certificate }: CertificatePair): string {
  return certificate.fingerprint256
}

function isSame(one: CertificatePair, other: CertificatePair): boolean {
  return one.files.cert === other.files.cert && one.files.key === other.files.key && one.certPem === other.certPem && one.keyPem === other.keyPem
}
