/**
 * Does the IMAP server of every upstream answer, and does it let us in? Ways around the gateway: check-bypass.ts.
 * What is the same for submission servers is exported for check-submission.ts.
 */

import { lookup } from 'node:dns/promises'
import type { ErrorCode } from '../../base/errors.ts'
import { formatEndpoint, isInNetworks, normaliseIp, parseCidr } from '../../base/network.ts'
import type { Config, UpstreamConfig, UpstreamEndpoint } from '../../config/config.ts'
import type { Mailbox } from '../../store/accounts/mailbox-rows.ts'
import type { Store } from '../../store/open-store.ts'
import type { CommandContext } from '../frame/command-context.ts'
import { withStoreOf } from '../frame/store-access.ts'
import { bad, doubtful, type Finding, good } from './check-finding.ts'

const LOOPBACK = ['127.0.0.0/8', '::1/128'].map(parseCidr)

/** `address`: the mailbox to try the login with; else the first one of each upstream. */
export async function checkUpstreams(context: CommandContext, config: Config, address: string | undefined): Promise<Finding[]> {
  const findings: Finding[] = []
  for (const upstream of config.upstreams) {
    if (upstream.imap === undefined) continue
    findings.push(...(await checkLogin(context, config, upstream, address)))
  }
  return findings
}

/** Whether a login of the mailbox that was named can be tried at all. A store that does not open has its own line. */
export async function checkNamedMailbox(context: CommandContext, config: Config, address: string): Promise<Finding[]> {
  const [{ getUpstream }, { MailwicketError }] = await Promise.all([import('../../upstream/upstream-choice.ts'), import('../../base/errors.ts')])
  try {
    const mailbox = await withStoreOf(context, config, store => store.mailboxes.get(address))
    if (mailbox.state !== 'active')
      return [doubtful('mailbox', `${mailbox.address} is disabled: no login of it is tried.`, '`mailbox set ADDR --enable` lets it in.')]
    if (mailbox.hasSecret || getUpstream(config, mailbox.upstream).auth.method === 'master') return []
    return [doubtful('mailbox', `No password of ${mailbox.address} is stored: no login of it is tried.`, 'Store it with `mailbox set ADDR --secret`.')]
  } catch (error) {
    if (!(error instanceof MailwicketError)) throw error
    return error.kind === 'not-found' || error.kind === 'usage' ? [bad('mailbox', error)] : []
  }
}

async function checkLogin(context: CommandContext, config: Config, upstream: UpstreamConfig, address: string | undefined): Promise<Finding[]> {
  const check = `upstream ${upstream.name}`
  const endpoint = upstream.imap
  if (endpoint === undefined) return []
  const [{ probeImap, probeInbox }, { probeTargetOf }] = await Promise.all([
    import('../../upstream/probe/imap-probe.ts'),
    import('../../upstream/probe/probe-target.ts'),
  ])
  const target = probeTargetOf(config, upstream, endpoint)
  try {
    const found = await findAccount(context, config, upstream, address)
    const facts = 'untried' in found ? await probeImap(target, undefined) : await probeInbox(target, found.account)
    const name = 'untried' in found ? found.untried : `logged in for ${found.mailbox.address}`
    const findings = [good(check, `${formatEndpoint(endpoint)} answers (${SECURITY[endpoint.tls]}; ${name}).`)]
    if (facts.inboxProblem !== undefined) {
      findings.push(
        doubtful(
          check,
          `The login works, but then it shows no INBOX: ${facts.inboxProblem}`,
          'Apps will see the same. Look at the mailbox, and at the log of the server.',
        ),
      )
    }
    // With a login to try, that is why it fails; before one, few servers say it.
    if (facts.capabilities.includes('UNAUTHENTICATE') && !upstream.allowUnauthenticate) {
      findings.push(
        doubtful(
          check,
          'It offers UNAUTHENTICATE (RFC 8437), with which an app could try passwords behind the gateway. The gateway refuses such sessions.',
          'Turn it off at the upstream, or accept it with allow_unauthenticate = true.',
        ),
      )
    }
    if (/^id\b/.test(upstream.forwardClient) && !facts.capabilities.includes('ID')) {
      findings.push(
        doubtful(
          check,
          `It does not offer ID: it does not learn the address of the mail app, though forward_client = "${upstream.forwardClient}".`,
          'If it is Dovecot, its login_trusted_networks must name this machine; else try "proxy", or set forward_client = "none".',
        ),
      )
    }
    return [...findings, ...(await checkEncryption(check, endpoint))]
  } catch (error) {
    return [bad(check, error)]
  }
}

export const SECURITY = { implicit: 'TLS, certificate verified', starttls: 'STARTTLS, certificate verified', none: 'no TLS' } as const

export async function checkEncryption(check: string, endpoint: UpstreamEndpoint): Promise<Finding[]> {
  if (endpoint.tls !== 'none' || (await resolvesInto(endpoint.host, LOOPBACK))) return []
  return [doubtful(check, 'Passwords and mail travel to it without TLS.', 'Use tls = "implicit" or "starttls" unless the line between is your own.')]
}

/** A mailbox of this upstream and how it logs in, or why none is tried. A store or key that does not open has its own line. */
export async function findAccount(context: CommandContext, config: Config, upstream: UpstreamConfig, address: string | undefined) {
  const [{ makeUpstreamAccount }, { MailwicketError }] = await Promise.all([import('../../upstream/upstream-choice.ts'), import('../../base/errors.ts')])
  const found = await withStoreOf(context, config, store => findMailbox(store, upstream, address)).catch((error: unknown) => {
    if (error instanceof MailwicketError) return { untried: `no login tried: ${WITHOUT[error.code] ?? 'the store does not open'}` }
    throw error
  })
  if (found === undefined) return { untried: address === undefined ? 'no mailbox to try a login with yet' : 'no login tried' }
  if ('untried' in found) return found
  const { mailbox, secret } = found
  return { mailbox, account: makeUpstreamAccount(upstream, mailbox.login ?? mailbox.address, secret ?? undefined) }
}

/** What a login cannot be made without. */
const WITHOUT: Readonly<Partial<Record<ErrorCode, string>>> = {
  KEY_UNREADABLE: 'the master key cannot be read',
  KEY_EXPOSED: 'the master key is not used while others can read it',
  KEY_WRONG: 'the secrets are sealed under another master key',
}

async function findMailbox(store: Store, upstream: UpstreamConfig, address: string | undefined) {
  const isUsable = (one: Mailbox) => one.upstream === upstream.name && one.state === 'active' && (one.hasSecret || upstream.auth.method === 'master')
  const filter = { upstream: upstream.name, state: 'active', ...(upstream.auth.method === 'master' ? {} : { hasSecret: true }) } as const
  const mailbox = address === undefined ? (await store.mailboxes.page({ limit: 1, filter })).rows[0] : await store.mailboxes.find(address)
  if (mailbox === undefined || !isUsable(mailbox)) return undefined
  return { mailbox, secret: upstream.auth.method === 'master' ? null : await store.mailboxes.openSecret(mailbox.address) }
}

async function resolveAll(host: string): Promise<string[]> {
  try {
    return (await lookup(host, { all: true })).map(({ address }) => normaliseIp(address))
  } catch {
    // That the name is not found is already in the line of the login.
    return []
  }
}

async function resolvesInto(host: string, networks: typeof LOOPBACK): Promise<boolean> {
  const addresses = await resolveAll(host)
  return addresses.length > 0 && addresses.every(address => isInNetworks(address, networks))
}
