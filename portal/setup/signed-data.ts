/** Signed data (RFC 5652) around a text, as Apple's systems take profiles. The one adapter of pkijs and asn1js. */
import { createPrivateKey, type KeyObject, webcrypto } from 'node:crypto'
import { fromBER, ObjectIdentifier, OctetString, UTCTime } from 'asn1js'
import { Attribute, Certificate, ContentInfo, EncapsulatedContentInfo, IssuerAndSerialNumber, SignedAndUnsignedAttributes, SignedData, SignerInfo } from 'pkijs'
import { type CertificatePair, certificatesIn } from '../../certs/certificate-files.ts'

const DIGEST = 'SHA-256'
/** RFC 5652 §11.1, §11.2, §11.3: what a signer signs besides the text: what it is, its digest, and when. */
const [CONTENT_TYPE, MESSAGE_DIGEST, SIGNING_TIME] = ['1.2.840.113549.1.9.3', '1.2.840.113549.1.9.4', '1.2.840.113549.1.9.5']

/** DER, with the text and the whole chain in it. `pair` has a key on a NIST curve or an RSA key. */
export async function signData(text: string, { certPem, keyPem }: Pick<CertificatePair, 'certPem' | 'keyPem'>): Promise<Uint8Array<ArrayBuffer>> {
  const content = new TextEncoder().encode(text)
  const certificates = chainOf(certPem)
  const [leaf] = certificates
  if (leaf === undefined) throw new Error('a certificate pair without a certificate')
  const digest = await webcrypto.subtle.digest(DIGEST, content)
  const attributes = [
    new Attribute({ type: CONTENT_TYPE, values: [new ObjectIdentifier({ value: ContentInfo.DATA })] }),
    new Attribute({ type: SIGNING_TIME, values: [new UTCTime({ valueDate: new Date() })] }),
    new Attribute({ type: MESSAGE_DIGEST, values: [new OctetString({ valueHex: digest })] }),
  ]
  const signed = new SignedData({
    version: 1,
    encapContentInfo: new EncapsulatedContentInfo({ eContentType: ContentInfo.DATA, eContent: new OctetString({ valueHex: content.buffer }) }),
    signerInfos: [
      new SignerInfo({
        version: 1,
        sid: new IssuerAndSerialNumber({ issuer: leaf.issuer, serialNumber: leaf.serialNumber }),
        signedAttrs: new SignedAndUnsignedAttributes({ type: 0, attributes }),
      }),
    ],
    certificates,
  })
  await signed.sign(await importKey(keyPem), 0, DIGEST)
  return new Uint8Array(new ContentInfo({ contentType: ContentInfo.SIGNED_DATA, content: signed.toSchema(true) }).toSchema().toBER(false))
}

function chainOf(pem: string): Certificate[] {
  return certificatesIn(pem).map(({ raw }) => new Certificate({ schema: fromBER(new Uint8Array(raw).buffer).result }))
}

function importKey(pem: string): Promise<webcrypto.CryptoKey> {
  const key = createPrivateKey(pem)
  const { namedCurve } = key.asymmetricKeyDetails ?? {}
  const curve = namedCurve === undefined ? undefined : CURVES[namedCurve]
  const algorithm = curve === undefined ? { name: 'RSASSA-PKCS1-v1_5', hash: DIGEST } : { name: 'ECDSA', namedCurve: curve }
  return webcrypto.subtle.importKey('pkcs8', key.export({ type: 'pkcs8', format: 'der' }), algorithm, false, ['sign'])
}

/** Apple's systems take RSA and NIST's curves. */
export function canSign({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): boolean {
  return asymmetricKeyType === 'rsa' || (asymmetricKeyDetails?.namedCurve ?? '') in CURVES
}

/** OpenSSL's names for NIST's. */
const CURVES: Readonly<Record<string, string>> = { prime256v1: 'P-256', secp384r1: 'P-384', secp521r1: 'P-521' }
