/** Is there a certificate for every name by which browsers and mail apps reach the portal, and one that signs profiles? Behind a proxy the first is the proxy's. */
import type { Config } from '../../config/config.ts'
import { autoconfigurationRecords } from '../../management/mailboxes/autoconfiguration-records.ts'
import { covers } from './check-certificates.ts'
import { doubtful, type Finding, good } from './check-finding.ts'
import { listMailDomains } from './mail-domains.ts'

export async function checkPortalCertificates(config: Config): Promise<Finding[]> {
  const { portal, certificates } = config
  if (portal === undefined) return []
  const { inspectCertificates } = await import('../../certs/certificate-files.ts')
  const findings: Finding[] = []
  if (portal.tls === 'implicit') {
    const names = (await inspectCertificates(certificates)).flatMap(({ facts }) => facts?.names ?? [])
    const hosts = listMailDomains(config).flatMap(domain =>
      autoconfigurationRecords(config, domain).flatMap(({ name, type }) => (type === 'CNAME' ? name : [])),
    )
    const bare = [new URL(portal.url).hostname, ...hosts].filter(host => !names.some(name => covers(name, host)))
    if (bare.length > 0)
      findings.push(
        doubtful(
          'portal',
          `No certificate is for ${bare.join(', ')}.`,
          'Browsers and mail apps refuse to connect there: add a [[certificate]] for these names.',
        ),
      )
  }
  if (portal.profileCertificate === undefined) return findings
  const [report] = await inspectCertificates([portal.profileCertificate])
  const { facts, problem } = report ?? {}
  const check = 'profile certificate'
  if (facts === undefined)
    return [...findings, { check, status: 'fail', message: problem ?? 'It cannot be read.', advice: 'Correct [portal] profile_certificate.' }]
  if (facts.daysLeft < 0)
    return [...findings, doubtful(check, `It expired ${-facts.daysLeft} days ago.`, 'Renew it: Apple’s devices call profiles signed by it not verified.')]
  return [...findings, good(check, `It signs profiles for ${facts.daysLeft} more days.`)]
}
