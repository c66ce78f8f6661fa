/**
 * Can apps go around the gateway? Looks for mail servers that take logins and are not this gateway: at the upstreams, on this machine, and
 * where the names of the mail domains lead.
 *
 * It sees what this machine sees, and says so: a firewall that lets only the gateway through looks open from the gateway.
 */
import { lookup, Resolver } from 'node:dns/promises'
import { networkInterfaces } from 'node:os'
import { isInNetworks, normaliseIp, parseCidr } from '../../base/network.ts'
import type { Config } from '../../config/config.ts'
import { doubtful, type Finding, good } from './check-finding.ts'
import { listMailDomains } from './mail-domains.ts'
import { askForLogin, LOGIN_SERVICES, type LoginAnswer, type LoginService } from './open-login-ports.ts'

const CHECK = 'way around'

/** Not reachable from the internet: RFC 1918, 6598, 3927, 4193, 4291; loopback and “this host”. */
const PRIVATE = [
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '100.64.0.0/10',
  '169.254.0.0/16',
  '127.0.0.0/8',
  '0.0.0.0/8',
  '::1/128',
  '::/128',
  'fc00::/7',
  'fe80::/10',
].map(parseCidr)
const LOOPBACK = ['127.0.0.0/8', '::1/128'].map(parseCidr)

/** How mail servers are called, and how RFC 6186 finds them. */
const USUAL_NAMES = ['', 'mail.', 'imap.', 'smtp.', 'pop.', 'mx.']
const SERVICES = ['_imap._tcp.', '_imaps._tcp.', '_pop3s._tcp.', '_submission._tcp.', '_submissions._tcp.']

const ATTEMPTS_AT_ONCE = 128
const DNS_TIMEOUT_MS = 2_000

/** What the check asks of the world; tests bring their own. */
export interface Surroundings {
  /** As this machine resolves a configured host; [] when it does not. */
  lookUp(host: string): Promise<readonly string[]>
  /** A and AAAA in DNS; [] when there is none. */
  resolve(name: string): Promise<readonly string[]>
  /** MX and SRV targets of a mail domain. */
  mailHosts(domain: string): Promise<readonly string[]>
  ownAddresses(): readonly string[]
  isPublic(address: string): boolean
  readonly services: readonly LoginService[]
}

interface Place {
  /** Why it was looked at. */
  readonly kind: 'upstream' | 'own' | 'name'
  readonly names: Set<string>
}

interface Hole {
  readonly service: LoginService
  readonly from: string
}

export async function checkBypass(config: Config, around: Surroundings = openSurroundings()): Promise<Finding[]> {
  const upstreams = await findUpstreamAddresses(config, around)
  const places = await findPlaces(config, upstreams, around)
  const findings: Finding[] = []
  const found = await findHoles(places, around.services)
  for (const [address, place] of [...places].sort(([a], [b]) => a.localeCompare(b))) {
    const holes = found.get(address)
    if (holes !== undefined) findings.push(describe(config, address, place, holes))
  }
  return findings.length > 0 ? findings : [describeNone(places, upstreams, around)]
}

async function findUpstreamAddresses({ upstreams }: Config, around: Surroundings): Promise<Map<string, Set<string>>> {
  const hosts = new Set(upstreams.flatMap(({ imap, submission }) => [imap, submission].flatMap(endpoint => endpoint?.host ?? [])))
  const found = new Map<string, Set<string>>()
  await Promise.all([...hosts].map(async host => addAll(found, await around.lookUp(host), host)))
  return found
}

/** Every public address to look at, and every one of this machine's own. */
async function findPlaces(config: Config, upstreams: Map<string, Set<string>>, around: Surroundings): Promise<Map<string, Place>> {
  const named = new Map<string, Set<string>>()
  const names = new Set([config.hostname])
  await Promise.all(
    listMailDomains(config).map(async domain => {
      for (const usual of USUAL_NAMES) names.add(`${usual}${domain}`)
      for (const host of await around.mailHosts(domain)) names.add(host)
    }),
  )
  await Promise.all([...names].map(async name => addAll(named, await around.resolve(name), name)))
  const own = new Set(around.ownAddresses())
  const places = new Map<string, Place>()
  for (const address of own) places.set(address, { kind: 'own', names: new Set() })
  for (const [kind, addresses] of [
    ['upstream', upstreams],
    ['name', named],
  ] as const) {
    for (const [address, called] of addresses) {
      const known = places.get(address)
      if (known !== undefined) for (const name of called) known.names.add(name)
      else if (around.isPublic(address)) places.set(address, { kind, names: new Set(called) })
    }
  }
  return places
}

function addAll(to: Map<string, Set<string>>, addresses: readonly string[], name: string): void {
  for (const address of addresses) to.set(address, (to.get(address) ?? new Set()).add(name))
}

