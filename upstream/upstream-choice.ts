/**
 * With which name and secret a mailbox logs in at its upstream, and which upstream a new mailbox gets.
 */
import { readFileSync } from 'node:fs'
import { domainOf } from '../base/address.ts'
import { MailwicketError } from '../base/errors.ts'
import { Secret } from '../base/secret.ts'
import type { Config, UpstreamConfig } from '../config/config.ts'

export interface UpstreamAccount {
  /** Whose mailbox, when it is not `user`'s own (RFC 4616 authzid). */
  readonly authzid: string | undefined
  readonly user: string
  readonly secret: Secret
}

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
  const { auth } = upstream
  // No login command can carry these.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  if (login === '' || /[\u0000-\u001f\u007f]/.test(login)) {
    throw new MailwicketError('BAD_INPUT', { message: '--login: empty, or with control characters.', remedy: 'Give the name as the upstream knows it.' })
  }
  // SECURITY: `victim*gw` as a login would become `victim*gw*gw`; some servers read the first two parts.
  if (auth.method === 'master' && auth.style === 'suffix' && login.includes(auth.separator)) {
    throw new MailwicketError('BAD_INPUT', {
      message: `The login “${login.slice(0, 60)}” contains “${auth.separator}”, which upstream “${upstream.name}” puts between a mailbox and the master user.`,
      remedy: 'Give another name with --login, or use style = "authzid" for this upstream.',
    })
  }
}

/** `secret` is that of the mailbox; under `master` it is not used. Throws KEY_UNREADABLE, BAD_INPUT. */
export function makeUpstreamAccount(upstream: UpstreamConfig, login: string, secret: Secret | undefined): UpstreamAccount {
  const { auth } = upstream
  checkLogin(upstream, login)
  if (auth.method === 'master') {
    const master = readSecretFile(auth.secretFile)
    return auth.style === 'authzid'
      ? { authzid: login, user: auth.user, secret: master }
      : { authzid: undefined, user: `${login}${auth.separator}${auth.user}`, secret: master }
  }
  if (secret === undefined)
    throw new MailwicketError('BAD_INPUT', { message: 'The mailbox has no upstream secret.', remedy: 'Give one with `mailbox set ADDR --secret-stdin`.' })
  return { authzid: undefined, user: login, secret }
}

function readSecretFile(path: string): Secret {
  try {
    return Secret.fromText(readFileSync(path, 'utf8').replace(/\r?\n$/, ''))
  } catch (error) {
    throw new MailwicketError('KEY_UNREADABLE', {
      message: `The master user's secret ${path} cannot be read: ${(error as Error).message}`,
      remedy: 'Write the secret to the file that secret_file names.',
      cause: error,
    })
  }
}
