/**
 * One certificate and its key, read from their files and found to fit: what is needed to build TLS contexts, and facts for people.
 *
 * Fatal is what would make every handshake fail. What only some clients mind (expired, no names, chain in disorder)
 * is a warning: mail that some can read is better than no mail.
 */
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import { MailwicketError } from '../base/errors.ts'
import { normaliseIp } from '../base/network.ts'
import type { CertificateFiles } from '../config/config.ts'
import { findUnused, sayUnused } from './certificate-choice.ts'
import { makeServerContext } from './secure-context.ts'

export interface CertificateFacts extends CertificateFiles {
  readonly subject: string
  /** Host names and IP addresses that it is for. */
  readonly names: readonly string[]
  readonly notBefore: Date
  readonly notAfter: Date
  /** Whole days; negative once expired. */
  readonly daysLeft: number
  readonly fingerprint256: string
  /** Sentences without a full stop, each naming its file. */
  readonly warnings: readonly string[]
}

export interface CertificatePair {
  readonly files: CertificateFiles
  /** Leaf first, then its chain. */
  readonly certPem: string
  readonly keyPem: string
  /** The leaf. */
  readonly certificate: X509Certificate
  readonly names: readonly string[]
  readonly warnings: readonly string[]
}

const DAY_MS = 86_400_000

/** Reads and matches the two files. Throws CERTIFICATE_INVALID that names the file and what is wrong with it. */
export async function readCertificatePair(files: CertificateFiles): Promise<CertificatePair> {
  const certPem = await readPem(files.cert)
  const keyPem = await readPem(files.key)
  const [certificate, ...chain] = parseChain(files.cert, certPem)
  const key = parseKey(files.key, keyPem)
  if (!certificate.checkPrivateKey(key)) throw invalid(`${files.key} is not the key of the certificate ${files.cert}.`)
  const names = findNames(certificate)
  const warnings = [...(await findKeyWarnings(files.key)), ...findWarnings(files.cert, certificate, chain, names)]
  const pair = { files, certPem, keyPem, certificate, names, warnings }
  tryContext(pair)
  return pair
}

export function formatFacts({ files, certificate, names, warnings }: CertificatePair, now = new Date()): CertificateFacts {
  const { validFromDate: notBefore, validToDate: notAfter } = certificate
  const daysLeft = Math.floor((notAfter.getTime() - now.getTime()) / DAY_MS)
  const expired = daysLeft < 0 ? [`${files.cert} expired on ${notAfter.toISOString().slice(0, 10)}`] : []
  const early = notBefore > now ? [`${files.cert} is not valid before ${notBefore.toISOString()}`] : []
  return {
    ...files,
    subject: certificate.subject?.replaceAll('\n', ', ') ?? '',
    names,
    notBefore,
    notAfter,
    daysLeft,
    fingerprint256: certificate.fingerprint256,
    warnings: [...expired, ...early, ...warnings],
  }
}

export interface CertificateReport {
  readonly files: CertificateFiles
  /** What was found, when the pair can be used. */
  readonly facts: CertificateFacts | undefined
  /** Why the pair cannot be used. */
  readonly problem: string | undefined
}

/** Looks at each pair without using it. Bad files are in the report, not thrown. */
export async function inspectCertificates(files: readonly CertificateFiles[]): Promise<CertificateReport[]> {
  const read = await Promise.all(
    files.map(one =>
      readCertificatePair(one).catch((error: unknown) => {
        if (error instanceof MailwicketError) return error
        throw error
      }),
    ),
  )
  const unused = findUnused(read.filter((one): one is CertificatePair => !(one instanceof Error)))
  return read.map((pair, index) => {
    const one = files[index] as CertificateFiles
    if (pair instanceof Error) return { files: one, facts: undefined, problem: pair.message }
    const facts = formatFacts(pair)
    const more = unused.filter(found => found.unused === pair).map(({ insteadOf }) => sayUnused(pair, insteadOf))
    return { files: one, facts: { ...facts, warnings: [...facts.warnings, ...more] }, problem: undefined }
  })
}

function invalid(message: string, cause?: unknown): MailwicketError {
  return new MailwicketError('CERTIFICATE_INVALID', { message, cause })
}

