/** For tests: self-signed certificates with the names and dates that a test asks for, and a folder to put them in. */
import 'reflect-metadata'
import { KeyObject, webcrypto } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BasicConstraintsExtension, SubjectAlternativeNameExtension, X509CertificateGenerator } from '@peculiar/x509'
import type { LogEvent, LogFields } from '../base/log.ts'
import { type Log, silentLog } from '../base/log.ts'
import type { CertificateFiles } from '../config/config.ts'

export interface Pem {
  readonly cert: string
  readonly key: string
}

export interface PemOptions {
  readonly names: readonly string[]
  /** Default: 90 days from now. */
  readonly notAfter?: Date
  /** Default: EC P-256. */
  readonly rsaBits?: number
}

export async function makePem({ names, notAfter, rsaBits }: PemOptions): Promise<Pem> {
  const algorithm =
    rsaBits === undefined
      ? { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
      : { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256', modulusLength: rsaBits, publicExponent: new Uint8Array([1, 0, 1]) }
  const keys = (await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])) as webcrypto.CryptoKeyPair
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: [{ CN: [names[0] ?? 'no name'] }],
    notBefore: new Date('2020-01-01T00:00:00Z'),
    notAfter: notAfter ?? new Date(Date.now() + 90 * 86_400_000),
    signingAlgorithm: algorithm,
    keys,
    extensions: [
      new BasicConstraintsExtension(false),
      ...(names.length === 0 ? [] : [new SubjectAlternativeNameExtension(names.map(value => ({ type: 'dns', value })))]),
    ],
  })
  return { cert: certificate.toString('pem'), key: KeyObject.from(keys.privateKey).export({ type: 'pkcs8', format: 'pem' }).toString() }
}

/** A folder that is removed when the test lets go of it. */
export class Folder implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), 'mailwicket-certs-'))

  write(name: string, pem: Pem): CertificateFiles {
    const files = { cert: join(this.path, `${name}.pem`), key: join(this.path, `${name}.key`) }
    writeFileSync(files.cert, pem.cert)
    writeFileSync(files.key, pem.key, { mode: 0o600 })
    return files
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true })
  }
}

/** A log whose lines a test can wait for. */
export function openRecordingLog(): { log: Log; lines: { event: LogEvent; fields: LogFields }[]; waitFor(event: LogEvent): Promise<LogFields> } {
  const lines: { event: LogEvent; fields: LogFields }[] = []
  const waiting: { event: LogEvent; resolve(fields: LogFields): void }[] = []
  const record = (event: LogEvent, fields: LogFields = {}) => {
    lines.push({ event, fields })
    for (const one of waiting) if (one.event === event) one.resolve(fields)
  }
  const log: Log = { ...silentLog, debug: record, info: record, warn: record, error: record, with: () => log }
  return { log, lines, waitFor: event => new Promise(resolve => waiting.push({ event, resolve })) }
}