async function findHoles(places: ReadonlyMap<string, Place>, services: readonly LoginService[]): Promise<Map<string, Hole[]>> {
  const attempts = [...places].flatMap(([address, { names }]) => services.map(service => ({ address, service, name: names.values().next().value })))
  const holes = new Map<string, Hole[]>()
  for (let at = 0; at < attempts.length; at += ATTEMPTS_AT_ONCE) {
    const part = attempts.slice(at, at + ATTEMPTS_AT_ONCE)
    const answers = await Promise.all(part.map(({ address, name, service }) => askForLogin(address, name, service)))
    part.forEach(({ address, service }, index) => {
      const answer: LoginAnswer | undefined = answers[index]
      if (answer !== undefined && !answer.isGateway) holes.set(address, [...(holes.get(address) ?? []), { service, from: answer.from }])
    })
  }
  return holes
}

function describe(config: Config, address: string, { kind, names }: Place, holes: readonly Hole[]): Finding {
  const takes = holes.map(({ service }) => `${service.protocol === 'SMTP' ? 'SMTP with AUTH' : service.protocol} ${service.port}`).join(', ')
  const called = [...names].sort().join(', ')
  const where = called === '' ? address : `${address} (${called})`
  const ports = holes.map(({ service }) => service.port).join(', ')
  const family = address.includes(':') ? 'ip6' : 'ip'
  if (kind === 'own') {
    return doubtful(
      CHECK,
      `At this machine's address ${where} another server than Mailwicket takes logins: ${takes}.`,
      `Let it listen on 127.0.0.1 only, or close the ports to all others, for example:\nnft insert rule inet filter input iifname != "lo" tcp dport '{ ${ports} }' drop`,
    )
  }
  const from = holes[0]?.from ?? ''
  const rule = `nft insert rule inet filter input tcp dport '{ ${ports} }' ${family} saddr != ${normaliseIp(from)} drop`
  const unseen = 'Whether others than this machine get through cannot be seen from here.'
  if (kind === 'upstream') {
    return doubtful(
      CHECK,
      `The upstream has the public address ${where} and takes logins there: ${takes}. ${unseen}`,
      `Let only this machine in; on the server, for example:\n${rule}\nIf the server is not yours to close: see that nobody but the gateway knows its passwords.`,
    )
  }
  const isOurName = names.has(config.hostname)
  return doubtful(
    CHECK,
    `At ${where} another server than Mailwicket takes logins: ${takes}. ${unseen}`,
    isOurName
      ? `${config.hostname} leads there and not to this gateway: change it in DNS when you move.`
      : `If these logins open the same mailboxes, let only this machine in; on that server, for example:\n${rule}`,
  )
}

function describeNone(places: ReadonlyMap<string, Place>, upstreams: ReadonlyMap<string, unknown>, around: Surroundings): Finding {
  const looked = places.size === 0 ? 'no public address was found to look at' : `looked at ${[...places.keys()].sort().join(', ')}`
  const inner = [...upstreams.keys()].filter(address => !around.isPublic(address) && !isInNetworks(address, LOOPBACK) && !places.has(address))
  const unseen = inner.length === 0 ? '' : ` Whether apps of the inner network reach ${inner.join(', ')} cannot be seen from here.`
  return good(CHECK, `Nobody but the gateway takes logins, as far as this machine can see (${looked}).${unseen}`)
}

function openSurroundings(): Surroundings {
  const dns = new Resolver({ timeout: DNS_TIMEOUT_MS, tries: 1 })
  const targets = async (answer: Promise<readonly string[]>): Promise<readonly string[]> => {
    try {
      return await answer
    } catch {
      // Most of these names do not exist; a resolver that is down shows in the lines of the upstreams.
      return []
    }
  }
  return {
    services: LOGIN_SERVICES,
    lookUp: host => targets(lookup(host, { all: true }).then(found => found.map(({ address }) => normaliseIp(address)))),
    resolve: async name => (await Promise.all([targets(dns.resolve4(name)), targets(dns.resolve6(name))])).flat().map(normaliseIp),
    mailHosts: async domain => {
      const mx = targets(dns.resolveMx(domain).then(found => found.map(({ exchange }) => exchange)))
      const srv = SERVICES.map(service => targets(dns.resolveSrv(`${service}${domain}`).then(found => found.map(({ name }) => name))))
      return (await Promise.all([mx, ...srv])).flat().filter(name => name !== '' && name !== '.')
    },
    // A link-local address needs its zone to connect; who is on that link reaches the others too.
    ownAddresses: () =>
      Object.values(networkInterfaces()).flatMap(list =>
        (list ?? []).filter(one => !one.internal && !one.address.startsWith('fe80')).map(one => normaliseIp(one.address)),
      ),
    isPublic: address => !isInNetworks(address, PRIVATE),
  }
}