async function readPem(file: string): Promise<string> {
  const bytes = await readFile(file).catch((error: NodeJS.ErrnoException) => {
    const reason = error.code === 'ENOENT' ? 'does not exist' : error.code === 'EACCES' ? 'cannot be read: permission denied' : `cannot be read: ${error.code}`
    throw invalid(`${file} ${reason}.`, error)
  })
  return bytes.toString('latin1')
}

/** All certificates in a PEM text, in its order. Throws when one of them cannot be parsed. */
export function certificatesIn(pem: string): X509Certificate[] {
  const blocks = pem.match(/-----BEGIN (?:TRUSTED )?CERTIFICATE-----[^-]*-----END (?:TRUSTED )?CERTIFICATE-----/g) ?? []
  return blocks.map(block => new X509Certificate(block))
}

function parseChain(file: string, pem: string): [X509Certificate, ...X509Certificate[]] {
  try {
    const [first, ...rest] = certificatesIn(pem)
    if (first !== undefined) return [first, ...rest]
  } catch (error) {
    throw invalid(`${file} holds a certificate that cannot be parsed.`, error)
  }
  if (/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(pem)) throw invalid(`${file} holds a private key and no certificate; are cert and key exchanged?`)
  throw invalid(`${file} is not PEM: there is no "-----BEGIN CERTIFICATE-----" in it.`)
}

function parseKey(file: string, pem: string): KeyObject {
  if (/-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED/m.test(pem))
    throw invalid(`${file} needs a passphrase; store the key without one and protect the file.`)
  if (!/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(pem)) {
    const hint = pem.includes('-----BEGIN CERTIFICATE-----')
      ? 'it holds a certificate; are cert and key exchanged?'
      : 'there is no "-----BEGIN PRIVATE KEY-----" in it.'
    throw invalid(`${file} is not a private key in PEM: ${hint}`)
  }
  try {
    return createPrivateKey(pem)
  } catch (error) {
    throw invalid(`${file} holds a private key that cannot be parsed.`, error)
  }
}

/** What OpenSSL refuses (a key too short, a weak signature) would otherwise show at the first handshake. */
function tryContext(pair: CertificatePair): void {
  try {
    makeServerContext([pair], '1.2', undefined)
  } catch (error) {
    throw invalid(`${pair.files.cert} or ${pair.files.key} is refused by OpenSSL: ${(error as Error).message}.`, error)
  }
}

/** The names of the certificate; the common name only where there are no others, as clients once did. */
function findNames(certificate: X509Certificate): string[] {
  // Node writes "DNS:a.example, IP Address:192.0.2.1", and a name with odd characters as a JSON string.
  const entries = [...(certificate.subjectAltName ?? '').matchAll(/(?:^|, )(DNS|IP Address):("(?:[^"\\]|\\.)*"|[^,]*)/g)]
  const names = entries.map(([, , name = '']) => normaliseIp(name.startsWith('"') ? String(JSON.parse(name)) : name).toLowerCase())
  if (names.length > 0) return names
  const commonName = /^CN=(.*)$/m.exec(certificate.subject ?? '')?.[1]
  return commonName === undefined ? [] : [commonName.toLowerCase()]
}

async function findKeyWarnings(file: string): Promise<string[]> {
  const { mode } = await stat(file)
  // The group may read it (Debian's ssl-cert group does); everybody may not.
  return (mode & 0o007) === 0 ? [] : [`${file} can be read by every user of this machine: run chmod o-rwx on it`]
}

function findWarnings(file: string, certificate: X509Certificate, chain: readonly X509Certificate[], names: readonly string[]): string[] {
  const warnings: string[] = []
  if (certificate.subjectAltName === undefined) warnings.push(`${file} has no subject alternative names: today’s apps will not accept it`)
  else if (names.length === 0) warnings.push(`${file} is for no host name`)
  if (certificate.ca) warnings.push(`${file} begins with the certificate of an authority, which cannot stand for a server with some apps`)
  const all = [certificate, ...chain]
  const isBroken = chain.some((issuer, at) => !all[at]?.checkIssued(issuer))
  if (isBroken) warnings.push(`${file} has its chain in another order than leaf, issuer, issuer’s issuer`)
  return warnings
}
