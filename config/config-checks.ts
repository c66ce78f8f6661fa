/**
 * What one key alone cannot tell: names given twice, a domain in two upstreams, the keys that a way of logging in needs.
 * Each check returns its problems; a key that is wrong in itself is left out, its problem is known.
 */

import type { Endpoint } from '../base/network.ts'
import { formatEndpoint, isInNetworks, parseCidr } from '../base/network.ts'
import type { Keys, ValuesOf } from './config-kinds.ts'
import type { Problem } from './config-problems.ts'
import type {
  ADMIN_KEYS,
  CERTIFICATE_KEYS,
  LIMITS_KEYS,
  LISTEN_KEYS,
  PASSWORDS_KEYS,
  PORTAL_KEYS,
  STORE_KEYS,
  TOP_KEYS,
  UPSTREAM_AUTH_KEYS,
  UPSTREAM_KEYS,
} from './config-table.ts'

/** Keys that are wrong are left out. */
type Part<SomeKeys extends Keys> = Partial<ValuesOf<SomeKeys>>

/** The file's sections as far as they are right; undefined: absent. */
export interface Sections {
  readonly top: Part<typeof TOP_KEYS>
  readonly store: Part<typeof STORE_KEYS> | undefined
  readonly passwords: Part<typeof PASSWORDS_KEYS> | undefined
  readonly limits: Part<typeof LIMITS_KEYS>
  readonly certificates: readonly Part<typeof CERTIFICATE_KEYS>[]
  readonly listen: readonly Part<typeof LISTEN_KEYS>[]
  readonly upstreams: readonly Part<typeof UPSTREAM_KEYS>[]
  readonly admin: Part<typeof ADMIN_KEYS> | undefined
  readonly portal: Part<typeof PORTAL_KEYS> | undefined
}

/** Problems beyond the `known` ones; a check is left out where a known problem would be its cause. */
export function checkTogether(sections: Sections, known: readonly Problem[]): Problem[] {
  const isKnown = (prefix: string) => known.some(({ key }) => key.startsWith(prefix))
  return [
    ...checkAddresses(sections),
    ...checkCertificates(sections),
    ...checkUpstreamNames(sections),
    ...sections.upstreams.flatMap((upstream, index) => checkServers(upstream, `upstream[${index}]`, isKnown)),
    ...sections.upstreams.flatMap(({ allow_unauthenticate, forward_client }, index) =>
      // SECURITY: after UNAUTHENTICATE (RFC 8437) a device may log in there anew, with any password, from an address that the server believes: ours to name.
      allow_unauthenticate === true && forward_client === 'id'
        ? [
            {
              key: `upstream[${index}].allow_unauthenticate`,
              text: 'does not go with forward_client = "id": a device could say for itself where it comes from',
            },
          ]
        : [],
    ),
    ...sections.upstreams.flatMap((upstream, index) => checkAuth(upstream.auth, `upstream[${index}].auth`)),
    ...(isKnown('upstream') ? [] : checkProtocols(sections)),
    ...(sections.portal === undefined ? [] : checkPortal(sections.portal)),
  ]
}

const LOOPBACK = ['127.0.0.0/8', '::1'].map(parseCidr)

/** `localhost` is what it is on every machine. */
export function isLoopback({ host }: Endpoint): boolean {
  return host === 'localhost' || isInNetworks(host, LOOPBACK)
}

/** SECURITY: passwords are typed into these pages; they cross no network in plain text but that between a reverse proxy and us. */
function checkPortal({ address, tls, trusted_proxies, mail }: NonNullable<Sections['portal']>): Problem[] {
  const isOpen = address !== undefined && tls === 'none' && !isLoopback(address) && trusted_proxies === undefined
  const isHalf = mail !== undefined && (mail.user === undefined) !== (mail.secret_file === undefined)
  return [
    ...(isOpen
      ? [{ key: 'portal.tls', text: 'is "none" on an address that others can reach: write "implicit", or name the reverse proxy in trusted_proxies' }]
      : []),
    ...(isHalf ? [{ key: `portal.mail.${mail.user === undefined ? 'user' : 'secret_file'}`, text: 'is missing; user and secret_file belong together' }] : []),
  ]
}

