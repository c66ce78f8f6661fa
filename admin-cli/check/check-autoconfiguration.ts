/**
 * Do mail apps find the settings of the domains? Looks for the records that `dns` prints. What is missing is a warning: apps can be set up by hand.
 */
import { Resolver } from 'node:dns/promises'
import { domainToUnicode } from 'node:url'
import type { Config } from '../../config/config.ts'
import { autoconfigurationRecords, type DnsRecord } from '../../management/mailboxes/autoconfiguration-records.ts'
import { doubtful, type Finding, good } from './check-finding.ts'
import { listMailDomains } from './mail-domains.ts'

const CHECK = 'autoconfiguration'
const DNS_TIMEOUT_MS = 2_000

/** What DNS says; [] where there is none. Throws when nobody answers. */
export interface Zones {
  resolve(name: string): Promise<readonly string[]>
  srv(name: string): Promise<readonly { readonly name: string; readonly port: number }[]>
  txt(name: string): Promise<readonly string[]>
}

/** Nothing without [portal]: then nobody tells apps anything, and the gateway is found as it always was. */
export async function checkAutoconfiguration(config: Config, zones: Zones = openZones()): Promise<Finding[]> {
  if (config.portal === undefined) return []
  return Promise.all(listMailDomains(config).map(domain => checkDomain(config, domain, zones)))
}

async function checkDomain(config: Config, domain: string, zones: Zones): Promise<Finding> {
  const shown = domainToUnicode(domain) || domain
  const records = autoconfigurationRecords(config, domain)
  try {
    const found = await Promise.all(records.map(record => isThere(record, zones)))
    const missing = records.filter((_, at) => found[at] === false).map(({ name, type }) => `${type} ${name}`)
    if (missing.length === 0) return good(CHECK, `Mail apps find the settings of ${shown} by themselves.`)
    return doubtful(
      CHECK,
      `For ${shown} these records are missing or lead elsewhere: ${missing.join(', ')}.`,
      `Without them some mail apps do not find the settings by themselves, or find those of another server. Print them: mailwicket dns ${domain}`,
    )
  } catch (error) {
    return doubtful(CHECK, `The records of ${shown} could not be looked up: ${(error as Error).message}.`, 'See whether this machine reaches a DNS resolver.')
  }
}

/** A name may also lead to the portal by an address of its own. */
async function isThere({ name, type, value, target = '' }: DnsRecord, zones: Zones): Promise<boolean> {
  if (type === 'TXT') return (await zones.txt(name)).some(text => `"${text}"` === value)
  if (type === 'SRV') return (await zones.srv(name)).some(one => one.name.toLowerCase() === target && value.split(' ')[2] === String(one.port))
  const [own, wanted] = await Promise.all([zones.resolve(name), zones.resolve(target)])
  return own.some(address => wanted.includes(address))
}

/** Codes of c-ares that say that there is no such record. */
const NONE: ReadonlySet<string> = new Set(['ENOTFOUND', 'ENODATA'])

function openZones(): Zones {
  const dns = new Resolver({ timeout: DNS_TIMEOUT_MS, tries: 1 })
  const orNone = async <T>(answer: Promise<readonly T[]>): Promise<readonly T[]> => {
    try {
      return await answer
    } catch (error) {
      if (NONE.has((error as NodeJS.ErrnoException).code ?? '')) return []
      throw error
    }
  }
  return {
    resolve: async name => (await Promise.all([orNone(dns.resolve4(name)), orNone(dns.resolve6(name))])).flat(),
    srv: name => orNone(dns.resolveSrv(name)),
    // RFC 7208 §3.3: a record of several strings is read as one.
    txt: async name => (await orNone(dns.resolveTxt(name))).map(parts => parts.join('')),
  }
}
