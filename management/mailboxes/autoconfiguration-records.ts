/**
 * The DNS records by which mail apps find the settings of a domain: where the portal tells them, and where the services are. `dns` prints them, `check`
 * looks whether they are there.
 */
import type { Config } from '../../config/config.ts'
import { listAppSettings } from './app-settings.ts'
import { paccDigest, paccDocument } from './pacc.ts'

export interface DnsRecord {
  /** Without a final dot. */
  readonly name: string
  readonly type: 'CNAME' | 'SRV' | 'TXT'
  /** As a zone file has it after the type. */
  readonly value: string
  /** The host that it leads to, without a final dot; undefined: none. */
  readonly target: string | undefined
}

/** Without [portal] only where the services are. `domain` is as configurations have it: ASCII, in lower case. */
export function autoconfigurationRecords(config: Config, domain: string): readonly DnsRecord[] {
  return [...portalRecords(config, domain), ...serviceRecords(config, domain)]
}

function portalRecords(config: Config, domain: string): readonly DnsRecord[] {
  if (config.portal === undefined) return []
  const { hostname, port } = new URL(config.portal.url)
  const document = paccDocument(config)
  const pacc = document === undefined ? [] : ['ua-auto-config']
  const names = ['autoconfig', 'autodiscover', ...pacc].map(name => `${name}.${domain}`)
  return [
    // The portal may have one of these names itself.
    ...names.filter(name => name !== hostname).map(name => ({ name, type: 'CNAME', value: `${hostname}.`, target: hostname }) as const),
    ...(document === undefined ? [] : [{ name: `_ua-auto-config.${domain}`, type: 'TXT', value: `"${paccDigest(document)}"`, target: undefined } as const]),
    srv(`_autodiscover._tcp.${domain}`, port === '' ? 443 : Number(port), hostname),
  ]
}

/** RFC 6186 §3.1, §3.2: where submission and IMAP are; RFC 8314 §5.1: `_submissions` for the one with TLS from the first byte. */
const SERVICES = {
  imap: { implicit: '_imaps', starttls: '_imap' },
  submission: { implicit: '_submissions', starttls: '_submission' },
} as const

function serviceRecords(config: Config, domain: string): readonly DnsRecord[] {
  return listAppSettings(config, '', ['imap', 'smtp']).flatMap(({ protocol, security, port, server }) =>
    // TLS from the first byte is preferred: the lower number.
    port === null ? [] : [srv(`${SERVICES[protocol][security]}._tcp.${domain}`, port, server, security === 'implicit' ? 0 : 10)],
  )
}

const srv = (name: string, port: number, target: string, priority = 0): DnsRecord => ({ name, type: 'SRV', value: `${priority} 1 ${port} ${target}.`, target })

/** Lines for a zone file, in columns. */
export function formatZone(records: readonly DnsRecord[]): string {
  const widest = Math.max(0, ...records.map(({ name }) => name.length + 1))
  return records.map(({ name, type, value }) => `${`${name}.`.padEnd(widest)}  3600  IN  ${type.padEnd(5)}  ${value}\n`).join('')
}