/** The second mention of a thing is the problem; it names the first. */
function findRepeated(mentions: readonly { readonly key: string; readonly thing: string }[], describe: (thing: string, firstKey: string) => string): Problem[] {
  const firstKeys = new Map<string, string>()
  return mentions.flatMap(({ key, thing }) => {
    const firstKey = firstKeys.get(thing)
    if (firstKey === undefined) firstKeys.set(thing, key)
    return firstKey === undefined ? [] : [{ key, text: describe(thing, firstKey) }]
  })
}

function checkAddresses({ listen, admin, portal }: Sections): Problem[] {
  const endpoints: { key: string; endpoint: Endpoint | undefined }[] = [
    ...listen.map(({ address }, index) => ({ key: `listen[${index}].address`, endpoint: address })),
    { key: 'admin.address', endpoint: admin?.address },
    { key: 'portal.address', endpoint: portal?.address },
  ]
  // Port 0 is another port each time.
  const mentions = endpoints.flatMap(({ key, endpoint }) => (endpoint === undefined || endpoint.port === 0 ? [] : [{ key, thing: formatEndpoint(endpoint) }]))
  return findRepeated(mentions, (address, first) => `is "${address}", which ${first} has already`)
}

function checkCertificates({ certificates }: Sections): Problem[] {
  const mentions = certificates.flatMap(({ cert }, index) => (cert === undefined ? [] : [{ key: `certificate[${index}].cert`, thing: cert }]))
  return findRepeated(mentions, (file, first) => `is "${file}", which ${first} has already`)
}

function checkUpstreamNames({ upstreams }: Sections): Problem[] {
  const names = upstreams.flatMap(({ name }, index) => (name === undefined ? [] : [{ key: `upstream[${index}].name`, thing: name }]))
  const domains = upstreams.flatMap((upstream, index) =>
    (upstream.domains ?? []).map((domain, at) => ({ key: `upstream[${index}].domains[${at}]`, thing: domain })),
  )
  return [
    ...findRepeated(names, (name, first) => `is "${name}", which ${first} has already; each upstream needs a name of its own`),
    ...findRepeated(domains, (domain, first) => `is "${domain}", which ${first} has already; new mailboxes of a domain go to one upstream`),
  ]
}

function checkServers(upstream: Sections['upstreams'][number], key: string, isKnown: (prefix: string) => boolean): Problem[] {
  const hasServer = upstream.imap !== undefined || upstream.submission !== undefined || isKnown(`${key}.imap`) || isKnown(`${key}.submission`)
  return hasServer
    ? []
    : [{ key, text: 'has neither "imap" nor "submission"; it needs one of them, such as imap = { address = "imap.internal:993", tls = "implicit" }' }]
}

/** A listener whose protocol no upstream speaks would refuse everybody. */
function checkProtocols({ listen, upstreams }: Sections): Problem[] {
  return listen.flatMap(({ protocol }, index) =>
    protocol === undefined || upstreams.some(upstream => upstream[protocol] !== undefined)
      ? []
      : [{ key: `listen[${index}].protocol`, text: `is "${protocol}", but no [[upstream]] has "${protocol}"` }],
  )
}

const MASTER_KEYS = ['user', 'secret_file', 'style'] as const

function checkAuth(auth: ValuesOf<typeof UPSTREAM_AUTH_KEYS> | undefined, key: string): Problem[] {
  if (auth === undefined) return []
  if (auth.method === 'stored') {
    const needless = [...MASTER_KEYS, 'separator' as const].filter(name => auth[name] !== undefined)
    return needless.map(name => ({ key: `${key}.${name}`, text: 'is only for method = "master"; with "stored" each mailbox has its own login' }))
  }
  const missing = MASTER_KEYS.filter(name => auth[name] === undefined).map(name => ({ key: `${key}.${name}`, text: 'is missing; method = "master" needs it' }))
  if (auth.style === 'suffix' && auth.separator === undefined)
    return [...missing, { key: `${key}.separator`, text: 'is missing; style = "suffix" needs it, for example separator = "*"' }]
  if (auth.style === 'authzid' && auth.separator !== undefined) return [...missing, { key: `${key}.separator`, text: 'is only for style = "suffix"' }]
  return missing
}
