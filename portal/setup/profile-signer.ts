/**
 * Who signs profiles: the certificate of `[portal] profile_certificate`. Its files are read for each profile, so that a renewed one needs no reload; when
 * they are no longer good, the last that was good goes on.
 */
import { MailwicketError } from '../../base/errors.ts'
import type { Log } from '../../base/log.ts'
import { type CertificatePair, readCertificatePair } from '../../certs/certificate-files.ts'
import type { CertificateFiles } from '../../config/config.ts'
import { canSign, signData } from './signed-data.ts'

export interface ProfileSigner {
  /** Whom the phone will name: the common name of the certificate, or the first name that it is for. */
  readonly name: string
  sign(profile: string): Promise<Uint8Array<ArrayBuffer>>
}

/** Throws CERTIFICATE_INVALID. */
export async function openProfileSigner(files: CertificateFiles, log: Log): Promise<ProfileSigner> {
  let pair = await readPair(files)
  return {
    get name() {
      return nameIn(pair)
    },
    async sign(profile) {
      try {
        pair = await readPair(files)
      } catch (error) {
        const { code, message } = error as Error & { code?: string }
        log.error('certificate.failed', { ...files, code, reason: message, inUse: pair.certificate.fingerprint256 })
      }
      return signData(profile, pair)
    },
  }
}

async function readPair(files: CertificateFiles): Promise<CertificatePair> {
  const pair = await readCertificatePair(files)
  if (canSign(pair.certificate.publicKey)) return pair
  throw new MailwicketError('CERTIFICATE_INVALID', {
    message: `${files.key} cannot sign profiles: Apple's systems take RSA and ECDSA (P-256, P-384, P-521) only.`,
  })
}

function nameIn({ certificate, names }: CertificatePair): string {
  return /^CN=(.+)$/m.exec(certificate.subject ?? '')?.[1] ?? names[0] ?? 'a certificate without a name'
}
