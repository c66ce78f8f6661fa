/**
 * Are the certificates usable, do they cover the name mail apps connect to, and how long are they good?
 */

import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Config } from '../../config/config.ts'
import { doubtful, type Finding, good } from './check-finding.ts'

/** Certificates that renew themselves do it about 30 days before their end; two weeks left means that it did not work. */
const WARN_DAYS = 14

export async function checkCertificates(config: Config): Promise<Finding[]> {
  const { inspectCertificates } = await import('../../certs/certificate-files.ts')
  const reports = await inspectCertificates(config.certificates)
  const findings = reports.flatMap(({ files, facts, problem }): Finding[] => {
    const check = `certificate ${files.cert}`
    if (problem !== undefined || facts === undefined)
      return [
        { check, status: 'fail', message: problem ?? 'It cannot be read.', advice: 'Put a usable certificate and its key there, or correct [[certificate]].' },
      ]
    const { daysLeft, names, warnings } = facts

    const state =
      daysLeft < 0
        ? { check, status: 'fail' as const, message: `It expired ${-daysLeft} days ago.`, advice: 'Renew it; the gateway reads it again by itself.' }
        : daysLeft < WARN_DAYS
          ? doubtful(check, `It expires in ${daysLeft} days.`, 'Renew it, and see why it was not renewed by itself.')
          : good(check, `It is good for ${daysLeft} more days and for ${names.join(', ')}.`)
    return [state, ...warnings.map(warning => doubtful(check, warning, 'Correct the files of [[certificate]].'))]
  })
  const names = reports.flatMap(({ facts }) => facts?.names ?? [])
  if (names.length > 0 && !names.some(name => covers(name, config.hostname))) {
    findings.push({
      check: 'certificate',
      status: 'fail',
      message: `No certificate is for ${config.hostname}, the hostname of the configuration.`,
      advice: `Mail apps would refuse the connection. Get a certificate for ${config.hostname}, or correct hostname.`,
    })
  }
  if (config.certificates.some(({ cert }) => isDevelopmentCertificate(cert))) {
    findings.push(
      doubtful(
        'certificate',
        'It is the development certificate that `mailwicket init` made; no app trusts it by itself.',
        'For daily use put one from Let’s Encrypt or your own authority in [[certificate]].',
      ),
    )
  }
  return findings
}

/** The authority that `init` writes beside its certificate. */
export function isDevelopmentCertificate(cert: string): boolean {
  return existsSync(join(dirname(cert), 'ca.pem'))
}

/** RFC 9525 §6.3: a wildcard stands for exactly one label, the first. */
export function covers(name: string, hostname: string): boolean {
  const [wanted, host] = [name.toLowerCase(), hostname.toLowerCase()]
  if (!wanted.startsWith('*.')) return wanted === host
  const dot = host.indexOf('.')
  return dot > 0 && host.slice(dot) === wanted.slice(1)
}
