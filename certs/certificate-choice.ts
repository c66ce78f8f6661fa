/**
 * Which of the configured certificates a client gets: those for the name that it asks for, one of each kind of key. Of these OpenSSL takes the
 * one that the client can verify: an old printer knows RSA only, and ECDSA costs us less.
 */
import type { X509Certificate } from 'node:crypto'
import type { CertificateFiles } from '../config/config.ts'

interface Named {
  readonly files: CertificateFiles
  readonly certificate: X509Certificate
  readonly names: readonly string[]
}

/** Exact name, then a wildcard of one label, then the first of all and those that share a name with it. Empty only when there are none. */
export function chooseCertificates<Pair extends Named>(pairs: readonly Pair[], serverName: string | undefined): Pair[] {
  const name = serverName?.toLowerCase().replace(/\.$/, '')
  // RFC 9525 §6.3: a wildcard stands for the whole leftmost label and for that one only.
  const wildcard = name?.replace(/^[^.]+/, '*')
  const found = [name, wildcard].map(wanted => pairs.filter(pair => wanted !== undefined && pair.names.includes(wanted))).find(fit => fit.length > 0)
  return firstOfEachKind(found ?? pairs.filter(pair => pair === pairs[0] || sharesName(pair, pairs[0])))
}

/** Pairs that no client ever gets, and the one that it gets in their place. */
export function findUnused<Pair extends Named>(pairs: readonly Pair[]): { readonly unused: Pair; readonly insteadOf: Pair }[] {
  const used = new Set([undefined, ...pairs.flatMap(pair => pair.names)].flatMap(name => chooseCertificates(pairs, name)))
  return pairs.flatMap(unused => {
    const insteadOf = used.has(unused) ? undefined : (pairs.find(pair => used.has(pair) && sharesName(pair, unused)) ?? pairs[0])
    return insteadOf === undefined ? [] : [{ unused, insteadOf }]
  })
}

/** For people, without a full stop. */
export function sayUnused(unused: Named, insteadOf: Named): string {
  return `${unused.files.cert} is used for nobody: ${insteadOf.files.cert} stands before it with the same kind of key and is for its names too`
}

/** OpenSSL holds one certificate of each kind of key in a context. */
function firstOfEachKind<Pair extends Named>(pairs: readonly Pair[]): Pair[] {
  const kinds = pairs.map(({ certificate }) => certificate.publicKey.asymmetricKeyType)
  return pairs.filter((_, index) => kinds.indexOf(kinds[index]) === index)
}

function sharesName(one: Named, other: Named | undefined): boolean {
  return one.names.some(name => other?.names.includes(name))
}
