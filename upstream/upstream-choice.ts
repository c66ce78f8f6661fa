/**
 * Which upstream a mailbox is at, and how it will log in there: for commands, in the words of a person's input.
 */
import { domainOf } from '../base/address.ts'
import { MailwicketError } from '../base/errors.ts'
import type { Secret } from '../base/secret.ts'
import type { Config, UpstreamConfig } from '../config/config.ts'
import { findLoginProblem, makeUpstreamLogin, readMasterSecret, type UpstreamLogin } from './upstream-login.ts'

/** The upstream named `wanted`, else the one of the address's domain, else the only one. Throws BAD_INPUT that names the choices. */
export function chooseUpstream(config: Config, address: string, wanted: string | undefined): UpstreamConfig {
  const { upstreams } = config
  const choices = `The configuration has: ${upstreams.map(one => one.name).join(', ') || 'none'}.`
  if (wanted !== undefined) {
    const named = upstreams.find(one => one.name === wanted)
    if (named === undefined) throw new MailwicketError('BAD_INPUT', { message: `There is no upstream “${wanted.slice(0, 60)}”.`, remedy: choices })
    return named
  }
  const domain = domainOf(address)
  const [only, ...others] = upstreams
  const chosen = upstreams.find(one => one.domains.includes(domain)) ?? (others.length === 0 ? only : undefined)
  if (chosen === undefined) {
    throw new MailwicketError('BAD_INPUT', {
      message: `No upstream is for ${domain}.`,
      remedy: `Name one with --upstream, or add the domain to one in ${config.path}. ${choices}`,
    })
  }
  return chosen
}

/** The upstream a mailbox already has. Throws CONFIG_INVALID when it is gone from the configuration. */
export function getUpstream(config: Config, name: string): UpstreamConfig {
  const upstream = config.upstreams.find(one => one.name === name)
  if (upstream === undefined) {
    throw new MailwicketError('CONFIG_INVALID', {
      message: `The mailbox belongs to upstream “${name}”, which is not in ${config.path}.`,
      remedy: 'Put it back, or move the mailbox with `mailbox set ADDR --upstream NAME`.',
    })
  }
  return upstream
}

/** Refuses a login that could name another mailbox than the one that was asked for. Throws BAD_INPUT. */
export function checkLogin(upstream: UpstreamConfig, login: string): void {
  const { auth, name } = upstream
  const problem = findLoginProblem(upstream, login)
  if (problem === 'separator') {
    const separator = auth.method === 'master' && auth.style === 'suffix' ? auth.separator : ''
    throw new MailwicketError('BAD_INPUT', {
      message: `The login “${login.slice(0, 60)}” contains “${separator}”, which upstream “${name}” puts between a mailbox and the master user.`,
      remedy: 'Give another name with --login, or use style = "authzid" for this upstream.',
    })
  }
  if (problem !== undefined)
    throw new MailwicketError('BAD_INPUT', { message: '--login: empty, or with control characters.', remedy: 'Give the name as the upstream knows it.' })
}

/** The gateway's own login, for a command that tries it: `secret` is that of the mailbox; under `master` it is not used. Throws KEY_UNREADABLE, KEY_EXPOSED, BAD_INPUT. */
export function makeUpstreamAccount(upstream: UpstreamConfig, login: string, secret: Secret | undefined): UpstreamLogin {
  checkLogin(upstream, login)
  if (upstream.auth.method === 'stored' && secret === undefined)
    throw new MailwicketError('BAD_INPUT', { message: 'The mailbox has no upstream secret.', remedy: 'Give one with `mailbox set ADDR --secret-stdin`.' })
  return makeUpstreamLogin(upstream, login, { own: secret === undefined ? undefined : () => secret, master: readMasterSecret(upstream) })
}
