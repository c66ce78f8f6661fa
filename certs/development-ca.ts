/**
 * A certificate for trying things out, signed by an authority of its own: `init` and `demo` write them.
 *
 * SECURITY: the key of the authority is used once and never written. People put the authority into trust stores; whoever
 * found its key could then pretend to be any web site to them. A new certificate means a new authority.
 * Loads @peculiar/x509, which no other command needs: import this file only where it is used.
 */
import 'reflect-metadata'
import { KeyObject, randomBytes, webcrypto } from 'node:crypto'
import { existsSync, writeFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { join } from 'node:path'
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509CertificateGenerator,
} from '@peculiar/x509'
import { MailwicketError } from '../base/errors.ts'
import { makeFolder } from '../base/files/file-errors.ts'

export interface DevelopmentCertificateOptions {
  /** Made when it is absent. */
  readonly directory: string
  /** Host names and IP addresses that mail apps will use; localhost, 127.0.0.1 and ::1 are always added. */
  readonly hostNames: readonly string[]
}

/** Absolute or relative as `directory` was. */
export interface DevelopmentCertificateFiles {
  /** For apps to trust (`curl --cacert`); 0644. */
  readonly ca: string
  /** For `[[certificate]] cert`; 0644. */
  readonly cert: string
  /** For `[[certificate]] key`; 0600. */
  readonly key: string
}

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const
const DAY_MS = 86_400_000
/** Some clocks are slow. */
const BACKDATED_MS = 3_600_000
const CA_DAYS = 10 * 365
/** What Apple's systems accept at most is 398. */
const LEAF_DAYS = 397

/** Writes `ca.pem`, `fullchain.pem` and `privkey.pem`. Throws ALREADY_EXISTS before it writes anything when one of them is there. */
export async function writeDevelopmentCertificate({ directory, hostNames }: DevelopmentCertificateOptions): Promise<DevelopmentCertificateFiles> {
  const files = { ca: join(directory, 'ca.pem'), cert: join(directory, 'fullchain.pem'), key: join(directory, 'privkey.pem') }
  const present = Object.values(files).filter(file => existsSync(file))
  if (present.length > 0)
    throw new MailwicketError('ALREADY_EXISTS', { message: `${present.join(', ')}: there already; nothing was written.`, remedy: 'Choose another directory.' })
  const { caPem, certPem, keyPem } = await makeDevelopmentCertificate([...new Set([...hostNames, 'localhost', '127.0.0.1', '::1'])])
  makeFolder(directory, 0o755)
  writeFileSync(files.key, keyPem, { flag: 'wx', mode: 0o600 })
  writeFileSync(files.cert, certPem, { flag: 'wx', mode: 0o644 })
  writeFileSync(files.ca, caPem, { flag: 'wx', mode: 0o644 })
  return files
}

async function makeDevelopmentCertificate(names: readonly string[]): Promise<{ caPem: string; certPem: string; keyPem: string }> {
  const [caKeys, leafKeys] = await Promise.all([makeKeys(), makeKeys()])
  const notBefore = new Date(Date.now() - BACKDATED_MS)
  // A name of its own for each authority: two in one trust store must not be taken for one another.
  const caName = [{ CN: [`Mailwicket development authority ${randomBytes(4).toString('hex')}`] }]

  const ca = await X509CertificateGenerator.createSelfSigned({
    serialNumber: makeSerialNumber(),
    name: caName,
    notBefore,
    notAfter: new Date(notBefore.getTime() + CA_DAYS * DAY_MS),
    signingAlgorithm: ALGORITHM,
    keys: caKeys,
    extensions: [
      // RFC 5280 §4.2.1.9: critical in an authority; path length 0, it signs servers only.
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(caKeys.publicKey),
    ],
  })
  const leaf = await X509CertificateGenerator.create({
    serialNumber: makeSerialNumber(),
    subject: [{ CN: ['Mailwicket development server'] }],
    issuer: caName,
    notBefore,
    notAfter: new Date(notBefore.getTime() + LEAF_DAYS * DAY_MS),
    signingAlgorithm: ALGORITHM,
    publicKey: leafKeys.publicKey,
    signingKey: caKeys.privateKey,
    extensions: [
      new BasicConstraintsExtension(false),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
      // RFC 9525 §6.3: names and addresses are looked for here, not in the subject.
      new SubjectAlternativeNameExtension(names.map(name => ({ type: isIP(name) === 0 ? 'dns' : 'ip', value: name }))),
      await SubjectKeyIdentifierExtension.create(leafKeys.publicKey),
      // RFC 5280 §4.2.1.1: strict verifiers demand it of every certificate that is not its own issuer.
      await AuthorityKeyIdentifierExtension.create(caKeys.publicKey),
    ],
  })
  const keyPem = KeyObject.from(leafKeys.privateKey).export({ type: 'pkcs8', format: 'pem' }).toString()
  return { caPem: `${ca.toString('pem')}\n`, certPem: `${leaf.toString('pem')}\n`, keyPem }
}

function makeKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']) as Promise<webcrypto.CryptoKeyPair>
}

/** RFC 5280 §4.1.2.2: positive and at most 20 octets. */
function makeSerialNumber(): string {
  const bytes = randomBytes(16)
  // A first octet from 0x40 to 0x7f: positive, and no leading zeros that DER would not allow.
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40
  return bytes.toString('hex')
}
