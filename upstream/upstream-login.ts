/**
 * With which name and secret we log in at the upstream for a mailbox (architecture §3 and §8): one way for the gateway and for every command
 * that tries a login. The device's app password never goes there.
 */

import { readSecretFile } from '../base/files/secret-file.ts'
import type { Secret } from '../base/secret.ts'
import type { UpstreamConfig } from '../config/config.ts'
import type { GatewayStore } from '../store/gateway-side/gateway-store.ts'
import type { LoginMailbox } from '../store/schema/login-record.ts'
import { UpstreamFailure } from './upstream-failure.ts'

export interface UpstreamLogin {
  /** Whose mailbox, when it is not `user`'s own (RFC 4616 authzid); '' otherwise. */
  readonly authzid: string
  readonly user: string
  readonly secret: Secret
  /** The secret is an access token (RFC 6750), not a password. */
  readonly isToken?: true
  /** Called when the secret leaves for the upstream: from then on it was tried there, whatever is heard of it. */
  readonly onSent?: () => void
}

export type MakeUpstreamLogin = (mailbox: LoginMailbox, store: Pick<GatewayStore, 'openUpstreamSecret'>) => UpstreamLogin

/** Why a login cannot be used at an upstream. */
export type LoginProblem = 'empty' | 'control-characters' | 'separator'

/** What no login command can carry, and what could name another mailbox than the one that was checked. */
export function findLoginProblem({ auth }: UpstreamConfig, login: string): LoginProblem | undefined {
  if (login === '') return 'empty'
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  if (/[\u0000-\u001f\u007f]/.test(login)) return 'control-characters'
  // SECURITY: `victim*gw` as a login would become `victim*gw*gw`; some servers read the first two parts.
  return auth.method === 'master' && auth.style === 'suffix' && login.includes(auth.separator) ? 'separator' : undefined
}

const PROBLEMS: Readonly<Record<LoginProblem, string>> = {
  empty: 'the login is empty',
  'control-characters': 'the login has control characters',
  separator: 'the login contains the separator of the master user',
}

/** The master user's secret; undefined where there is none. Throws KEY_UNREADABLE or KEY_EXPOSED when its file is not usable. */
export function readMasterSecret({ auth }: UpstreamConfig): Secret | undefined {
  return auth.method === 'master' ? readSecretFile(auth.secretFile, "the master user's secret") : undefined
}

/** By our credentials: `own` is the mailbox's secret there, `master` that of `readMasterSecret`. Throws UpstreamFailure `not-configured`, `secret-missing`. */
export function makeUpstreamLogin(
  upstream: UpstreamConfig,
  login: string,
  { own, master }: { readonly own: (() => Secret) | undefined; readonly master: Secret | undefined },
): UpstreamLogin {
  const { auth } = upstream
  checkUsable(upstream, login)
  if (auth.method === 'master') {
    if (master === undefined) throw new UpstreamFailure('not-configured', "the master user's secret was not read")
    return auth.style === 'authzid'
      ? { authzid: login, user: auth.user, secret: master }
      : { authzid: '', user: `${login}${auth.separator}${auth.user}`, secret: master }
  }
  if (own === undefined) throw new UpstreamFailure('secret-missing', 'the mailbox has no upstream secret; set one with `mailbox set ADDR --secret-stdin`')
  return { authzid: '', user: login, secret: own() }
}

/** For the gateway: reads the master secret once. Throws KEY_UNREADABLE or KEY_EXPOSED. */
export function openUpstreamLogin(upstream: UpstreamConfig): MakeUpstreamLogin {
  const master = readMasterSecret(upstream)
  return (mailbox, store) =>
    makeUpstreamLogin(upstream, mailbox.login ?? mailbox.address, {
      own: mailbox.sealedSecret === null ? undefined : () => store.openUpstreamSecret(mailbox),
      master,
    })
}

/** As the mailbox itself, with what its user gave (migration). SECURITY: never as the master user, whatever the upstream's method. */
export function makeMigrationLogin(upstream: UpstreamConfig, mailbox: LoginMailbox, secret: Secret): UpstreamLogin {
  const user = mailbox.login ?? mailbox.address
  // SECURITY: with the separator inside, the secret would be tried as the master user's.
  checkUsable(upstream, user)
  return { authzid: '', user, secret }
}

function checkUsable(upstream: UpstreamConfig, login: string): void {
  const problem = findLoginProblem(upstream, login)
  if (problem !== undefined) throw new UpstreamFailure('not-configured', PROBLEMS[problem])
}
