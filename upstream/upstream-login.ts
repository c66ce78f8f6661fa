/**
 * With which name and secret we log in at the upstream for a mailbox (architecture §3 and §8).
 * The device's app password never goes there.
 */
import { readFileSync, statSync } from 'node:fs'
import { MailwicketError } from '../base/errors.ts'
import { Secret } from '../base/secret.ts'
import type { UpstreamConfig } from '../config/config.ts'
import type { GatewayStore } from '../store/gateway-side/gateway-store.ts'
import type { LoginMailbox } from '../store/schema/login-record.ts'
import { UpstreamFailure } from './upstream-failure.ts'

export interface UpstreamLogin {
  /** Whose mailbox, when it is not `user`'s own (RFC 4616 authzid); '' otherwise. */
  readonly authzid: string
  readonly user: string
  readonly secret: Secret
}

export type MakeUpstreamLogin = (mailbox: LoginMailbox, store: Pick<GatewayStore, 'openUpstreamSecret'>) => UpstreamLogin

/** Reads the master secret once; throws KEY_UNREADABLE or KEY_EXPOSED when its file is not usable. */
export function openUpstreamLogin({ auth }: UpstreamConfig): MakeUpstreamLogin {
  if (auth.method === 'stored') return storedLogin
  const secret = readSecretFile(auth.secretFile)
  if (auth.style === 'authzid') return mailbox => ({ authzid: mailbox.login ?? mailbox.address, user: auth.user, secret })
  return mailbox => {
    const login = mailbox.login ?? mailbox.address
    // SECURITY: with the separator inside, a login could name another mailbox than the one that was checked.
    if (login.includes(auth.separator)) throw new UpstreamFailure('not-configured', 'the login contains the separator of the master user')
    return { authzid: '', user: `${login}${auth.separator}${auth.user}`, secret }
  }
}

function storedLogin(mailbox: LoginMailbox, store: Pick<GatewayStore, 'openUpstreamSecret'>): UpstreamLogin {
  if (mailbox.sealedSecret === null)
    throw new UpstreamFailure('secret-missing', 'the mailbox has no upstream secret; set one with `mailbox set ADDR --secret-stdin`')
  return { authzid: '', user: mailbox.login ?? mailbox.address, secret: store.openUpstreamSecret(mailbox) }
}

/** As the mailbox itself, with what its user gave (migration password). SECURITY: never as the master user, whatever the upstream's method. */
export function makeMigrationLogin({ auth }: UpstreamConfig, mailbox: LoginMailbox, secret: Secret): UpstreamLogin {
  const user = mailbox.login ?? mailbox.address
  // SECURITY: with the separator inside, the secret would be tried as the master user's.
  if (auth.method === 'master' && auth.style === 'suffix' && user.includes(auth.separator))
    throw new UpstreamFailure('not-configured', 'the login contains the separator of the master user')
  return { authzid: '', user, secret }
}

/**
 * SECURITY: an upstream may quote our command in its refusal, with the secret in it. A failure whose words repeat any part of what we sent
 * to log in loses them; everything else stays as it is.
 */
export function hideLogin(error: unknown, { authzid, user, secret }: UpstreamLogin): unknown {
  if (!(error instanceof UpstreamFailure)) return error
  const raw = secret.reveal()
  const sent = [raw.toString('latin1'), raw.toString('base64'), Buffer.concat([Buffer.from(`${authzid}\0${user}\0`), raw]).toString('base64')]
  return sent.some(text => repeatsPartOf(error.detail, text)) ? new UpstreamFailure(error.reason, '(the upstream repeated our login in its answer)') : error
}

/** Long enough not to be met by chance; servers cut what they quote, so a part is enough. */
const TELLING_CHARACTERS = 8

function repeatsPartOf(text: string, sent: string): boolean {
  if (sent.length <= TELLING_CHARACTERS) return text.includes(sent)
  for (let at = 0; at + TELLING_CHARACTERS <= sent.length; at += 1) if (text.includes(sent.slice(at, at + TELLING_CHARACTERS))) return true
  return false
}

function readSecretFile(path: string): Secret {
  try {
    // SECURITY: whoever reads this file reads all mail.
    if ((statSync(path).mode & 0o077) !== 0)
      throw new MailwicketError('KEY_EXPOSED', { message: `others can read ${path}`, remedy: `Run \`chmod 600 ${path}\`.` })
    return Secret.fromText(readFileSync(path, 'utf8').replace(/\r?\n$/, ''))
  } catch (error) {
    if (error instanceof MailwicketError) throw error
    throw new MailwicketError('KEY_UNREADABLE', {
      message: `the master user's secret ${path} cannot be read: ${(error as Error).message}`,
      remedy: 'Write the secret to the file that secret_file names.',
      cause: error,
    })
  }
}
