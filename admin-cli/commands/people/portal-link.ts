/**
 * Links into the portal that a command shows once, and what to say where there is no portal.
 * SECURITY: whoever has such a link is let in by it: like a password it is shown, and kept nowhere.
 */
import { MailwicketError } from '../../../base/errors.ts'
import type { Secret } from '../../../base/secret.ts'
import type { Config } from '../../../config/config.ts'
import { revealPassword } from '../devices/device-password.ts'

/** Throws BAD_INPUT. */
export function checkHasPortal(config: Config): void {
  if (config.portal === undefined)
    throw new MailwicketError('BAD_INPUT', { message: 'There is no portal that a link could lead to.', remedy: `Add [portal] with its url to ${config.path}.` })
}

/** Of an invitation or a new start; null: it is mailed. */
export function formatLink(config: Config, token: Secret | null): string | null {
  return token === null || config.portal === undefined ? null : new URL(`/i/${revealPassword(token)}`, config.portal.url).href
}
